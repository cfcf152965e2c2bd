"""What a venue's spelling means, with specs and verdict. Pure: reader and instant come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sized
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_asset_pb2, venue_facts_pb2, venue_pb2, venue_symbol_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from cqar_resolver.queries.query import BatchQuery
from cqar_shared.codec.entity_codec import instant_in
from cqar_shared.codec.request_validation import require_id
from cqar_shared.domain import tradeability, verdicts
from cqar_shared.domain.as_of import specs as specs_as_of
from cqar_shared.domain.instant import Instant, ns_of
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound, Invalid, TooLarge
from cqar_shared.queries import entities, listings
from cqar_shared.queries.listings import require_spelling
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.queries.reader import NotResident, Reader
from cqar_shared.rpc import request_limits

KEYS_MAX: Final = request_limits.KEYS_MAX


@dataclass(frozen=True, slots=True)
class ResolveQuery(Query[pb.ResolveResponse]):
    """What does a venue's spelling mean, now or as of an instant?"""

    rpc = "Resolve"
    venue_id: str
    venue_symbol: str
    as_of: dt.datetime | None
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(cls, request: pb.ResolveRequest, now: dt.datetime) -> Self:
        require_spelling(request.venue_id, request.venue_symbol)
        return cls(request.venue_id, request.venue_symbol, instant_in(request, "as_of"), now)

    def run(self, context: QueryContext) -> pb.ResolveResponse:
        now = Instant.of(self.now)
        found = resolve(context, self.venue_id, self.venue_symbol, now, self.as_of)
        return pb.ResolveResponse(resolution=found)


@dataclass(frozen=True, slots=True)
class ResolveBatchQuery(BatchQuery[pb.ResolveBatchResponse]):
    """What do many spellings mean, at one revision?

    Attributes:
        parts: (venue, spelling) of each.
    """

    rpc = "ResolveBatch"
    parts: tuple[tuple[str, str], ...]
    as_of: dt.datetime | None
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(cls, request: pb.ResolveBatchRequest, now: dt.datetime) -> Self:
        require_few(request.keys, "keys")
        keys = tuple((key.venue_id, key.venue_symbol) for key in request.keys)
        return cls(keys, instant_in(request, "as_of"), now)

    def run_part(self, context: QueryContext, part: Any) -> pb.Resolution:
        venue_id, venue_symbol = part
        now = Instant.of(self.now)
        return resolve_or_miss(context, venue_id, venue_symbol, now, self.as_of)

    def combine(self, answers: list[Any]) -> pb.ResolveBatchResponse:
        return pb.ResolveBatchResponse(resolutions=answers)


@dataclass(frozen=True, slots=True)
class FindVenueSymbolsQuery(Query[pb.FindVenueSymbolsResponse]):
    """How do venues spell a symbol?"""

    rpc = "FindVenueSymbols"
    symbol_id: str
    venue_ids: frozenset[str]
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(cls, request: pb.FindVenueSymbolsRequest, now: dt.datetime) -> Self:
        require_id("symbol_id", request.symbol_id)
        require_few(request.venue_ids, "venues")
        return cls(request.symbol_id, frozenset(request.venue_ids), now)

    def run(self, context: QueryContext) -> pb.FindVenueSymbolsResponse:
        now = Instant.of(self.now)
        found = venue_symbols(context.reader, self.symbol_id, self.venue_ids, now)
        return pb.FindVenueSymbolsResponse(venue_symbols=found)


def require_few(items: Sized, noun: str) -> None:
    """Refuse more items than one request may have.

    Raises:
        TooLarge: More than `KEYS_MAX` items were requested.
    """
    if len(items) > KEYS_MAX:
        raise TooLarge(f"{len(items)} {noun}; at most {KEYS_MAX}: split them")


