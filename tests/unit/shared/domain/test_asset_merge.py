"""Merging an asset into another moves every reference, and refuses what is not one asset."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec
import pytest

from cqar_shared.domain.asset_merge import merge_items
from cqar_shared.domain.evaluation import ChangeIntent, Item, Result
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import ASSET, AssetClassCode
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource
from cqar_shared.domain.kinds.asset_relationship import RelationshipType
from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_asset import BindingEvidence
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.domain.relinking import CHANGED_MAX
from cqar_shared.errors import Invalid, TooLarge
from tests.support.entity_builders import (
    ETH,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_asset_price,
    an_id,
    an_identifier,
)
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_registry_view import KIND_OF

A, B = an_id("lit"), an_id("litentry")
DAY: Final = dt.timedelta(days=1)
#: The merged asset, its target, and what they trade against.
ASSETS: Final = (
    an_asset("LIT", asset_id=A, name="LIT", asset_type=None, unverified=True),
    an_asset("LIT", asset_id=B, name="Litentry"),
    an_asset("USDT"),
    an_asset("ETH"),
    a_venue(),
    a_venue("gate"),
)


def merged(*entities: Entity, source: str = A, target: str = B) -> MemoryRegistry:
    registry = MemoryRegistry(*ASSETS)
    registry.create(*entities)
    merge(registry, source, target)
    return registry


def merge(registry: MemoryRegistry, source: str = A, target: str = B) -> None:
    outcomes = registry.apply_planned(partial(merge_items, source, target))
    assert not [(o.kind.name, o.violations) for o in outcomes if o.error], outcomes


def refused(*entities: Entity, source: str = A, target: str = B) -> set[tuple[str, str]]:
    registry = MemoryRegistry(*ASSETS)
    registry.create(*entities)
    with pytest.raises(Invalid) as error:
        merge(registry, source, target)
    return {(v.field, v.reason) for v in error.value.violations}


def only(registry: MemoryRegistry, kind: str) -> Any:
    (entity,) = registry.of(kind)
    return entity


def referrers(registry: MemoryRegistry, asset_id: str) -> set[tuple[str, str]]:
    """(kind, field) of all that refers to an asset."""
    return {
        (name, field)
        for (name, _), entity in registry.entities.items()
        for field, ref in KIND_BY_NAME[name].refs_of(entity)
        if ref == ("asset", asset_id)
    }


def test_every_reference_moves() -> None:
    symbol = a_symbol(base_asset_id=A)
    registry = merged(
        a_chain(native_asset_id=A),
        a_deployment(asset_id=A),
        an_identifier(asset_id=A),
        a_relationship(A, ETH),
        a_group(A, ETH),
        a_flag(asset_id=A),
        symbol,
        a_venue_asset(asset_id=A, venue_asset_symbol="LIT"),
        an_asset_price(asset_id=A),
        a_venue_symbol(symbol_id=symbol.symbol_id, venue_symbol="LITUSDT", listing_id=an_id("l")),
    )
    assert referrers(registry, A) == set()
    assert registry.entities["asset", A].merged_into == B
    assert {kind for kind, _ in referrers(registry, B)} == {
        *("asset", "chain", "asset_deployment", "asset_identifier", "asset_relationship"),
        *("asset_group", "quality_flag", "symbol", "venue_asset"),
    }
    assert only(registry, "asset_price").asset_id == B


def test_it_says_that_it_was_merged() -> None:
    registry = MemoryRegistry(*ASSETS)
    outcomes = registry.apply_planned(partial(merge_items, A, B))
    told = {o.kind.event(o.before, o.after) for o in outcomes if o.key == A}
    assert told == {"asset_merged"}


def test_the_target_is_found_by_the_merged_ones_name() -> None:
    registry = merged()
    target = registry.entities["asset", B]
    assert [(f.symbol, f.name) for f in target.former_names] == [("LIT", "LIT")]


def test_a_symbol_goes_up_in_the_one_with_its_terms() -> None:
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    registry = merged(
        *(old, new),
        a_symbol_identifier(symbol_id=old.symbol_id, is_primary=True),
        a_venue_symbol(
            symbol_id=old.symbol_id,
            venue_symbol="LITUSDT",
            listing_id=an_id("l"),
            listed_at=NOW - DAY,
        ),
    )
    assert registry.entities["symbol", old.symbol_id].merged_into == new.symbol_id
    listing = only(registry, "venue_symbol")
    assert (listing.symbol_id, listing.listed_at, listing.is_primary) == (
        *(new.symbol_id, NOW - DAY, True),
    )
    identifier = only(registry, "symbol_identifier")
    assert (identifier.symbol_id, identifier.is_primary) == (new.symbol_id, True)


def test_of_two_primary_spellings_of_one_venue_the_targets_stays_primary() -> None:
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    registry = merged(
        *(old, new),
        a_venue_symbol(symbol_id=old.symbol_id, venue_symbol="LITUSDT", listing_id=an_id("l")),
        a_venue_symbol(symbol_id=new.symbol_id, venue_symbol="LITENUSDT", listing_id=an_id("n")),
    )
    primary = {v.venue_symbol: v.is_primary for v in registry.of("venue_symbol")}
    assert primary == {"LITUSDT": False, "LITENUSDT": True}


def test_an_ended_listing_and_an_alias_move_too() -> None:
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    ended = a_venue_symbol(
        symbol_id=old.symbol_id,
        venue_symbol="LITUSDT",
        listing_id=an_id("l"),
        status=MarketStatusCode.DELISTED,
        is_primary=True,
        listed_at=NOW - 9 * DAY,
        delisted_at=NOW - DAY,
    )
    alias = msgspec.structs.replace(
        ended,
        listing_id=an_id("a"),
        venue_symbol="LIT/USDT",
        alias_of="LITUSDT",
        is_primary=False,
        tick_size=None,
        lot_size=None,
    )
    registry = MemoryRegistry(*ASSETS, ended, alias)
    registry.create(old, new)
    merge(registry)
    for before in (ended, alias):
        after = registry.entities["venue_symbol", before.listing_id]
        assert after == msgspec.structs.replace(before, symbol_id=new.symbol_id)


def test_a_contracts_kind_follows_its_assets() -> None:
    duplicate = an_id("tether-duplicate")
    symbol = a_symbol(
        base_asset_id=ETH,
        settlement_asset_id=duplicate,
        symbol_type=SymbolTypeCode.PERPETUAL,
        contract_kind=ContractKindCode.QUANTO,
    )
    registry = merged(
        an_asset("USDT", asset_id=duplicate, name="Tether USD"),
        symbol,
        source=duplicate,
        target=USDT,
    )
    after = only(registry, "symbol")
    assert (after.settlement_asset_id, after.contract_kind) == (USDT, ContractKindCode.LINEAR)


def test_two_rows_of_a_venue_become_one() -> None:
    evidence = BindingEvidence(kind="NAME", code="LTN")
    registry = merged(
        a_venue_asset(
            asset_id=A,
            venue_asset_symbol="LTN",
            listed_at=NOW - 9 * DAY,
            name="Litentry",
            evidence=(evidence,),
        ),
        a_venue_asset(asset_id=B, venue_asset_symbol="LIT", listed_at=NOW - DAY),
    )
    row = only(registry, "venue_asset")
    assert (row.asset_id, row.venue_asset_symbol, row.other_codes) == (B, "LIT", ("LTN",))
    assert (row.listed_at, row.name, row.evidence) == (NOW - 9 * DAY, "Litentry", (evidence,))


def test_codes_of_a_row_that_ended_are_free_for_others() -> None:
    registry = MemoryRegistry(*ASSETS)
    registry.create(
        a_venue_asset(
            asset_id=A,
            venue_asset_symbol="OLD",
            listed_at=NOW - 9 * DAY,
            delisted_at=NOW - 5 * DAY,
        ),
        a_venue_asset(asset_id=B, venue_asset_symbol="LIT", listed_at=NOW - DAY),
        a_venue_asset(asset_id=ETH, venue_asset_symbol="OLD", listed_at=NOW - DAY),
    )
    merge(registry)
    row = next(v for v in registry.of("venue_asset") if v.asset_id == B)
    assert row.codes == ("LIT",)


def test_the_targets_primary_identifier_and_canonical_deployment_stay() -> None:
    other = "0x6B175474E89094C44Da98b954EedeAC495271d0F"
    registry = merged(
        a_chain(),
        a_deployment(asset_id=A, is_canonical=True),
        a_deployment(asset_id=B, is_canonical=True, deployment_id=an_id("d2"), address=other),
        an_identifier(asset_id=A, is_primary=True),
        an_identifier(
            asset_id=B, is_primary=True, identifier_id=an_id("i2"), external_id="litentry"
        ),
        an_identifier(
            asset_id=A,
            is_primary=True,
            identifier_id=an_id("i3"),
            source=AssetDataSource.MESSARI,
        ),
    )
    canonical = {d.deployment_id: d.is_canonical for d in registry.of("asset_deployment")}
    assert canonical == {an_id("deployment"): False, an_id("d2"): True}
    primary = {i.identifier_id: i.is_primary for i in registry.of("asset_identifier")}
    assert primary == {an_id("identifier"): False, an_id("i2"): True, an_id("i3"): True}


def test_a_relationship_between_both_and_a_second_one_are_dropped() -> None:
    registry = merged(
        a_relationship(A, B, relationship_type=RelationshipType.BRIDGES),
        a_relationship(A, ETH),
        a_relationship(B, ETH),
    )
    (left,) = registry.of("asset_relationship")
    assert left.relationship_id == an_id(f"{B}>{ETH}")


def test_a_group_has_the_asset_once_with_the_targets_weight() -> None:
    registry = merged(a_group(A, B, ETH))
    group = only(registry, "asset_group")
    assert sorted(m.asset_id for m in group.members) == sorted((B, ETH))


def test_a_resolved_flag_moves() -> None:
    registry = MemoryRegistry(*ASSETS)
    registry.create(a_flag(asset_id=A, severity=FlagSeverity.LOW))
    resolved = a_flag(
        asset_id=A, severity=FlagSeverity.LOW, resolved_by="ops", resolution_notes="refunded"
    )
    registry.create(resolved)
    merge(registry)
    assert only(registry, "quality_flag").asset_id == B


def test_what_was_merged_before_is_merged_into_the_new_one() -> None:
    c = an_id("c")
    registry = MemoryRegistry(*ASSETS, an_asset("LITN", asset_id=c))
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    newest = a_symbol(base_asset_id=c)
    registry.create(old, new, newest)
    merge(registry)
    merge(registry, B, c)
    into = {a.asset_id: a.merged_into for a in registry.of("asset")}
    assert (into[A], into[B], into[c]) == (c, c, None)
    symbols = {s.symbol_id: s.merged_into for s in registry.of("symbol")}
    assert (symbols[old.symbol_id], symbols[new.symbol_id]) == (newest.symbol_id,) * 2


class TestRefusals:
    def test_of_what_is_the_same_or_merged_already(self) -> None:
        assert refused(source=A, target=A) == {("to_asset_id", "SELF_REFERENCE")}
        registry = merged()
        for source, target, field in ((A, ETH, "from_asset_id"), (ETH, A, "to_asset_id")):
            with pytest.raises(Invalid) as error:
                merge(registry, source, target)
            assert (field, "MERGED") in {(v.field, v.reason) for v in error.value.violations}

    def test_of_a_verified_asset_into_an_unverified_one(self) -> None:
        assert refused(source=B, target=A) == {("to_asset_id", "UNVERIFIED")}

    def test_of_two_classes(self) -> None:
        share, coin = an_id("share"), an_id("coin")
        entities = (
            an_asset("WEN", asset_id=share, asset_class=AssetClassCode.EQUITY),
            an_asset("WEN", asset_id=coin, asset_class=AssetClassCode.CRYPTO),
        )
        assert refused(*entities, source=share, target=coin) == {("to_asset_id", "OTHER_CLASS")}

    def test_of_what_trades_against_one_another(self) -> None:
        symbol = a_symbol(base_asset_id=A, quote_asset_id=B)
        assert refused(symbol) == {("to_asset_id", "TRADED_AGAINST")}

    def test_of_other_units(self) -> None:
        swap = a_relationship(
            A, B, relationship_type=RelationshipType.MIGRATES_TO, conversion_rate=Decimal(24_000)
        )
        assert refused(swap) == {("to_asset_id", "OTHER_UNITS")}

    def test_of_more_than_one_revision_holds(self) -> None:
        flags = [a_flag(asset_id=A, flag_id=an_id(f"flag {n}")) for n in range(CHANGED_MAX)]
        registry = MemoryRegistry(*ASSETS, *flags)
        with pytest.raises(TooLarge, match="merge that one into this one"):
            merge(registry)

    def test_of_a_symbol_of_something_else(self) -> None:
        old = a_symbol(base_asset_id=A, underlying_class=UnderlyingClassCode.EQUITY)
        new = a_symbol(base_asset_id=B, underlying_class=UnderlyingClassCode.CRYPTO)
        assert refused(old, new) == {("to_asset_id", "OTHER_PRODUCT")}


def test_nothing_may_refer_to_a_merged_asset_or_symbol() -> None:
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    registry = merged(old, new)
    for entity in (
        an_identifier(asset_id=A),
        a_venue_symbol(symbol_id=old.symbol_id, listing_id=an_id("l")),
    ):
        kind = next(k for k in KIND_BY_NAME.values() if isinstance(entity, k.entity))
        (outcome,) = registry.apply(Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity))
        assert {v.reason for v in outcome.violations} == {"MERGED"}


def test_an_upsert_neither_merges_nor_unmerges() -> None:
    registry = merged()
    for given in (ASSETS[0], an_asset("ETH", merged_into=B)):
        registry.apply(Item(kind=ASSET, intent=ChangeIntent.UPSERT, given=given))
    into = {a.asset_id: a.merged_into for a in registry.of("asset")}
    assert (into[A], into[ETH]) == (B, None)


def test_an_export_restores_what_was_merged_in_any_order() -> None:
    old, new = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    exported = merged(old, new).entities.values()
    registry = MemoryRegistry()
    items = [
        Item(kind=KIND_OF[type(entity)], intent=ChangeIntent.UPSERT, given=entity)
        for entity in sorted(exported, key=lambda entity: not getattr(entity, "merged_into", None))
    ]
    assert not [o.violations for o in registry.apply(*items) if o.error]
    assert registry.entities["symbol", old.symbol_id].merged_into == new.symbol_id


def test_a_merged_asset_is_not_removed() -> None:
    registry = merged()
    (outcome,) = registry.apply(Item(kind=ASSET, intent=ChangeIntent.REMOVE, key=A))
    assert outcome.result is Result.REJECTED
    assert {v.reason for v in outcome.violations} == {"MERGED"}
