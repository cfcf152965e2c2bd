"""Codes that stand for many units of a coin: 1000SHIB is 1,000 SHIB. Stated, never guessed. Pure.

A multiplier is noted in its coin's metadata, so it holds at every venue. The catalogue brings the
well-known ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from cqar.importer.identity import AssetIdentity
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain import decimals
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds import asset as asset_kind
from cqar_shared.domain.kinds.asset import ASSET, Asset

#: In an asset's metadata: code -> units of the asset in one unit of the code.
MULTIPLES: Final = asset_kind.MULTIPLES


class Multiplier(NamedTuple):
    """What a code stands for: units of a coin. One unit says that it only looks like a multiple.

    Attributes:
        code: The coin's ticker.
        asset_id: The coin, if it is known.
    """

    code: str
    units: Decimal
    asset_id: str | None = None


def stated_multipliers(state: RegistryState) -> dict[str, Multiplier]:
    """Code -> what it stands for, as the registry's assets say."""
    found: dict[str, Multiplier] = {}
    for asset in state.all(ASSET):
        noted = (asset.metadata or {}).get(MULTIPLES)
        for code, units in noted.items() if isinstance(noted, dict) else ():
            number = _units(units)
            if number is not None:
                found[code] = Multiplier(asset.symbol, number, asset.asset_id)
    return found


def _units(text: Any) -> Decimal | None:
    try:
        number = decimals.parse(text)
    except (ValueError, TypeError):
        return None
    return number if number > 0 else None


def note_multipliers(
    state: RegistryState, identity: AssetIdentity, multipliers: Mapping[str, Multiplier]
) -> Iterator[Item]:
    """What was stated for this import is noted in the coins, for the next one."""
    for code, stated in multipliers.items():
        asset_id = identity.asset_of_multiple(code)
        if asset_id is None:
            continue
        new = identity.new_assets.get(asset_id)
        coin: Asset | None = new or state.get(ASSET.name, asset_id)
        if coin is None:
            continue
        metadata = coin.metadata or {}
        noted = metadata.get(MULTIPLES)
        multiples = {**(noted if isinstance(noted, dict) else {}), code: f"{stated.units:f}"}
        after = msgspec.structs.replace(coin, metadata={**metadata, MULTIPLES: multiples})
        if new is not None:
            identity.new_assets[asset_id] = after
        elif after != coin:
            yield Item(kind=ASSET, intent=ChangeIntent.UPSERT, given=after)
