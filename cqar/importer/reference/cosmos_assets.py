"""Cosmos asset lists: denominations and contracts, and what each came from. Pure.

A voucher is an asset of its own that BRIDGES what is locked for it, at the rate 1. What is issued
on several chains (`additional-mintage`) is one asset. A chain's own denomination is the asset that
the registry has for the chain.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.importer.reference.cosmos_records import (
    RELATIONSHIPS,
    SAME_COIN,
    CosmosAsset,
    NoChain,
    Trace,
    chain_named,
    raw_assets,
    read_asset,
)
from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import UnreadableRow
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import OWN_DENOM, ChainPlace, Places
from cqar.importer.reference.statements import ListRow, RowOutcome, Statements
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain.kinds.asset import AssetType
from cqar_shared.domain.kinds.asset_relationship import (
    ASSET_RELATIONSHIP,
    AssetRelationship,
    RelationshipType,
)
from cqar_shared.domain.kinds.chain import CHAIN

KIND: Final = "cosmos"
#: Steps that such a chain may take before it is taken for a circle.
_STEPS_MAX: Final = 16
#: One unit stands for one unit.
_AT_PAR: Final = frozenset({RelationshipType.BRIDGES, RelationshipType.WRAPS})


def plan_cosmos_assets(stated: Statements) -> ListPlan:
    """Say what Cosmos asset lists would change.

    Raises:
        UnusableAnswer: It is no such list.
    """
    places = Places(stated.state)
    plan = _CosmosPlan(stated, places, ListAssets(stated, places))
    read: list[tuple[ListRow, CosmosAsset]] = []
    for chain_name, raw in raw_assets(stated.source.value, stated.source.name):
        record = raw if isinstance(raw, dict) else {}
        text = f"{chain_name}, {record.get('base')}: {record.get('symbol')} ({record.get('name')})"
        stated.begin(text, {"chainName": chain_name, "asset": raw})
        try:
            asset = read_asset(places, chain_name, raw)
        except NoChain as error:
            stated.refuse(RowOutcome.UNSUPPORTED, str(error))
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
        else:
            plan.know(chain_name, asset)
            read.append((stated.row, asset))
    for row, asset in read:
        stated.resume(row)
        plan.state_asset(asset)
    for row, asset in read:
        stated.resume(row)
        plan.state_trace(asset)
    return ListPlan(KIND, stated)


class _CosmosPlan:
    """The lists' assets, by the names that traces have for them."""

    def __init__(self, stated: Statements, places: Places, assets: ListAssets) -> None:
        self._stated = stated
        self._places = places
        self._assets = assets
        self._listed: dict[tuple[str, str], CosmosAsset] = {}
        self._edges: dict[tuple[str, str, Any], AssetRelationship] = {
            (edge.from_asset_id, edge.to_asset_id, edge.relationship_type): edge
            for edge in stated.state.all(ASSET_RELATIONSHIP)
        }

    def know(self, chain_name: str, asset: CosmosAsset) -> None:
        self._listed[chain_name, asset.base] = asset

    def _counterparty(self, trace: Trace) -> ChainPlace | None:
        """Return the place that a trace leads to, listed or not."""
        listed = self._listed.get((trace.chain_name, trace.base))
        if listed is not None:
            return listed.place
        chain = chain_named(self._places, trace.chain_name)
        return self._places.place(chain, trace.base) if chain is not None else None

    def state_asset(self, one: CosmosAsset) -> None:
        asset_id = self._asset_of(one)
        if asset_id is None:
            self._originals(one)
            asset_id = self._asset_of(one) or self._new(one)
        self._assets.deploy(asset_id, one.chain, one.address, one.decimals)
        self._own_coin(one, asset_id)

    def _asset_of(self, one: CosmosAsset) -> str | None:
        """Return a known asset: of the place, the chain's coin, or the same coin elsewhere."""
        row = self._stated.row
        if (known := self._places.asset_at(one.place)) is not None:
            row.by = "CONTRACT"
            return known
        if self._is_own_denomination(one) and one.chain.native_asset_id is not None:
            row.by = "OWN_COIN"
            return one.chain.native_asset_id
        if one.trace is not None and one.trace.kind == SAME_COIN:
            other = self._counterparty(one.trace)
            known = self._places.asset_at(other) if other is not None else None
            row.by = "LINK" if known is not None else row.by
            return known
        return None

    def _originals(self, one: CosmosAsset) -> None:
        """State where the same coin was issued before, the farthest first."""
        steps: list[CosmosAsset] = []
        at = one
        while at.trace is not None and at.trace.kind == SAME_COIN and len(steps) < _STEPS_MAX:
            before = self._listed.get((at.trace.chain_name, at.trace.base))
            if before is None or before in steps or before == one:
                break
            steps.append(before)
            at = before
        for original in reversed(steps):
            if self._asset_of(original) is None:
                self._assets.deploy(
                    self._new(original), original.chain, original.address, original.decimals
                )

    def _new(self, one: CosmosAsset) -> str:
        explained = one.trace is not None and one.trace.kind in RELATIONSHIPS
        return self._assets.new_asset(
            one.place,
            one.symbol,
            one.name,
            chain=one.chain,
            asset_type=AssetType.NATIVE if one.address is None else None,
            is_explained=explained,
        )

    @staticmethod
    def _is_own_denomination(one: CosmosAsset) -> bool:
        return (one.chain.metadata or {}).get(OWN_DENOM) == one.base

    def _own_coin(self, one: CosmosAsset, asset_id: str) -> None:
        """State a chain's own coin, where the registry has none for it."""
        if one.chain.native_asset_id is None and self._is_own_denomination(one):
            chain = msgspec.structs.replace(one.chain, native_asset_id=asset_id)
            self._places.add_chain(chain)
            self._stated.put(CHAIN, chain)

    def state_trace(self, one: CosmosAsset) -> None:
        """State what an asset came from, where that is known and is another asset."""
        trace = one.trace
        kind = RELATIONSHIPS.get(trace.kind) if trace is not None else None
        if trace is None or kind is None or one.chain.is_testnet:
            return
        other = self._counterparty(trace)
        asset_id = self._places.asset_at(one.place)
        other_id = self._places.asset_at(other) if other is not None else None
        if asset_id is None or other_id is None:
            self._stated.remark(f"{trace.kind} of {trace.chain_name} {trace.base}: not known here")
            return
        if asset_id == other_id or (asset_id, other_id, kind) in self._edges:
            return
        edge = AssetRelationship(
            relationship_id=catalogue_id("relationship", f"{asset_id}/{kind.name}/{other_id}"),
            from_asset_id=asset_id,
            to_asset_id=other_id,
            relationship_type=kind,
            conversion_rate=Decimal(1) if kind in _AT_PAR else None,
            protocol=trace.provider,
        )
        self._edges[asset_id, other_id, kind] = edge
        self._assets.relate(asset_id, other_id)
        self._stated.put(ASSET_RELATIONSHIP, edge, is_optional=True)
