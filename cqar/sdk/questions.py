"""What to ask a resolver, and how to read the answer. No I/O: one for gRPC and in process."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any, Final, Generic, NamedTuple, ParamSpec, TypeVar

from cqc.assets.v1 import identifier_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.services.v1 import asset_registry_pb2 as rpb
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cqar.sdk import decoding as read
from cqar.sdk.changes import Update
from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.enums import Intent, Side, Source
from cqar.sdk.errors import InvalidRequest
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
#: The most that a resolver answers at once, and the most that a page holds.
KEYS_MAX: Final = 2_000
PAGE_ROWS: Final = 1_000

_SIDES: Final = {Side.BUY: pb.ORDER_SIDE_BUY, Side.SELL: pb.ORDER_SIDE_SELL}
_INTENTS: Final = {
    Intent.OPEN: pb.ORDER_INTENT_OPEN,
    Intent.POST_ONLY: pb.ORDER_INTENT_POST_ONLY,
    Intent.REDUCE: pb.ORDER_INTENT_REDUCE,
}

_SURROGATES: Final = re.compile("[\ud800-\udfff]")

M = TypeVar("M")
P = ParamSpec("P")
T = TypeVar("T")
#: (venue, the venue's own spelling).
Key = tuple[str, str]
#: What a Resolution means, of a registry that is so current.
Decode = Callable[[pb.Resolution, Freshness], T]


def _refuse_non_text(how: Callable[P, T]) -> Callable[P, T]:
    """Says in the registry's terms that what was asked is no text."""

    @wraps(how)
    def worded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return how(*args, **kwargs)
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"{error.object!r} is no text: {error.reason}") from error

    return worded


def _with_spelling(message: Callable[..., M], venue: str, symbol: str) -> M:
    """The message; half a character, which none carries, as another that no spelling has."""
    try:
        return message(venue_id=venue, venue_symbol=symbol)
    except UnicodeEncodeError:
        venue, symbol = (_SURROGATES.sub("\0", text) for text in (venue, symbol))
        return message(venue_id=venue, venue_symbol=symbol)


class Question(NamedTuple, Generic[T]):
    """A read: which method of which service, with what, and what its answer means."""

    service: str
    method: str
    request: Message
    response: type[Message]
    read: Callable[[Any], T]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.method}"


def resolve(venue: str, symbol: str) -> Question[Resolution]:
    return _resolve(_with_spelling(pb.ResolveRequest, venue, symbol), read.resolution)


def resolve_past(venue: str, symbol: str, as_of: dt.datetime) -> Question[PastResolution]:
    """Raises ValueError for a time without a zone."""
    request = _with_spelling(pb.ResolveRequest, venue, symbol)
    request.as_of.CopyFrom(_timestamp(as_of))
    return _resolve(request, read.past_resolution)


def _resolve(request: pb.ResolveRequest, how: Decode[T]) -> Question[T]:
    def meant(answer: pb.ResolveResponse) -> T:
        found = answer.resolution
        return how(found, read.freshness(found.freshness))

    return Question(RESOLVER, "Resolve", request, pb.ResolveResponse, meant)


def resolve_batches(keys: Iterable[Key]) -> Iterator[Question[list[Resolution | Miss]]]:
    """As many questions as it takes, each of one revision."""
    for some in _batches(keys):
        yield _resolve_batch(some, pb.ResolveBatchRequest(), read.resolution)


def resolve_past_batches(
    keys: Iterable[Key], as_of: dt.datetime
) -> Iterator[Question[list[PastResolution | Miss]]]:
    """The same as of an instant; raises ValueError for one without a zone."""
    for some in _batches(keys):
        request = pb.ResolveBatchRequest(as_of=_timestamp(as_of))
        yield _resolve_batch(some, request, read.past_resolution)


def _batches(keys: Iterable[Key]) -> Iterator[list[Key]]:
    left = list(keys)
    for start in range(0, len(left), KEYS_MAX):
        yield left[start : start + KEYS_MAX]


def _resolve_batch(
    keys: Sequence[Key], request: pb.ResolveBatchRequest, how: Decode[T]
) -> Question[list[T | Miss]]:
    def meant(answer: pb.ResolveBatchResponse) -> list[T | Miss]:
        freshness = read.freshness(answer.freshness)
        return [
            read.resolution_or_miss(found, key, freshness, how)
            for key, found in zip(keys, answer.resolutions, strict=True)
        ]

    request.keys.extend(_with_spelling(pb.VenueSymbolKey, venue, symbol) for venue, symbol in keys)
    return Question(RESOLVER, "ResolveBatch", request, pb.ResolveBatchResponse, meant)


