"""Takes apart what a merge made of the venues' rows, and of prices, of two assets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import AnyKind, Entity, RegistryView
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.relinking import Moved, relink, remove

#: Lists of a row, of which what the merge added is taken out where they changed since.
_LISTS: Final = ("other_codes", "networks", "evidence")


def restore_venue_assets(
    asset_id: str, target_id: str, moved: Iterable[Moved], registry: RegistryView
) -> Iterator[Item]:
    """Yield the items for the rows that a merge moved.

    A row that only the merged asset had goes back with what changed in it since. Of one that was
    joined with the target's, the target's keeps what changed since.
    """
    for old, joined in _pairs(VENUE_ASSET, asset_id, target_id, moved):
        now: Any = registry.get(VENUE_ASSET.name, joined.key)
        was: Any = old.before
        if joined.before is None:
            if now is None:
                continue
            since = _changed_since(joined.after, now)
            yield remove(VENUE_ASSET, now)
            yield relink(VENUE_ASSET, was, **since)
            continue
        # The target's row first: it gives back the codes that it took.
        if now is not None:
            yield relink(VENUE_ASSET, _taken_apart(joined, now))
        if registry.get(VENUE_ASSET.name, old.key) is None:
            yield relink(VENUE_ASSET, was)


def restore_prices(moved: Iterable[Moved], registry: RegistryView) -> Iterator[Item]:
    """Yield the items for prices: newer ones, of the target, stay."""
    for each in moved:
        if each.kind != ASSET_PRICE.name:
            continue
        now = registry.get(each.kind, each.key)
        if each.after is None and each.before is not None and now is None:
            yield relink(ASSET_PRICE, each.before)
        elif each.after is not None and now == each.after:
            yield relink(ASSET_PRICE, each.before) if each.before else remove(ASSET_PRICE, now)


def _pairs(
    kind: AnyKind, asset_id: str, target_id: str, moved: Iterable[Moved]
) -> Iterator[tuple[Moved, Moved]]:
    """Yield (what was the merged asset's, what it became of the target's)."""
    by_key = {each.key: each for each in moved if each.kind == kind.name}
    for key, each in by_key.items():
        venue_id, owner_id = kind.parts_of(key)
        joined = by_key.get(f"{venue_id}/{target_id}")
        if owner_id == asset_id and each.before is not None and joined is not None:
            yield each, joined


def _changed_since(after: Entity | None, now: Entity) -> dict[str, Any]:
    return {
        field: getattr(now, field)
        for field in now.__struct_fields__
        if field != "asset_id" and getattr(after, field) != getattr(now, field)
    }


def _taken_apart(joined: Moved, now: VenueAsset) -> VenueAsset:
    changes: dict[str, Any] = {}
    for field in now.__struct_fields__:
        was, became, is_now = (getattr(each, field) for each in (joined.before, joined.after, now))
        if was == became:
            continue
        if is_now == became:
            changes[field] = was
        elif field in _LISTS:
            added = [each for each in became or () if each not in (was or ())]
            left = tuple(each for each in is_now or () if each not in added)
            changes[field] = left if field == "other_codes" else left or None
    return msgspec.structs.replace(now, **changes)
