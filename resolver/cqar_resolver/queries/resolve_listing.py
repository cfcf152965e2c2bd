"""Answers from one reading of the registry. Pure: reading and instant come in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_asset_pb2, venue_pb2, venue_symbol_pb2

from cqar_resolver.queries.query import QueryContext
from cqar_resolver.snapshot.reader import NotResident, Reader
from cqar_shared.domain import rules, tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid


def require(reading: Reader, kind: AnyKind, key: str) -> Any:
    """The kind's message of an entity.

    Raises:
        NotFound: The reading has none.
        NotInMemory: It was archived.
    """
    payload = reading.get(kind.name, key)
    if payload is None:
        if kind.archives and reading.archived("entity", kind.name, key):
            raise NotResident(key)
        raise EntityNotFound(kind.name, key)
    return kind.message.FromString(payload)


def find(reading: Reader, kind: AnyKind, lookup: str, *values: object) -> list[Any]:
    """The messages filed under these values."""
    found = reading.find(kind.name, lookup, *values)
    return [kind.message.FromString(payload) for _, payload in found]


def require_found(reading: Reader, kind: AnyKind, lookup: str, value: str) -> Any:
    """The one message filed under a value that is unique.

    Raises:
        NotFound: There is none.
    """
    found = find(reading, kind, lookup, value)
    if not found:
        raise EntityNotFound(kind.name, value)
    return found[0]


def deployment(reading: Reader, deployment_id: str) -> Any:
    """A deployment with its chain's name.

    Raises:
        NotFound: There is none.
    """
    return with_chain(reading, require(reading, ASSET_DEPLOYMENT, deployment_id))


def with_chain(reading: Reader, found: Any) -> Any:
    """The deployment with its chain's name, which is the chain's and never stored."""
    found.chain_name = require(reading, CHAIN, found.chain_id).chain_name
    return found


def present_listing(
    reading: Reader, venue_id: str, spelling: str, now: Instant
) -> venue_symbol_pb2.VenueSymbol:
    """What a spelling means now, or last meant.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: Something that counts was archived.
    """
    found = find(reading, VENUE_SYMBOL, "spelling", venue_id, spelling)
    _require_all(reading, venue_id, spelling, found, now)
    listing = tradeability.current_listing(found, now)
    if listing is None:
        if reading.get("venue", venue_id) is None:
            raise EntityNotFound("venue", venue_id)
        raise EntityNotFound("venue_symbol", spelling, f"at {venue_id}")
    return listing


def primaries_of(
    reading: Reader, listing: venue_symbol_pb2.VenueSymbol, alias_of: str, now: Instant
) -> list[venue_symbol_pb2.VenueSymbol]:
    """All that a spelling meant which a listing stands for; nothing for the spelling that is none.

    Raises:
        NotInMemory: The period that counts may be archived.
    """
    if not alias_of:
        return []
    found = find(reading, VENUE_SYMBOL, "spelling", listing.venue_id, alias_of)
    same = [p for p in found if p.symbol_id == listing.symbol_id and not p.alias_of]
    _require_all(reading, listing.venue_id, alias_of, same, now)
    return found


def _require_all(
    reading: Reader,
    venue_id: str,
    spelling: str,
    found: Iterable[venue_symbol_pb2.VenueSymbol],
    now: Instant,
) -> None:
    """Where none of these is listed, one that is archived may be what counts.

    Raises:
        NotInMemory: There may be one.
    """
    listed = any(tradeability.listed_at(one, now) for one in found)
    if not listed and reading.archived("spelling", venue_id, spelling):
        raise NotResident(spelling)


def listing_and_terms(
    reading: Reader, venue_id: str, spelling: str, now: Instant
) -> tuple[venue_symbol_pb2.VenueSymbol, venue_symbol_pb2.VenueSymbol]:
    """What a spelling means now or last meant, and the listing whose steps apply to it.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: Something that counts was archived.
    """
    listing = present_listing(reading, venue_id, spelling, now)
    return listing, terms_of(reading, listing, now)


def terms_of(
    reading: Reader, listing: venue_symbol_pb2.VenueSymbol, now: Instant
) -> venue_symbol_pb2.VenueSymbol:
    """The listing whose steps and status apply to one: itself, or what it stands for.

    Raises:
        NotInMemory: The period that counts may be archived.
    """
    primaries = primaries_of(reading, listing, listing.alias_of, now)
    return tradeability.terms_for(listing, primaries, now)


def venue_symbols(
    reading: Reader, symbol_id: str, venue_ids: Collection[str], now: Instant
) -> list[venue_symbol_pb2.VenueSymbol]:
    """A symbol's spellings that are listed now: primary ones first, then by venue and spelling.

    Args:
        venue_ids: Only at these; empty: at all.

    Raises:
        NotFound: There is no such symbol, or no such venue.
        NotInMemory: It was archived, and listings with it.
    """
    require(reading, SYMBOL, symbol_id)
    if reading.archived("entity", SYMBOL.name, symbol_id):
        raise NotResident(symbol_id)
    listed = []
    for listing in find(reading, VENUE_SYMBOL, "symbol", symbol_id):
        wanted = not venue_ids or listing.venue_id in venue_ids
        if wanted and tradeability.listed_at(listing, now):
            terms = terms_of(reading, listing, now)
            listed.append(tradeability.effective_listing(listing, terms, now))
    for venue_id in sorted(set(venue_ids) - {one.venue_id for one in listed}):
        require(reading, VENUE, venue_id)
    listed.sort(key=lambda one: (not one.is_primary, one.venue_id, one.venue_symbol))
    return listed


def resolve(basis: QueryContext, venue_id: str, spelling: str, now: Instant) -> pb.Resolution:
    """All that is known of a spelling, with the verdict as of `now`.

    Raises:
        NotFound: The venue or the spelling; naming which.
        NotInMemory: Something that counts was archived.
    """
    reading = basis.reading
    listing, terms = listing_and_terms(reading, venue_id, spelling, now)
    symbol = require(reading, SYMBOL, listing.symbol_id)
    venue = require(reading, VENUE, venue_id)
    specs = tradeability.specs_of(terms, symbol)
    held = list(_venue_assets(reading, venue, symbol))
    flags = _flags(reading, symbol)
    return pb.Resolution(
        status=status_of(listing, now),
        venue_symbol=tradeability.effective_listing(listing, terms, now),
        symbol=symbol,
        base_asset=asset(reading, symbol.base_asset_id),
        quote_asset=asset(reading, symbol.quote_asset_id),
        settlement_asset=asset(reading, symbol.settlement_asset_id),
        specs=specs,
        tradeable=tradeability.verdict(
            terms,
            symbol,
            venue,
            specs,
            held,
            now,
            basis.stale,
            flags,
            listing if listing.alias_of else None,
        ),
    )


def status_of(listing: venue_symbol_pb2.VenueSymbol, now: Instant) -> pb.ResolutionStatus.ValueType:
    """Whether the listing's period covers an instant, or is over, or is to come."""
    if tradeability.listed_at(listing, now):
        return pb.RESOLUTION_STATUS_FOUND
    if listing.HasField("listed_at") and not now.reached(listing.listed_at):
        return pb.RESOLUTION_STATUS_NOT_YET_LISTED
    return pb.RESOLUTION_STATUS_DELISTED