def resolve(
    context: QueryContext,
    venue_id: str,
    venue_symbol: str,
    now: Instant,
    as_of: dt.datetime | None = None,
) -> pb.Resolution:
    """Return all that is known of a spelling, with the verdict as of `now`.

    Args:
        as_of: Return what was known to hold at that instant instead, without a verdict; if it is
            to come, what will hold then by what is known now.

    Raises:
        EntityNotFound: The venue or the spelling does not exist; names which.
        NotResident: The reader lacks something that counts.
    """
    reader = context.reader
    if as_of is not None:
        at = Instant.of(as_of)
        resolve_at = _resolve_projected if at.ns > now.ns else _resolve_as_of
        return resolve_at(reader, venue_id, venue_symbol, at)
    listing = listings.current_listing(reader, venue_id, venue_symbol, now)
    terms = listings.terms_of(reader, listing, now)
    symbol = entities.require(reader, SYMBOL, listing.symbol_id)
    venue = entities.require(reader, VENUE, venue_id)
    group = context.canary_group
    shown = tradeability.canary_at(terms, now, group)
    specs = tradeability.specs_of(shown, symbol)
    venue_assets = list(_venue_assets(reader, venue, symbol))
    flags = _flags(reader, symbol)
    facts = _facts(reader, venue_id)
    found = pb.Resolution(
        status=status_of(listing, now),
        venue_symbol=tradeability.effective_listing(
            tradeability.canary_at(listing, now, group), shown, now
        ),
        symbol=symbol,
        base_asset=entities.require(reader, ASSET, symbol.base_asset_id),
        quote_asset=entities.require(reader, ASSET, symbol.quote_asset_id),
        settlement_asset=_settlement_asset(reader, symbol),
        specs=specs,
        canary_group=group if shown is not terms else "",
        tradeable=verdicts.verdict(
            terms,
            symbol,
            venue,
            specs,
            venue_assets,
            now,
            context.stale,
            flags,
            listing if listing.alias_of else None,
            facts,
            group,
        ),
    )
    if facts is not None:
        found.facts_as_of.CopyFrom(facts.as_of)
        found.facts_age_ms = age_ms(facts.as_of, now)
    return found


def age_ms(as_of: Timestamp, now: Instant) -> int:
    """Return how long ago an instant was, by a clock that may be behind it."""
    return max(0, now.ns - ns_of(as_of)) // 1_000_000


def _facts(reader: Reader, venue_id: str) -> venue_facts_pb2.VenueFacts | None:
    payload = reader.get(VENUE_FACTS.name, venue_id)
    return None if payload is None else venue_facts_pb2.VenueFacts.FromString(payload)


def _resolve_as_of(
    reader: Reader, venue_id: str, venue_symbol: str, past: Instant
) -> pb.Resolution:
    listing, terms = listings.listing_as_of(reader, venue_id, venue_symbol, past)
    symbol = entities.require(reader, SYMBOL, listing.symbol_id)
    return pb.Resolution(
        status=status_of(listing, past),
        venue_symbol=listing,
        symbol=symbol,
        base_asset=entities.require(reader, ASSET, symbol.base_asset_id),
        quote_asset=entities.require(reader, ASSET, symbol.quote_asset_id),
        settlement_asset=_settlement_asset(reader, symbol),
        specs=None if terms is None else specs_as_of(terms, symbol),
    )


def _resolve_projected(
    reader: Reader, venue_id: str, venue_symbol: str, future: Instant
) -> pb.Resolution:
    listing = listings.current_listing(reader, venue_id, venue_symbol, future)
    terms = listings.terms_of(reader, listing, future)
    symbol = entities.require(reader, SYMBOL, listing.symbol_id)
    return pb.Resolution(
        status=status_of(listing, future),
        venue_symbol=tradeability.effective_listing(listing, terms, future),
        symbol=symbol,
        base_asset=entities.require(reader, ASSET, symbol.base_asset_id),
        quote_asset=entities.require(reader, ASSET, symbol.quote_asset_id),
        settlement_asset=_settlement_asset(reader, symbol),
        specs=tradeability.specs_of(terms, symbol),
        projected=True,
    )


