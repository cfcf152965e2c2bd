"""Collections: groups of what is known, and proposals to merge what the list takes for one."""

from __future__ import annotations

from typing import Final

import pytest

from cqar.importer.reference.list_file import ListFile
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP, AssetGroup, GroupMember
from cqar_shared.domain.kinds.finding import FINDING
from tests.support.entity_builders import a_chain, a_relationship, an_asset, an_id
from tests.support.reference_lists import csv_list, imported, made, planned, registry, rows_of

COLUMNS: Final = "collection_id,name,symbol,main_asset,asset"
ON_ETHEREUM: Final = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
ON_BASE: Final = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
FIRST: Final = f"eip155:1/erc20:{ON_ETHEREUM}"
SECOND: Final = f"eip155:8453/erc20:{ON_BASE}"
USDC: Final = an_asset("USDC", name="USD Coin")
ON_BASE_ONLY: Final = an_asset("USDC", asset_id=an_id("base usdc"), unverified=True)


def deployed(asset_id: str, chain_id: str, address: str) -> AssetDeployment:
    return AssetDeployment(
        deployment_id=an_id(address),
        asset_id=asset_id,
        chain_id=chain_id,
        address=address,
        decimals=6,
    )


KNOWN: Final = (
    *(a_chain(network_id=1), a_chain(chain_id="base", network_id=8453), USDC, ON_BASE_ONLY),
    deployed(USDC.asset_id, "ethereum", ON_ETHEREUM),
    deployed(ON_BASE_ONLY.asset_id, "base", ON_BASE),
)


def a_collection(*members: str, main: str = "", number: str = "1") -> ListFile:
    return csv_list(COLUMNS, *((number, "USD  Coin", "USDC", main, member) for member in members))


def test_members_are_a_group_and_two_assets_of_it_are_proposed_for_a_merge() -> None:
    plan = imported("collections", registry(*KNOWN), a_collection(SECOND, FIRST, FIRST))
    assert rows_of(plan) == ["NEW", "NEW", "UNCHANGED"]
    (group,) = made(plan, ASSET_GROUP)
    assert (group.name, group.group_type) == ("USD Coin (USDC)", "collection")
    assert {m.asset_id for m in group.members} == {USDC.asset_id, ON_BASE_ONLY.asset_id}
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.asset_id) == ("DUPLICATE", ON_BASE_ONLY.asset_id)
    assert (finding.proposed_asset_id, finding.evidence[0].kind) == (USDC.asset_id, "REVIEWED")


def test_the_main_asset_is_the_one_to_keep() -> None:
    plan = planned("collections", registry(*KNOWN), a_collection(FIRST, SECOND, main=SECOND))
    assert made(plan, FINDING)[0].proposed_asset_id == ON_BASE_ONLY.asset_id


def test_a_wrapped_member_is_not_proposed() -> None:
    state = registry(*KNOWN, a_relationship(ON_BASE_ONLY.asset_id, USDC.asset_id))
    assert made(imported("collections", state, a_collection(FIRST, SECOND)), FINDING) == []


def test_an_unknown_member_is_left_out_and_said() -> None:
    other = "eip155:1/erc20:0xF5238462E7235c7B62811567E63Dd17d12C2EAA0"
    plan = imported("collections", registry(*KNOWN), a_collection(FIRST, other, "USDC", ""))
    assert rows_of(plan) == ["NEW", "UNSUPPORTED", "UNSUPPORTED", "UNREADABLE"]
    assert len(made(plan, ASSET_GROUP)[0].members) == 1


def test_a_group_of_the_name_keeps_its_members_and_a_second_collection_gets_another() -> None:
    third = an_asset("OLD")
    group = AssetGroup(
        group_id=an_id("group"),
        name="USD Coin (USDC)",
        members=(GroupMember(asset_id=third.asset_id),),
    )
    plan = imported("collections", registry(*KNOWN, third, group), a_collection(FIRST))
    (after,) = made(plan, ASSET_GROUP)
    assert after.group_id == group.group_id
    assert {m.asset_id for m in after.members} == {third.asset_id, USDC.asset_id}
    rows = [("1", "X", "X", "", FIRST), ("2", "X", "X", "", SECOND)]
    plan = imported("collections", registry(*KNOWN), csv_list(COLUMNS, *rows))
    assert [g.name for g in made(plan, ASSET_GROUP)] == ["X (X)", "X (X) #2"]


def test_what_is_no_list_of_collections_is_refused() -> None:
    with pytest.raises(UnusableAnswer, match="no list of collections"):
        planned("collections", registry(), csv_list("a,b", ("1", "2")))
