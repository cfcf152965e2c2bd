"""Cosmos asset lists: vouchers bridge what they stand for; what is issued twice is one asset."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from cqar.importer.reference.list_file import ListFile
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP, RelationshipType
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.finding import FINDING
from tests.support.entity_builders import a_chain, an_asset, an_id
from tests.support.reference_lists import imported, json_list, made, planned, registry, rows_of

ATOM: Final = an_asset("ATOM", name="Cosmos Hub Atom")
HUB: Final = a_chain(
    chain_id="cosmoshub",
    chain_type="COSMOS",
    native_asset_id=ATOM.asset_id,
    metadata={"own_denom": "uatom"},
)
OSMOSIS: Final = a_chain(chain_id="osmosis", chain_type="COSMOS", metadata={"own_denom": "uosmo"})
NOBLE: Final = a_chain(chain_id="noble", chain_type="COSMOS")
ETHEREUM: Final = a_chain(network_id=1)
USDC_ADDRESS: Final = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
VOUCHER: Final = f"ibc/{'A1' * 32}"
CHAINS: Final = (HUB, OSMOSIS, NOBLE, ETHEREUM, ATOM)


def an_entry(base: str, symbol: str, *trace: str, **changes: Any) -> dict[str, Any]:
    """An asset with six decimals and a trace: type, chain, base."""
    units = [{"denom": base, "exponent": 0}, {"denom": symbol.lower(), "exponent": 6}]
    entry: dict[str, Any] = {
        "base": base,
        "symbol": symbol,
        "name": symbol,
        "display": symbol.lower(),
    }
    entry |= {"typeAsset": "ics20" if trace else "sdk.coin", "denomUnits": units}
    if trace:
        kind, chain, of = trace
        entry["traces"] = [{"type": kind, "counterparty": {"chainName": chain, "baseDenom": of}}]
    return entry | changes


def lists(**assets: list[Any]) -> ListFile:
    return json_list([{"chainName": name, "assets": found} for name, found in assets.items()])


def test_the_chains_own_denomination_is_the_asset_that_the_registry_has_for_it() -> None:
    plan = imported("cosmos", registry(*CHAINS), lists(cosmoshub=[an_entry("uatom", "ATOM")]))
    (deployment,) = made(plan, ASSET_DEPLOYMENT)
    assert (deployment.asset_id, deployment.address) == (ATOM.asset_id, "uatom")
    assert (deployment.decimals, plan.evidence) == (6, {"OWN_COIN": 1})


def test_a_chain_without_a_coin_gets_its_own_denominations_asset() -> None:
    plan = imported("cosmos", registry(*CHAINS), lists(osmosis=[an_entry("uosmo", "OSMO")]))
    (asset,), (chain,) = made(plan, ASSET), made(plan, CHAIN)
    assert (chain.chain_id, chain.native_asset_id) == ("osmosis", asset.asset_id)


@pytest.mark.parametrize("kind", ["ibc", "bridge"])
def test_a_voucher_bridges_its_counterparty_at_par_and_is_no_candidate_of_it(kind: str) -> None:
    voucher = an_entry(VOUCHER, "ATOM", kind, "cosmoshub", "uatom")
    source = lists(osmosis=[voucher], cosmoshub=[an_entry("uatom", "ATOM")])
    plan = imported("cosmos", registry(*CHAINS), source)
    (edge,) = made(plan, ASSET_RELATIONSHIP)
    assert edge.relationship_type is RelationshipType.BRIDGES
    assert (edge.to_asset_id, edge.conversion_rate) == (ATOM.asset_id, Decimal(1))
    assert edge.from_asset_id == made(plan, ASSET)[0].asset_id
    assert made(plan, FINDING) == []


def test_a_staked_coin_has_no_fixed_rate() -> None:
    staked = an_entry("stuatom", "stATOM", "liquid-stake", "cosmoshub", "uatom")
    source = lists(osmosis=[staked], cosmoshub=[an_entry("uatom", "ATOM")])
    (edge,) = made(imported("cosmos", registry(*CHAINS), source), ASSET_RELATIONSHIP)
    assert (edge.relationship_type.name, edge.conversion_rate) == ("STAKES", None)


def test_what_is_issued_on_two_chains_is_one_asset_in_either_order() -> None:
    on_ethereum = an_entry(USDC_ADDRESS, "USDC", address=USDC_ADDRESS, typeAsset="erc20")
    on_noble = an_entry("uusdc", "USDC", "additional-mintage", "ethereum", USDC_ADDRESS)
    for source in (
        lists(noble=[on_noble], ethereum=[on_ethereum]),
        lists(ethereum=[on_ethereum], noble=[on_noble]),
    ):
        plan = imported("cosmos", registry(*CHAINS), source)
        assert len(made(plan, ASSET)) == 1
        assert len({d.asset_id for d in made(plan, ASSET_DEPLOYMENT)}) == 1
        assert made(plan, ASSET_RELATIONSHIP) == []


def test_a_known_contract_is_its_asset_and_the_ticker_of_another_is_a_finding() -> None:
    usdc = an_asset("USDC", name="USD Coin")
    held = AssetDeployment(
        deployment_id=an_id("d"),
        asset_id=usdc.asset_id,
        chain_id="ethereum",
        address=USDC_ADDRESS,
        decimals=6,
    )
    on_ethereum = an_entry("eth-usdc", "USDC", address=USDC_ADDRESS, typeAsset="erc20")
    source = lists(ethereum=[on_ethereum], noble=[an_entry("uusdc", "USDC")])
    plan = imported("cosmos", registry(*CHAINS, usdc, held), source)
    assert rows_of(plan) == ["UNCHANGED", "NEW"]
    assert [finding.kind for finding in made(plan, FINDING)] == ["SAME_TICKER"]


@pytest.mark.parametrize(
    ("chain", "entry", "outcome", "reason"),
    [
        ("forex", an_entry("USD", "USD"), "UNSUPPORTED", "no chain 'forex'"),
        ("osmosis", an_entry("ufoo", "FOO", display="bar"), "UNREADABLE", "decimals REQUIRED"),
        ("osmosis", an_entry("ufoo", ""), "UNREADABLE", "symbol is missing"),
        ("osmosis", 7, "UNREADABLE", "is no object"),
        ("osmosis", an_entry(VOUCHER, "X", "ibc", "elys", "uelys"), "NEW", "not known here"),
    ],
)
def test_what_is_missing_is_said(chain: str, entry: Any, outcome: str, reason: str) -> None:
    plan = planned("cosmos", registry(*CHAINS), lists(**{chain: [entry]}))
    assert rows_of(plan) == [outcome]
    assert reason in plan.rows[0].reason
    assert bool(plan.changes) == (outcome == "NEW")


def test_a_circle_of_traces_costs_the_relationship_and_not_the_asset() -> None:
    source = lists(
        osmosis=[
            an_entry("uone", "ONE", "synthetic", "osmosis", "utwo"),
            an_entry("utwo", "TWO", "synthetic", "osmosis", "uone"),
        ]
    )
    plan = planned("cosmos", registry(*CHAINS), source)
    assert rows_of(plan) == ["NEW", "NEW"]
    assert len(made(plan, ASSET_RELATIONSHIP)) == 1
    assert "CYCLE" in plan.rows[1].reason


def test_what_is_no_asset_list_is_refused() -> None:
    with pytest.raises(UnusableAnswer, match="no asset list"):
        planned("cosmos", registry(), json_list([{"tokens": []}]))
