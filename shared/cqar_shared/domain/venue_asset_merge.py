"""Lets a venue's row of a merged asset be of the one that it was merged into. Pure.

Where a venue has rows of both, they become one. A code means one thing at a time, so of a row that
ended while the other one goes on only what is known of the asset is kept, and not its codes: the
venue may use them for something else by now. Of two that both trade, or both ended, all codes stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.venue_asset import (
    EVIDENCE_MAX,
    NETWORKS_MAX,
    VENUE_ASSET,
    VenueAsset,
)
from cqar_shared.domain.relinking import found, relink, remove
from cqar_shared.domain.rules import overlap

#: What the row that goes on does not know is taken from the other one.
_FILLED: Final = (
    *("deployment_id", "deposit_enabled", "withdraw_enabled", "trading_enabled", "name"),
    *("min_deposit", "min_withdrawal", "withdrawal_fee", "deposit_fee", "metadata"),
)


def move_venue_assets(
    from_id: str, to_id: str, deployments: Mapping[str, str], registry: RegistryView
) -> Iterator[Item]:
    """Yield the items for the venues' rows.

    Args:
        deployments: Deployment that is dropped -> the one that stands for it.
    """
    for row in found(registry, "venue_asset", "asset", from_id):
        moved = _of_target(row, to_id, deployments)
        own: VenueAsset | None = registry.get("venue_asset", f"{row.venue_id}/{to_id}")
        yield remove(VENUE_ASSET, row)
        yield relink(VENUE_ASSET, moved if own is None else _joined(own, moved, from_id, registry))


def _of_target(row: VenueAsset, to_id: str, deployments: Mapping[str, str]) -> VenueAsset:
    def deployment(held: str | None) -> str | None:
        return deployments.get(held, held) if held else held

    networks = row.networks and tuple(
        msgspec.structs.replace(each, deployment_id=deployment(each.deployment_id))
        for each in row.networks
    )
    return msgspec.structs.replace(
        row, asset_id=to_id, deployment_id=deployment(row.deployment_id), networks=networks
    )


def _joined(own: VenueAsset, moved: VenueAsset, from_id: str, registry: RegistryView) -> VenueAsset:
    """Join two rows of one venue; the one that goes on, or that ended later, comes first."""
    first, second = (own, moved) if _ends_later(own, moved) else (moved, own)
    filled: dict[str, Any] = {
        field: getattr(second, field) for field in _FILLED if getattr(first, field) is None
    }
    if first.delisted_at is not None:
        for switch in ("deposit_enabled", "withdraw_enabled", "trading_enabled"):
            filled.pop(switch, None)
    codes = list(first.codes)
    if (first.delisted_at is None) == (second.delisted_at is None):
        codes = list(dict.fromkeys((*first.codes, *second.codes)))
    networks = {each.network: each for each in (*(second.networks or ()), *(first.networks or ()))}
    evidence = dict.fromkeys((*(first.evidence or ()), *(second.evidence or ())))
    whole = msgspec.structs.replace(
        first,
        **filled,
        other_codes=tuple(codes[1:]),
        networks=tuple(networks.values())[-NETWORKS_MAX:] or None,
        evidence=tuple(e for e in evidence if e.code in (None, *codes))[:EVIDENCE_MAX] or None,
    )
    begin = (
        None
        if None in (own.listed_at, moved.listed_at)
        else min(instant for instant in (own.listed_at, moved.listed_at) if instant)
    )
    longer = msgspec.structs.replace(whole, listed_at=begin)
    return whole if _is_taken(longer, from_id, registry) else longer


def _ends_later(one: VenueAsset, other: VenueAsset) -> bool:
    """Whether a row goes on, or ended at least as late as the other one."""
    if one.delisted_at is None or other.delisted_at is None:
        return one.delisted_at is None
    return one.delisted_at >= other.delisted_at


def _is_taken(row: VenueAsset, from_id: str, registry: RegistryView) -> bool:
    """Whether one of a row's codes meant another asset in its period."""
    return any(
        rival.asset_id not in (row.asset_id, from_id) and overlap(rival, row)
        for code in row.codes
        for rival in registry.find("venue_asset", "code", row.venue_id, code)
    )
