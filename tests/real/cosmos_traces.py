"""The Cosmos lists' traces: where each asset comes from, as relationships.

Of an asset's traces the last is its own step and the others its ancestors': USDC on Injective
says "synthetic of USD, minted by Circle on Ethereum too, came by IBC from Noble". Only the last
is about it; the others stand in the ancestors' own rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cqar_shared.domain.kinds.asset_relationship import AssetRelationship, RelationshipType
from tests.real import source_files
from tests.real.cosmos_assets import Listed
from tests.real.source_files import Record
from tests.real.source_rows import AssetStatements, SourceRow, an_id

_T = RelationshipType
#: What a trace says of its asset (from) and its counterparty (to).
TYPES: Final = {
    # A voucher on one chain for a coin that is locked on another, whoever keeps the lock.
    "ibc": _T.BRIDGES,
    "ibc-cw20": _T.BRIDGES,
    "ibc-bridge": _T.BRIDGES,
    "bridge": _T.BRIDGES,
    # The same chain's coin in a contract: WETH.
    "wrapped": _T.WRAPS,
    # A claim on a staked coin: stATOM.
    "liquid-stake": _T.STAKES,
    # Follows a price and holds no claim on the thing: USDC and the dollar.
    "synthetic": _T.SYNTHETIC_OF,
    # In all ten the row is the old coin and the counterparty the new: OM -> MANTRA.
    "legacy-mintage": _T.MIGRATES_TO,
}
#: What says nothing about two assets.
SILENT: Final = {
    "additional-mintage": "one asset, issued on two chains",
    "test-mintage": "a test coin is no claim on the coin",
}
ANCESTORS: Final = "an ancestor's step, which its own row states"
ONE_ASSET: Final = "the token lists say both ends are one asset"


def rows(stating: AssetStatements, listed: Listed) -> Iterator[SourceRow]:
    for chain, asset in source_files.cosmos_assets():
        traces = asset.get("traces", [])
        for number, trace in enumerate(traces, 1):
            yield _row(stating, listed, chain, asset, trace, own=number == len(traces))


def _row(
    stating: AssetStatements, listed: Listed, chain: str, asset: Record, trace: Record, *, own: bool
) -> SourceRow:
    one, other = listed.place_of(chain, asset), listed.counterparty(trace)
    named = trace["counterparty"]
    row: dict[str, Any] = {
        "source": "Cosmos traces",
        "text": f"{chain}, {asset['base']} ({asset['symbol']}): {trace['type']}"
        f" of {named['chainName']}, {named['baseDenom']}",
        "raw": {"chainName": chain, "symbol": asset["symbol"], **trace},
    }
    if not own:
        return SourceRow(**row, silent=ANCESTORS)
    if trace["type"] in SILENT:
        return SourceRow(**row, silent=SILENT[trace["type"]])
    if stating.identity.same(one, other):
        return SourceRow(**row, silent=ONE_ASSET)
    kind = TYPES[trace["type"]]
    relationship = AssetRelationship(
        relationship_id=an_id("relationship", *one, *other, kind.name),
        from_asset_id=stating.asset_id(one),
        to_asset_id=stating.asset_id(other),
        relationship_type=kind,
        protocol=trace.get("provider"),
    )
    return SourceRow(**row, entities=(relationship,))
