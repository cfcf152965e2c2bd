"""What a decision about identity changes: which asset a code or a listing means. Pure.

Such a finding names the asset that is meant now (`asset_id`), an unverified one of its own. Who
approves says which known asset it is: the one is merged into the other, wherever it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar_shared.domain.asset_merge import merge_items
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_differences import require_listing
from cqar_shared.domain.finding_doubts import Choice, doubts_without, evolve_listing
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.asset import ASSET, MULTIPLES, Asset
from cqar_shared.domain.kinds.finding import FINDING, UNDECIDED, Finding
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import (
    DETAIL_CHARS_MAX,
    EVIDENCE_MAX,
    VENUE_ASSET,
    BindingEvidence,
    VenueAsset,
)
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.listing_replacement import replacement_items, symbol_like
from cqar_shared.errors import FieldViolation, Invalid, MovedOn

MEANING_UNDECIDED: Final = "MEANING_UNDECIDED"
REVIEWED: Final = "REVIEWED"
_LEGS: Final = ("base_asset", "quote_asset", "settlement_asset")


def merge_into_choice(finding: Finding, choice: Choice, registry: RegistryView) -> Iterator[Item]:
    """Merge the asset that is meant into the chosen or proposed one; the code was reviewed."""
    target = _required_choice(finding, choice)
    asset_id = _meant(finding, registry)
    if asset_id == target:
        return iter(())
    return _merged(finding, asset_id, target, registry)


def settle_reuse(finding: Finding, choice: Choice, registry: RegistryView) -> Iterator[Item]:
    """Let the code mean the chosen or proposed asset; without one it is a coin of its own."""
    target = choice.asset_id or finding.proposed_asset_id
    asset_id = _meant(finding, registry)
    if target is None or target == asset_id:
        return keep_apart(finding, choice, registry)
    return _merged(finding, asset_id, target, registry)


def keep_apart(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    """Leave the asset as one of its own: its code was reviewed, its listings mean it."""
    if finding.asset_id is None:
        return
    for held in _rows(finding, finding.asset_id, registry):
        detail = "a person said that it is an asset of its own"
        yield _evolve_row(held, _with_review(held, _code(finding, held), detail, registry))
    for listing in _undecided_listings(finding.asset_id, registry):
        yield evolve_listing(listing.listing_id, {}, MEANING_UNDECIDED)


def merge_asset(finding: Finding, choice: Choice, registry: RegistryView) -> Iterator[Item]:
    """Merge one asset into another, as it was asked for."""
    target = _required_choice(finding, choice)
    return _merged(finding, _meant(finding, registry), target, registry)


def take_multiple(finding: Finding, choice: Choice, registry: RegistryView) -> Iterator[Item]:
    """Let the listing be of the chosen asset, of which one unit of the venue is so many."""
    target = _required_choice(finding, choice)
    units = choice.units or finding.units
    if units is None:
        message = "how many units of the asset one unit of the venue is"
        raise Invalid([FieldViolation("units", "REQUIRED", message)])
    if registry.get(ASSET.name, target) is None:
        raise Invalid([FieldViolation("asset_id", "NOT_FOUND", f"no asset {target!r}")])
    listing = require_listing(finding, registry)
    if finding.code:
        # What is decided of a code holds at every venue, and for the next import.
        yield _state_multiple(target, finding.code, units)
    symbol = registry.get(SYMBOL.name, listing.symbol_id)
    if symbol is None:
        raise MovedOn(f"symbol {listing.symbol_id!r} is not there any more")
    if finding.asset_id not in (None, target, symbol.base_asset_id):
        raise MovedOn(f"{listing.venue_symbol!r} is of another asset now")
    doubts = doubts_without(listing, MEANING_UNDECIDED, "CHANGE_UNDECIDED")
    terms = {"unit_multiplier": units, "doubts": doubts}
    if symbol.base_asset_id == target:
        yield evolve_listing(listing.listing_id, terms)
        return
    legs = {
        field: target
        for field in ("base_asset_id", "settlement_asset_id")
        if getattr(symbol, field) == symbol.base_asset_id
    }
    symbol_id, items = symbol_like(symbol, legs, registry)
    yield from items
    yield from replacement_items(listing, symbol_id, terms, registry)


def _state_multiple(asset_id: str, code: str, units: Decimal) -> Item:
    """Return the item that notes in a coin what a code is a multiple of."""

    def step(coin: Asset) -> Asset:
        metadata = coin.metadata or {}
        noted = metadata.get(MULTIPLES)
        multiples = {**(noted if isinstance(noted, dict) else {}), code: f"{units:f}"}
        return msgspec.structs.replace(coin, metadata={**metadata, MULTIPLES: multiples})

    return Item(kind=ASSET, intent=ChangeIntent.EVOLVE, key=asset_id, step=step)


def rivals_about_asset(finding: Finding, registry: RegistryView) -> list[Finding]:
    """The other undecided findings about the asset that a decision merged."""
    found = registry.find(FINDING.name, "asset", finding.asset_id)
    return [
        other
        for other in found
        if other.finding_id != finding.finding_id
        and other.state in UNDECIDED
        and other.kind != "MULTIPLIER"
    ]


def _required_choice(finding: Finding, choice: Choice) -> str:
    target = choice.asset_id or finding.proposed_asset_id
    if target is None:
        candidates = {e.asset_id for e in finding.evidence or () if e.asset_id}
        among = f"; candidates: {', '.join(sorted(candidates)[:10])}" if candidates else ""
        message = f"which asset it is{among}"
        raise Invalid([FieldViolation("asset_id", "REQUIRED", message)])
    return target


def _meant(finding: Finding, registry: RegistryView) -> str:
    """Return the asset that is meant now.

    Raises:
        MovedOn: It is not there any more, or was merged.
    """
    asset_id = finding.asset_id or ""
    asset = registry.get(ASSET.name, asset_id)
    if asset is None:
        raise MovedOn(f"asset {asset_id!r} is not there any more")
    if asset.merged_into is not None:
        raise MovedOn(f"asset {asset_id} was merged into {asset.merged_into} since")
    return asset_id


def _merged(finding: Finding, asset_id: str, target: str, registry: RegistryView) -> Iterator[Item]:
    """Yield the items of a merge; doubts about the meaning are lifted, and the code is reviewed."""
    items = {(i.kind.name, i.key): i for i in merge_items(asset_id, target, registry)}
    for listing in _undecided_listings(asset_id, registry):
        _lift_in(items, listing, registry)
    for held in _rows(finding, asset_id, registry):
        key = (VENUE_ASSET.name, f"{held.venue_id}/{target}")
        item = items.get(key)
        if item is not None and isinstance(item.given, VenueAsset):
            detail = "a person said which asset it is"
            given = _with_review(item.given, _code(finding, held), detail, registry)
            items[key] = msgspec.structs.replace(item, given=given)
    return iter(items.values())


def _lift_in(
    items: dict[tuple[str, str], Item], listing: VenueSymbol, registry: RegistryView
) -> None:
    """Lift the doubt about a listing's meaning, in the item that moves it if there is one."""
    key = (VENUE_SYMBOL.name, listing.listing_id)
    moved = items.get(key)
    if moved is None or moved.given is None:
        items[key] = evolve_listing(listing.listing_id, {}, MEANING_UNDECIDED)
        return
    # What moves it dates nothing: its terms of before stay under the instant that they have.
    since = max(registry.now, listing.terms_stated_at or listing.terms_since or registry.now)
    given = msgspec.structs.replace(
        moved.given,
        doubts=doubts_without(listing, MEANING_UNDECIDED),
        terms_since=since,
        terms_stated_at=None,
    )
    items[key] = msgspec.structs.replace(moved, given=given)


