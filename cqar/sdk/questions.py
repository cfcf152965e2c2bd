"""What can be asked: how each request is built, and how its response is read. No I/O.

A `Question` is a value. Every client and replica sends the same ones; only the transport differs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any, Final, Generic, NamedTuple, ParamSpec, TypeVar

from cqc.assets.v1 import identifier_pb2
from cqc.markets.v1 import identifier_pb2 as symbol_identifier_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as rpb
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cqar.sdk import decoding, product_decoding
from cqar.sdk.changes import Update
from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.enums import Intent, OrderKind, Side, Source
from cqar.sdk.errors import InvalidRequest
from cqar.sdk.products import SymbolRef, VenueRef
from cqar.sdk.results import (
    AssetAnswer,
    Freshness,
    Group,
    Miss,
    OrderCheck,
    PastResolution,
    Resolution,
    ResolverStatus,
    Spelling,
)
from cqar.sdk.session_position import Position
from cqar_shared.domain.decimals import plain

RESOLVER: Final = "cqc.resolver.v1.Resolver"
REGISTRY: Final = "cqc.services.v1.AssetRegistry"
#: Keys that a resolver answers at once at most, and rows of a page.
KEYS_MAX: Final = 2_000
PAGE_ROWS: Final = 1_000

_SURROGATES: Final = re.compile("[\ud800-\udfff]")

M = TypeVar("M")
P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
#: (venue, the venue's own spelling).
Key = tuple[str, str]
#: What `as_of` chooses between: the present, or the state of another instant.
AnyResolution = Resolution | PastResolution
_Decode = Callable[[pb.Resolution, Freshness], T]


def _refuse_non_text(build: Callable[P, T]) -> Callable[P, T]:
    """Raise InvalidRequest, not UnicodeEncodeError, for a string that UTF-8 cannot encode."""

    @wraps(build)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return build(*args, **kwargs)
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"{error.object!r} is no text: {error.reason}") from error

    return checked


def _with_spelling(message: Callable[..., M], venue: str, symbol: str) -> M:
    """The message for a spelling. A lone surrogate, which UTF-8 cannot encode, becomes a NUL.

    No spelling contains either, so both are answered alike: nothing is listed under it.
    """
    try:
        return message(venue_id=venue, venue_symbol=symbol)
    except UnicodeEncodeError:
        venue, symbol = (_SURROGATES.sub("\0", text) for text in (venue, symbol))
        return message(venue_id=venue, venue_symbol=symbol)


class Question(NamedTuple, Generic[T_co]):
    """A read-only call: service, method, request, the response's type and how to read that."""

    service: str
    method: str
    request: Message
    response: type[Message]
    read: Callable[[Any], T_co]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.method}"


def resolve(venue: str, symbol: str, as_of: dt.datetime | None = None) -> Question[AnyResolution]:
    """What a spelling means, a Resolution; with `as_of` what it means then, a PastResolution.

    Raises:
        ValueError: `as_of` has no time zone.
    """
    request = _with_spelling(pb.ResolveRequest, venue, symbol)
    if as_of is not None:
        request.as_of.CopyFrom(_timestamp(as_of))
    decode = _decoder(as_of)

    def read(response: pb.ResolveResponse) -> AnyResolution:
        return decode(response.resolution, decoding.freshness(response.resolution.freshness))

    return Question(RESOLVER, "Resolve", request, pb.ResolveResponse, read)


def resolve_batches(
    keys: Iterable[Key], as_of: dt.datetime | None = None
) -> Iterator[Question[list[AnyResolution | Miss]]]:
    """One question for each `KEYS_MAX` keys; each is answered as of one revision.

    Raises:
        ValueError: `as_of` has no time zone.
    """
    decode, every_key = _decoder(as_of), list(keys)
    for start in range(0, len(every_key), KEYS_MAX):
        request = pb.ResolveBatchRequest(as_of=None if as_of is None else _timestamp(as_of))
        yield _resolve_batch(every_key[start : start + KEYS_MAX], request, decode)


