"""Says what a change does to trading: which listings' verdicts it turns, and what it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from cqc.resolver.v1 import resolver_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain import tradeability, verdicts
from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.domain.working_set import RegistryBefore, WorkingSet

#: Outcomes and verdicts that a preview tells of.
TOLD_MAX: Final = 1_000
#: Listings whose verdicts are compared; each takes 300 us.
COMPARED_MAX: Final = 1_000


class ChangeReview(NamedTuple):
    """What a change does, beside its outcomes.

    Attributes:
        counts: Kind -> how many of its entities change.
    """

    counts: dict[str, int]
    turned: list[pb.TurnedVerdict]


class _View(Protocol):
    def get(self, kind: str, key: str) -> Any | None: ...

    def find(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]: ...


def review(registry: WorkingSet, outcomes: Sequence[Outcome]) -> ChangeReview:
    """Compare the verdicts before and after what a request changes."""
    counts = Counter(o.kind.name for o in outcomes if o.changes)
    if any(o.result is Result.REJECTED for o in outcomes):
        return ChangeReview(dict(counts), [])
    before, after, now = RegistryBefore(registry), registry, Instant.of(registry.now)
    spellings = dict.fromkeys(_spellings(before, after, outcomes))
    turned = []
    for venue_id, spelling in islice(spellings, COMPARED_MAX):
        was = verdict_of(before, venue_id, spelling, now)
        will_be = verdict_of(after, venue_id, spelling, now)
        if was.open.allowed != will_be.open.allowed:
            turned.append(_turned(venue_id, spelling, was, will_be))
    return ChangeReview(dict(counts), turned)


def _spellings(
    before: _View, after: _View, outcomes: Sequence[Outcome]
) -> Iterator[tuple[str, str]]:
    """Yield venue and spelling of the listings that a change may touch, aliases included."""
    listings: list[Any] = []
    symbols: dict[str, None] = {}
    for outcome in outcomes:
        for entity in (outcome.before, outcome.after) if outcome.changes else ():
            if entity is not None and outcome.kind is VENUE_SYMBOL:
                listings.append(entity)
            elif entity is not None and outcome.kind is SYMBOL:
                symbols[outcome.key] = None
    for view in (before, after):
        for symbol_id in symbols:
            for listing in view.find(VENUE_SYMBOL.name, "symbol", symbol_id):
                yield listing.venue_id, listing.venue_symbol
        for listing in listings:
            yield listing.venue_id, listing.venue_symbol
            yield from _aliases(view, listing)


def _aliases(view: _View, listing: Any) -> Iterator[tuple[str, str]]:
    """Yield the spellings that stand for a listing's."""
    market = (listing.venue_id, listing.symbol_id)
    for other in view.find(VENUE_SYMBOL.name, "market", *market):
        if other.alias_of == listing.venue_symbol:
            yield other.venue_id, other.venue_symbol


def verdict_of(view: _View, venue_id: str, spelling: str, now: Instant) -> resolver_pb2.Tradeable:
    """Return the verdict on a spelling; one that means nothing is not tradeable."""
    listing = tradeability.current_listing(_listings(view, venue_id, spelling), now)
    symbol = view.get(SYMBOL.name, listing.symbol_id) if listing is not None else None
    venue = view.get(VENUE.name, venue_id)
    if listing is None or symbol is None or venue is None:
        reason = resolver_pb2.Reason(code="NOT_FOUND", kind=VENUE_SYMBOL.name, key=spelling)
        return resolver_pb2.Tradeable(open=resolver_pb2.Permission(reasons=[reason]))
    primaries = _listings(view, venue_id, listing.alias_of) if listing.alias_of else []
    terms = tradeability.terms_for(listing, primaries, now)
    symbol_message: Any = entity_codec.to_message(SYMBOL, symbol)
    venue_message: Any = entity_codec.to_message(VENUE, venue)
    legs = _legs(symbol)
    return verdicts.verdict(
        terms,
        symbol_message,
        venue_message,
        tradeability.specs_of(terms, symbol_message),
        list(_venue_assets(view, venue, legs)),
        now,
        flags=_flags(view, legs),
        asked=listing if listing.alias_of else None,
    )


def _listings(view: _View, venue_id: str, spelling: str) -> list[Any]:
    found = view.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)
    return [entity_codec.to_message(VENUE_SYMBOL, listing) for listing in found]


def _legs(symbol: Any) -> dict[str, str]:
    """Asset -> BASE, QUOTE or SETTLEMENT; each asset once."""
    legs: dict[str, str] = {}
    for leg in ("base", "quote", "settlement"):
        if asset_id := getattr(symbol, f"{leg}_asset_id"):
            legs.setdefault(asset_id, leg.upper())
    return legs


def _venue_assets(view: _View, venue: Any, legs: dict[str, str]) -> Iterator[Any]:
    """Yield the venue's own rows of the assets, else its operator's."""
    for asset_id in legs:
        for venue_id in dict.fromkeys(filter(None, (venue.venue_id, venue.operator))):
            held = view.get(VENUE_ASSET.name, f"{venue_id}/{asset_id}")
            if held is not None:
                yield entity_codec.to_message(VENUE_ASSET, held)
                break


def _flags(view: _View, legs: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for asset_id, leg in legs.items():
        for flag in view.find(QUALITY_FLAG.name, "asset", asset_id):
            yield leg, entity_codec.to_message(QUALITY_FLAG, flag)


def _turned(
    venue_id: str,
    spelling: str,
    before: resolver_pb2.Tradeable,
    after: resolver_pb2.Tradeable,
) -> pb.TurnedVerdict:
    return pb.TurnedVerdict(
        venue_id=venue_id,
        venue_symbol=spelling,
        allowed_before=before.open.allowed,
        allowed_after=after.open.allowed,
        reasons_before=[reason.code for reason in before.open.reasons],
        reasons_after=[reason.code for reason in after.open.reasons],
    )
