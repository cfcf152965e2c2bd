"""Takes a merge of assets back: what it changed is as it was, but for what changed since. Pure.

What a merge changed is told by its own change set, with what was before it. Each field that the
merge set, and that still is as the merge left it, gets its value of before. Other fields stay as
they are. What came to the target since is the target's.

`venue_asset_unmerge` takes the venues' rows apart.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from cqar_shared.domain.alias_rules import aliases_of
from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import Entity, RegistryView
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import Asset
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.symbol import Symbol
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.relinking import Moved, relink
from cqar_shared.domain.symbol_unmerge import keep_newer_listings
from cqar_shared.domain.venue_asset_unmerge import restore_prices, restore_venue_assets
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid

#: Fields that each change of an entity sets.
_STAMPS: Final = frozenset({"updated_at"})
#: Kinds whose keys name the asset, so that the merge made other entities of them.
_KEYED: Final = frozenset({VENUE_ASSET.name, ASSET_PRICE.name})


def unmerge_items(asset_id: str, moved: Sequence[Moved], registry: RegistryView) -> list[Item]:
    """Return the items that take the merge of an asset back.

    Args:
        moved: What the merge changed.

    Raises:
        EntityNotFound: There is no such asset.
        Invalid: It is not merged, or what it was merged into was merged since.
    """
    target_id = _require_unmergeable(asset_id, moved, registry)
    items: dict[tuple[str, str], Item] = {}
    changes = [each for each in moved if each.kind not in _KEYED]
    restored = (item for each in changes for item in _restored(each, registry))
    merged_at = next(
        (getattr(m.after, "updated_at", None) for m in moved if m.key == asset_id), None
    )
    kept = (item for each in changes for item in _kept(each, merged_at, registry))
    rows = [each for each in moved if each.kind in _KEYED]
    for item in (
        *restored,
        *kept,
        *restore_venue_assets(asset_id, target_id, rows, registry),
        *restore_prices(rows, registry),
    ):
        items.setdefault((item.kind.name, item.key), item)
    return list(items.values())


def _require_unmergeable(asset_id: str, moved: Iterable[Moved], registry: RegistryView) -> str:
    """Return what the asset was merged into."""
    asset: Asset | None = registry.get("asset", asset_id)
    if asset is None:
        raise EntityNotFound("asset", asset_id)
    own = next((m.after for m in moved if (m.kind, m.key) == ("asset", asset_id)), None)
    if asset.merged_into is None or not isinstance(own, Asset) or own.merged_into is None:
        raise Invalid(
            [FieldViolation("asset_id", "NOT_MERGED", "is not merged into another asset")]
        )
    if asset.merged_into != own.merged_into:
        message = (
            f"{own.merged_into}, which it was merged into, was itself merged into"
            f" {asset.merged_into} since: unmerge {own.merged_into} first"
        )
        raise Invalid([FieldViolation("asset_id", "MERGED_SINCE", message)])
    return own.merged_into


def _restored(moved: Moved, registry: RegistryView) -> Iterator[Item]:
    kind, now = KIND_BY_NAME[moved.kind], registry.get(moved.kind, moved.key)
    if moved.before is None:
        return
    if moved.after is None:
        if now is None:
            yield relink(kind, moved.before)
        return
    # What was removed since stays so.
    changes = {} if now is None else dict(_changes(moved, now))
    if now is None or not changes:
        return
    yield relink(kind, now, **changes)
    if isinstance(now, VenueSymbol) and (symbol_id := changes.get("symbol_id")):
        # Aliases that were listed since mean what the spelling means that they stand for.
        for alias in aliases_of(now, registry):
            yield relink(VENUE_SYMBOL, alias, symbol_id=symbol_id)


def _kept(moved: Moved, merged_at: dt.datetime | None, registry: RegistryView) -> Iterator[Item]:
    """Yield the items for what came since to a symbol that goes back."""
    now = registry.get(moved.kind, moved.key)
    if isinstance(now, Symbol) and moved.before is not None and now.merged_into is None:
        yield from keep_newer_listings(now, merged_at, registry)


def _changes(moved: Moved, now: Entity) -> Iterator[tuple[str, Any]]:
    """Yield (field, value of before the merge) of what is as the merge left it."""
    for field in now.__struct_fields__:
        was, became, is_now = (getattr(e, field) for e in (moved.before, moved.after, now))
        if was == became or field in _STAMPS:
            continue
        if is_now == became:
            yield field, was
        elif (take_apart := _LISTS.get((moved.kind, field))) is not None:
            yield field, take_apart(was, became, is_now)


def _without_added(was: Any, became: Any, is_now: Any) -> Any:
    """Return a list that changed since without what the merge added to it; None if it is empty."""
    added = [each for each in became or () if each not in (was or ())]
    return tuple(each for each in is_now or () if each not in added) or None


def _members(was: Any, became: Any, is_now: Any) -> Any:
    """Return a group's members as they are now, with what the merge replaced as it was."""
    held = {member.asset_id: member for member in is_now}
    for member in became:
        if member not in was and held.get(member.asset_id) == member:
            del held[member.asset_id]
    for member in was:
        if member not in became:
            held.setdefault(member.asset_id, member)
    return tuple(sorted(held.values(), key=lambda member: member.asset_id))


#: (kind, field) -> how a list that changed since the merge is taken apart.
_LISTS: Final[dict[tuple[str, str], Callable[[Any, Any, Any], Any]]] = {
    ("asset", "former_names"): _without_added,
    ("asset_group", "members"): _members,
}
