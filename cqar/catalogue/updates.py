"""What a registry that was loaded before lacks of the catalogue. Pure.

What somebody stated stays: a load adds to it and changes it in two ways only. A name that the
catalogue knows to be a former one becomes the present one, and an unverified asset of the
catalogue's own id is verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from cqar.importer.multipliers import MULTIPLES
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.asset import FORMER_NAMES_MAX, Asset
from cqar_shared.domain.kinds.asset_relationship import AssetRelationship
from cqar_shared.domain.kinds.venue_asset import EVIDENCE_MAX, OTHER_CODES_MAX, VenueAsset

E = TypeVar("E", bound=Entity)
T = TypeVar("T")

#: Names that earlier catalogues gave, which nobody else ever used.
EARLIER_TEXTS: Final = frozenset(
    {
        "BOB (Build on BNB)",
        "Binance-Peg Bitcoin",
        "BitTorrent (since 2022; BTTC at Binance)",
        "Bridged USD Coin",
        "Cheems (cheems.pet)",
        "Coinbase Wrapped Bitcoin",
        "Coinbase Wrapped Staked Ether",
        "Ethena USDe",
        "Lido Wrapped Staked Ether",
        "Matic (before POL)",
        "RATS (Ordinals)",
        "Renzo Restaked Ether",
        "Rocket Pool Ether",
        "SATS (Ordinals)",
        "Wrapped Beacon Ether",
        "ether.fi Staked Ether",
        "ether.fi Wrapped Staked Ether",
    }
)


def updated(held: Entity, stated: Entity) -> Entity:
    """Return the registry's entity with what the catalogue adds; the same one if that is nothing.

    Args:
        held: What the registry has.
        stated: The same entity as the catalogue states it.
    """
    if isinstance(held, Asset) and isinstance(stated, Asset):
        return _asset(held, stated)
    if isinstance(held, AssetRelationship) and isinstance(stated, AssetRelationship):
        return _filled(held, stated, ("conversion_rate", "succession", "effective_at"))
    if isinstance(held, VenueAsset) and isinstance(stated, VenueAsset):
        return _venue_asset(held, stated)
    return held


def _filled(held: E, stated: E, fields: Iterable[str], **more: Any) -> E:
    """Take fields that the registry leaves empty."""
    empty = [name for name in fields if getattr(held, name) is None]
    return msgspec.structs.replace(held, **{n: getattr(stated, n) for n in empty}, **more)


def _union(held: Iterable[T] | None, stated: Iterable[T] | None, limit: int) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*(held or ()), *(stated or ()))))[:limit]


def _asset(held: Asset, stated: Asset) -> Asset:
    if held.merged_into is not None:
        return held
    former = {name.symbol for name in stated.former_names or ()}
    # A name without an end is another one, not an older one.
    texts = {name.name for name in stated.former_names or () if name.until} | EARLIER_TEXTS
    symbol = stated.symbol if held.symbol in former else held.symbol
    name = stated.name if held.name in texts or symbol != held.symbol else held.name
    names = _union(held.former_names, stated.former_names, FORMER_NAMES_MAX)
    is_plain = stated.unambiguous_ticker and symbol == stated.symbol
    return _filled(
        held,
        stated,
        ("asset_type", "asset_class", "category", "website_url"),
        symbol=symbol,
        name=name,
        former_names=names or None,
        unverified=held.unverified and stated.unverified,
        unambiguous_ticker=held.unambiguous_ticker or is_plain,
        metadata=_metadata(held.metadata, stated.metadata),
    )


def _metadata(held: dict[str, Any] | None, stated: dict[str, Any] | None) -> dict[str, Any] | None:
    """Add the multiples that are not stated yet."""
    if not stated:
        return held
    noted = (held or {}).get(MULTIPLES)
    multiples = {**stated[MULTIPLES], **(noted if isinstance(noted, dict) else {})}
    return {**(held or {}), MULTIPLES: multiples}


def _venue_asset(held: VenueAsset, stated: VenueAsset) -> VenueAsset:
    """Add codes and evidence, where the asset is traded and its first code is the same."""
    is_same = held.venue_asset_symbol == stated.venue_asset_symbol
    if held.delisted_at is not None or stated.delisted_at is not None or not is_same:
        return held
    return msgspec.structs.replace(
        held,
        other_codes=_union(held.other_codes, stated.other_codes, OTHER_CODES_MAX),
        evidence=_union(stated.evidence, held.evidence, EVIDENCE_MAX),
    )