def _resolve_batch(
    keys: Sequence[Key], request: pb.ResolveBatchRequest, decode: _Decode[T]
) -> Question[list[T | Miss]]:
    def read(response: pb.ResolveBatchResponse) -> list[T | Miss]:
        freshness = decoding.freshness(response.freshness)
        return [
            decoding.resolution_or_miss(resolution, key, freshness, decode)
            for key, resolution in zip(keys, response.resolutions, strict=True)
        ]

    request.keys.extend(_with_spelling(pb.VenueSymbolKey, venue, symbol) for venue, symbol in keys)
    return Question(RESOLVER, "ResolveBatch", request, pb.ResolveBatchResponse, read)


def _decoder(as_of: dt.datetime | None) -> _Decode[AnyResolution]:
    return decoding.resolution if as_of is None else decoding.past_resolution


def _timestamp(as_of: dt.datetime) -> Timestamp:
    if not isinstance(as_of, dt.datetime):
        raise TypeError(f"as_of={as_of!r} is no datetime, which has a time zone here")
    if as_of.tzinfo is None:
        raise ValueError(f"as_of={as_of!r} has no time zone")
    stamp = Timestamp()
    stamp.FromDatetime(as_of)
    return stamp


@_refuse_non_text
def venue_symbols(symbol_id: str, venues: Iterable[str]) -> Question[list[Spelling]]:
    def read(response: pb.FindVenueSymbolsResponse) -> list[Spelling]:
        return list(map(decoding.spelling, response.venue_symbols))

    request = pb.FindVenueSymbolsRequest(symbol_id=symbol_id, venue_ids=venues)
    return Question(RESOLVER, "FindVenueSymbols", request, pb.FindVenueSymbolsResponse, read)


@_refuse_non_text
def asset(names: dict[str, str]) -> Question[AssetAnswer]:
    """An asset by exactly one of asset_id; venue, code; chain, address; source, external_id.

    Args:
        names: These names and their values; an empty value counts as not given.

    Raises:
        TypeError: the call gave none of these arguments, or several.
    """
    given = {name: value for name, value in names.items() if value}
    match given:
        case {"asset_id": asset_id, **rest} if not rest:
            request = pb.ResolveAssetRequest(asset_id=asset_id)
        case {"venue": venue, "code": code, **rest} if not rest:
            venue_code = pb.VenueAssetCode(venue_id=venue, code=code)
            request = pb.ResolveAssetRequest(venue_code=venue_code)
        case {"chain": chain, "address": address, **rest} if not rest:
            contract = pb.ContractAddress(chain_id=chain, address=address)
            request = pb.ResolveAssetRequest(contract=contract)
        case {"source": source, "external_id": external_id, **rest} if not rest:
            data_source = identifier_pb2.DataSource.Value(f"DATA_SOURCE_{Source(source)}")
            external = pb.ExternalId(source=data_source, external_id=external_id)
            request = pb.ResolveAssetRequest(external_id=external)
        case _:
            raise TypeError(
                "give asset_id, or venue and code, or chain and address, or source and external_id;"
                f" not {', '.join(given) or 'nothing'}"
            )
    return Question(
        RESOLVER, "ResolveAsset", request, pb.ResolveAssetResponse, decoding.asset_answer
    )


@_refuse_non_text
def symbol(names: dict[str, str]) -> Question[SymbolRef]:
    """A symbol by its id, or by source and external_id.

    Args:
        names: These names and their values; an empty value counts as not given.

    Raises:
        TypeError: the call gave neither, or both.
    """
    given = {name: value for name, value in names.items() if value}
    match given:
        case {"symbol_id": symbol_id, **rest} if not rest:
            request = rpb.GetSymbolRequest(symbol_id=symbol_id)
        case {"source": source, "external_id": external_id, **rest} if not rest:
            number = symbol_identifier_pb2.DataSource.Value(f"DATA_SOURCE_{source}")
            request = rpb.GetSymbolRequest(data_source=number, external_id=external_id)
        case _:
            raise TypeError(
                f"give symbol_id, or source and external_id; not {', '.join(given) or 'nothing'}"
            )

    def read(response: rpb.GetSymbolResponse) -> SymbolRef:
        return product_decoding.symbol(response.symbol)

    return Question(REGISTRY, "GetSymbol", request, rpb.GetSymbolResponse, read)