def asset(reading: Reader, asset_id: str) -> asset_pb2.Asset:
    """The asset itself.

    Raises:
        NotFound: There is none.
    """
    found: asset_pb2.Asset = require(reading, ASSET, asset_id)
    return found


def _flags(
    reading: Reader, symbol: symbol_pb2.Symbol
) -> Iterator[tuple[str, quality_flag_pb2.AssetQualityFlag]]:
    legs = {"SETTLEMENT": symbol.settlement_asset_id}
    legs = {"BASE": symbol.base_asset_id, "QUOTE": symbol.quote_asset_id, **legs}
    said: set[str] = set()
    for leg, asset_id in legs.items():
        if asset_id not in said:
            said.add(asset_id)
            for _, payload in reading.find("quality_flag", "asset", asset_id):
                yield leg, quality_flag_pb2.AssetQualityFlag.FromString(payload)


def _venue_assets(
    reading: Reader, venue: venue_pb2.Venue, symbol: symbol_pb2.Symbol
) -> Iterator[venue_asset_pb2.VenueAsset]:
    """The venue's own rows for the symbol's assets, else its operator's."""
    ids = dict.fromkeys((symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id))
    for asset_id in ids:
        for venue_id in dict.fromkeys((venue.venue_id, venue.operator)):
            payload = reading.get("venue_asset", f"{venue_id}/{asset_id}")
            if payload is not None:
                yield venue_asset_pb2.VenueAsset.FromString(payload)
                break


Resolving = Callable[[QueryContext, str, str, Instant], pb.Resolution]


def resolve_or_say_why(
    basis: QueryContext, key: pb.VenueSymbolKey, at: Instant, how: Resolving = resolve
) -> pb.Resolution:
    """One answer of a batch, where a miss is an answer too."""
    try:
        require_spelling(key.venue_id, key.venue_symbol)
        return how(basis, key.venue_id, key.venue_symbol, at)
    except (EntityNotFound, Invalid) as error:
        reason = pb.Reason(code=error.reason, message=str(error))
        return pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND, not_found=reason)


def require_spelling(venue_id: str, spelling: str) -> None:
    """Refuse what no venue or spelling can be.

    Raises:
        Invalid: With both fields' violations.
    """
    violations: list[FieldViolation] = [
        *rules.check_slug("venue_id", venue_id),
        *rules.check_printable("venue_symbol", spelling),
    ]
    if violations:
        raise Invalid(violations)