def _undecided_listings(asset_id: str, registry: RegistryView) -> Iterable[VenueSymbol]:
    """The listings of an asset whose meaning is in doubt."""
    by_id: dict[str, VenueSymbol] = {}
    for leg in _LEGS:
        for symbol in registry.find(SYMBOL.name, leg, asset_id):
            for listing in registry.find(VENUE_SYMBOL.name, "symbol", symbol.symbol_id):
                if MEANING_UNDECIDED in (listing.doubts or ()):
                    by_id[listing.listing_id] = listing
    return [by_id[listing_id] for listing_id in sorted(by_id)]


def _rows(finding: Finding, asset_id: str, registry: RegistryView) -> list[VenueAsset]:
    """The row of the asset at the finding's venue, or at its operator's."""
    if finding.venue_id is None:
        return []
    venue: Any = registry.get(VENUE.name, finding.venue_id)
    operator = venue.operator if venue is not None else None
    for venue_id in dict.fromkeys(filter(None, (finding.venue_id, operator))):
        held = registry.get(VENUE_ASSET.name, f"{venue_id}/{asset_id}")
        if held is not None:
            return [held]
    return []


def _code(finding: Finding, held: VenueAsset) -> str:
    is_its_own = finding.code is not None and finding.code in held.codes
    return finding.code if is_its_own and finding.code else held.venue_asset_symbol


def _with_review(row: VenueAsset, code: str, detail: str, registry: RegistryView) -> VenueAsset:
    """Return a row whose code a person reviewed; that decides, and so comes first."""
    review = BindingEvidence(
        kind=REVIEWED, code=code, detail=detail[:DETAIL_CHARS_MAX], taken_at=registry.now
    )
    others = [e for e in row.evidence or () if (e.kind, e.code) != (REVIEWED, code)]
    return msgspec.structs.replace(row, evidence=(review, *others)[:EVIDENCE_MAX])


def _evolve_row(before: VenueAsset, after: VenueAsset) -> Item:
    def step(row: VenueAsset) -> VenueAsset:
        return msgspec.structs.replace(row, evidence=after.evidence)

    key = VENUE_ASSET.key_of(before)
    return Item(kind=VENUE_ASSET, intent=ChangeIntent.EVOLVE, key=key, step=step)