@_refuse_non_text
def group(name: str, group_id: str) -> Question[Group]:
    """A group's members, by its name or its id.

    Raises:
        TypeError: Neither was given, or both.
    """
    if bool(name) == bool(group_id):
        raise TypeError("give name or group_id")
    request = pb.ExpandGroupRequest(name=name) if name else pb.ExpandGroupRequest(group_id=group_id)
    return Question(RESOLVER, "ExpandGroup", request, pb.ExpandGroupResponse, decoding.group)


def check_order(
    key: Key,
    price: Exact | None,
    quantity: Exact | None,
    side: Side | str | None,
    intent: Intent | str,
    kind: OrderKind | str | None = None,
    reference_price: Exact | None = None,
) -> Question[OrderCheck]:
    spelling = _with_spelling(pb.VenueSymbolKey, *key)
    request = pb.CheckOrderRequest(
        venue_id=spelling.venue_id,
        venue_symbol=spelling.venue_symbol,
        price="" if price is None else plain(exact(price)),
        quantity="" if quantity is None else plain(exact(quantity)),
        side=pb.OrderSide.Value(f"ORDER_SIDE_{'UNSPECIFIED' if side is None else Side(side).name}"),
        intent=pb.OrderIntent.Value(f"ORDER_INTENT_{Intent(intent).name}"),
        order_kind=pb.OrderKind.Value(
            f"ORDER_KIND_{'UNSPECIFIED' if kind is None else OrderKind(kind).name}"
        ),
        reference_price="" if reference_price is None else plain(exact(reference_price)),
    )
    return Question(RESOLVER, "CheckOrder", request, pb.CheckOrderResponse, decoding.order_check)


@_refuse_non_text
def venue(venue_id: str) -> Question[VenueRef]:
    def read(response: rpb.GetVenueResponse) -> VenueRef:
        return product_decoding.venue(response.venue)

    return Question(
        REGISTRY, "GetVenue", rpb.GetVenueRequest(venue_id=venue_id), rpb.GetVenueResponse, read
    )


def status() -> Question[ResolverStatus]:
    request = pb.GetStatusRequest()
    return Question(RESOLVER, "GetStatus", request, pb.GetStatusResponse, decoding.status)


@_refuse_non_text
def watch(
    from_revision: int, epoch: int, kinds: Iterable[str], venues: Iterable[str]
) -> Question[Update]:
    """Change sets and heartbeats; answered by a stream, each of whose messages is read.

    Raises:
        InvalidRequest: No registry can be at that epoch or revision.
    """
    try:
        Position(epoch, from_revision).checked()
    except ValueError as error:
        raise InvalidRequest(str(error)) from error
    request = pb.WatchRequest(
        from_revision=from_revision, epoch=epoch, kinds=kinds, venue_ids=venues
    )
    return Question(RESOLVER, "Watch", request, pb.WatchResponse, decoding.update)


class Page(NamedTuple):
    """A page of a venue's listings; `next_token` is empty on the last page."""

    spellings: list[Spelling]
    next_token: str


@_refuse_non_text
def listed(venue: str, token: str) -> Question[Page]:
    """A page of what a venue lists now; the first one for an empty token."""

    def read(response: rpb.ListVenueSymbolsResponse) -> Page:
        return Page(list(map(decoding.spelling, response.venue_symbols)), response.next_page_token)

    request = rpb.ListVenueSymbolsRequest(venue_id=venue, page_size=PAGE_ROWS, page_token=token)
    return Question(REGISTRY, "ListVenueSymbols", request, rpb.ListVenueSymbolsResponse, read)


def keys_of_markets(venue: str, spellings: Iterable[Spelling]) -> list[list[Key]]:
    """The primary spellings in their order, in parts that one batch holds."""
    names = sorted(one.venue_symbol for one in spellings if not one.alias_of)
    keys = [(venue, name) for name in names]
    return [keys[start : start + KEYS_MAX] for start in range(0, len(keys), KEYS_MAX)]


def found_markets(parts: Iterable[Iterable[Resolution | Miss]]) -> list[Resolution]:
    """The answers that were found: a listing may end between the list and its resolution."""
    return [one for part in parts for one in part if isinstance(one, Resolution)]