def resolve_or_miss(
    context: QueryContext,
    venue_id: str,
    venue_symbol: str,
    now: Instant,
    as_of: dt.datetime | None = None,
) -> pb.Resolution:
    """Return what `resolve` returns; where it raises, a resolution that says why."""
    try:
        require_spelling(venue_id, venue_symbol)
        return resolve(context, venue_id, venue_symbol, now, as_of)
    except (EntityNotFound, Invalid) as error:
        reason = pb.Reason(code=error.reason, message=str(error))
        return pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND, not_found=reason)


def status_of(
    listing: venue_symbol_pb2.VenueSymbol, instant: Instant
) -> pb.ResolutionStatus.ValueType:
    """Return whether the listing's period covers an instant, is over, or is to come."""
    if tradeability.listed_at(listing, instant):
        return pb.RESOLUTION_STATUS_FOUND
    if listing.HasField("listed_at") and not instant.reached(listing.listed_at):
        return pb.RESOLUTION_STATUS_NOT_YET_LISTED
    return pb.RESOLUTION_STATUS_DELISTED


def _settlement_asset(reader: Reader, symbol: symbol_pb2.Symbol) -> asset_pb2.Asset | None:
    """Return what it settles in; None of a combination of products that settle in nothing."""
    key = symbol.settlement_asset_id
    return entities.require(reader, ASSET, key) if key else None


def _flags(
    reader: Reader, symbol: symbol_pb2.Symbol
) -> Iterator[tuple[str, quality_flag_pb2.AssetQualityFlag]]:
    """Yield (leg, flag) for each flag of the symbol's assets; each asset once."""
    legs: dict[str, str] = {}
    for leg in ("base", "quote", "settlement"):
        if asset_id := getattr(symbol, f"{leg}_asset_id"):
            legs.setdefault(asset_id, leg.upper())
    for asset_id, leg in legs.items():
        for _, payload in reader.find("quality_flag", "asset", asset_id):
            yield leg, quality_flag_pb2.AssetQualityFlag.FromString(payload)


def _venue_assets(
    reader: Reader, venue: venue_pb2.Venue, symbol: symbol_pb2.Symbol
) -> Iterator[venue_asset_pb2.VenueAsset]:
    """Yield the venue's own rows for the symbol's assets, else its operator's."""
    ids = dict.fromkeys((symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id))
    for asset_id in filter(None, ids):
        for venue_id in dict.fromkeys((venue.venue_id, venue.operator)):
            payload = reader.get("venue_asset", f"{venue_id}/{asset_id}")
            if payload is not None:
                yield venue_asset_pb2.VenueAsset.FromString(payload)
                break


def venue_symbols(
    reader: Reader, symbol_id: str, venue_ids: Collection[str], now: Instant
) -> list[venue_symbol_pb2.VenueSymbol]:
    """Return a symbol's spellings that are listed now: primary ones first, then by venue and name.

    Args:
        venue_ids: The venues to look at; empty for all.

    Raises:
        EntityNotFound: The symbol or a venue does not exist.
        NotResident: The symbol was archived, and listings with it.
    """
    symbol_id = entities.require(reader, SYMBOL, symbol_id).symbol_id
    if reader.archived("entity", SYMBOL.name, symbol_id):
        raise NotResident(symbol_id)
    listed = []
    for listing in entities.find(reader, VENUE_SYMBOL, "symbol", symbol_id):
        is_requested = not venue_ids or listing.venue_id in venue_ids
        if is_requested and tradeability.listed_at(listing, now):
            terms = listings.terms_of(reader, listing, now)
            listed.append(tradeability.effective_listing(listing, terms, now))
    for venue_id in sorted(set(venue_ids) - {listing.venue_id for listing in listed}):
        entities.require(reader, VENUE, venue_id)
    listed.sort(
        key=lambda listing: (not listing.is_primary, listing.venue_id, listing.venue_symbol)
    )
    return listed