def _timestamp(moment: dt.datetime) -> Timestamp:
    if not isinstance(moment, dt.datetime):
        raise TypeError(f"as_of={moment!r} is no datetime, which has a time zone here")
    if moment.tzinfo is None:
        raise ValueError(f"as_of={moment!r} has no time zone")
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


@_refuse_non_text
def venue_symbols(symbol_id: str, venues: Iterable[str]) -> Question[list[Spelling]]:
    def meant(answer: pb.FindVenueSymbolsResponse) -> list[Spelling]:
        return list(map(read.spelling, answer.venue_symbols))

    request = pb.FindVenueSymbolsRequest(symbol_id=symbol_id, venue_ids=venues)
    return Question(RESOLVER, "FindVenueSymbols", request, pb.FindVenueSymbolsResponse, meant)


@_refuse_non_text
def asset(names: dict[str, str]) -> Question[AssetAnswer]:
    """By exactly one of asset_id; venue and code; chain and address; source and external_id.

    Raises:
        TypeError: It is named by none of these, or by more than one.
    """
    given = {name: value for name, value in names.items() if value}
    match given:
        case {"asset_id": asset_id, **rest} if not rest:
            request = pb.ResolveAssetRequest(asset_id=asset_id)
        case {"venue": venue, "code": code, **rest} if not rest:
            named = pb.VenueAssetCode(venue_id=venue, code=code)
            request = pb.ResolveAssetRequest(venue_code=named)
        case {"chain": chain, "address": address, **rest} if not rest:
            contract = pb.ContractAddress(chain_id=chain, address=address)
            request = pb.ResolveAssetRequest(contract=contract)
        case {"source": source, "external_id": external_id, **rest} if not rest:
            number = identifier_pb2.DataSource.Value(f"DATA_SOURCE_{Source(source)}")
            external = pb.ExternalId(source=number, external_id=external_id)
            request = pb.ResolveAssetRequest(external_id=external)
        case _:
            raise TypeError(
                "give asset_id, or venue and code, or chain and address, or source and external_id;"
                f" not {', '.join(given) or 'nothing'}"
            )
    return Question(RESOLVER, "ResolveAsset", request, pb.ResolveAssetResponse, read.asset_answer)


@_refuse_non_text
def group(name: str, group_id: str) -> Question[Group]:
    """By one of both.

    Raises:
        TypeError: By none, or by both.
    """
    if bool(name) == bool(group_id):
        raise TypeError("give name or group_id")
    request = pb.ExpandGroupRequest(name=name) if name else pb.ExpandGroupRequest(group_id=group_id)
    return Question(RESOLVER, "ExpandGroup", request, pb.ExpandGroupResponse, read.group)


def check_order(
    key: Key,
    price: Exact | None,
    quantity: Exact | None,
    side: Side | str | None,
    intent: Intent | str,
) -> Question[OrderCheck]:
    spelled = _with_spelling(pb.VenueSymbolKey, *key)
    request = pb.CheckOrderRequest(
        venue_id=spelled.venue_id,
        venue_symbol=spelled.venue_symbol,
        price="" if price is None else plain(exact(price)),
        quantity="" if quantity is None else plain(exact(quantity)),
        side=pb.ORDER_SIDE_UNSPECIFIED if side is None else _SIDES[Side(side)],
        intent=_INTENTS[Intent(intent)],
    )
    return Question(RESOLVER, "CheckOrder", request, pb.CheckOrderResponse, read.order_check)


def status() -> Question[ResolverStatus]:
    request = pb.GetStatusRequest()
    return Question(RESOLVER, "GetStatus", request, pb.GetStatusResponse, read.status)


@_refuse_non_text
def watch(
    from_revision: int, epoch: int, kinds: Iterable[str], venues: Iterable[str]
) -> Question[Update]:
    """Answered by a stream, each of whose messages is read.

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
    return Question(RESOLVER, "Watch", request, pb.WatchResponse, read.update)


class Page(NamedTuple):
    """Some of a venue's spellings; `following` is empty on the last page."""

    spellings: list[Spelling]
    following: str


@_refuse_non_text
def listed(venue: str, token: str) -> Question[Page]:
    """A page of what a venue lists now."""

    def meant(answer: rpb.ListVenueSymbolsResponse) -> Page:
        return Page(list(map(read.spelling, answer.venue_symbols)), answer.next_page_token)

    request = rpb.ListVenueSymbolsRequest(venue_id=venue, page_size=PAGE_ROWS, page_token=token)
    return Question(REGISTRY, "ListVenueSymbols", request, rpb.ListVenueSymbolsResponse, meant)
