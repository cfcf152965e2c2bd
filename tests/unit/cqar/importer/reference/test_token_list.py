"""Token lists: a place decides which asset is meant, and a ticker never does."""

from __future__ import annotations

from typing import Any, Final

import pytest

from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset import ASSET, AssetClassCode
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.finding import FINDING, FindingState
from tests.support.entity_builders import a_chain, an_asset, an_id
from tests.support.reference_lists import (
    csv_list,
    imported,
    json_list,
    made,
    planned,
    registry,
    rows_of,
)

CGT: Final = "0xF5238462E7235c7B62811567E63Dd17d12C2EAA0"
USDC: Final = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
USDC_ON_BASE: Final = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
CHAINS: Final = (
    a_chain(network_id=1),
    a_chain(chain_id="base", network_id=8453),
    a_chain(chain_id="sepolia", network_id=11155111, is_testnet=True),
    a_chain(chain_id="solana", chain_type="SOLANA"),
)


def a_token(address: str, symbol: str, decimals: Any, **changes: Any) -> dict[str, Any]:
    given = {"chainId": 1, "address": address, "symbol": symbol, "name": f"The {symbol}"}
    return {**given, "decimals": decimals, **changes}


def a_list(*tokens: Any, name: str = "list-a") -> Any:
    return json_list({"name": name, "tokens": list(tokens)}, name)


def known(symbol: str, address: str, decimals: int, **changes: Any) -> ReferenceState:
    asset = an_asset(symbol, name=f"The {symbol}")
    deployment = AssetDeployment(
        deployment_id=an_id(f"deployment {symbol}"),
        asset_id=asset.asset_id,
        chain_id="ethereum",
        address=address,
        decimals=decimals,
        **changes,
    )
    return registry(*CHAINS, asset, deployment)


def test_a_token_of_an_unknown_place_is_a_new_unverified_coin_with_its_deployment() -> None:
    plan = imported("tokenlist", registry(*CHAINS), a_list(a_token(USDC.lower(), "USDC", 6)))
    assert rows_of(plan) == ["NEW"]
    (asset,) = made(plan, ASSET)
    assert (asset.symbol, asset.name, asset.unverified) == ("USDC", "The USDC", True)
    assert asset.asset_class is AssetClassCode.CRYPTO
    (deployment,) = made(plan, ASSET_DEPLOYMENT)
    assert (deployment.asset_id, deployment.chain_id) == (asset.asset_id, "ethereum")
    assert (deployment.address, deployment.decimals) == (USDC, 6)


def test_a_known_place_is_its_asset_whatever_the_list_calls_it() -> None:
    source = a_list(a_token(USDC.lower(), "USDX", 6, name="Other"))
    plan = planned("tokenlist", known("USDC", USDC, 6), source)
    assert (rows_of(plan), plan.changes) == (["UNCHANGED"], [])
    assert plan.evidence == {"CONTRACT": 1}


def test_other_decimals_put_the_deployment_in_quarantine_and_stay_as_they_are() -> None:
    source = a_list(a_token(CGT.lower(), "CGT", 18), a_token(USDC, "USDC", 6))
    plan = imported("tokenlist", known("CGT", CGT, 8), source)
    assert rows_of(plan) == ["CHANGED", "NEW"]
    doubted = next(d for d in made(plan, ASSET_DEPLOYMENT) if d.address == CGT)
    assert (doubted.decimals, doubted.doubts) == (8, ("DECIMALS_DISAGREE",))
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.chain_id) == ("DECIMALS_DISAGREE", "ethereum")
    (difference,) = finding.differences
    assert (difference.field, difference.before, difference.after) == ("decimals", "8", "18")
    assert finding.records[0].request == "list-a"


def test_a_decided_dispute_does_not_doubt_the_deployment_again() -> None:
    state = known("CGT", CGT, 8)
    source = a_list(a_token(CGT, "CGT", 18))
    (finding,) = made(planned("tokenlist", state, source), FINDING)
    state.findings[finding.finding_id] = FindingState.REJECTED
    plan = planned("tokenlist", state, source)
    assert (rows_of(plan), plan.changes) == (["UNCHANGED"], [])
    assert "DECIMALS_DISAGREE" in plan.rows[0].reason


def test_the_list_that_lost_does_not_doubt_what_was_decided() -> None:
    (finding,) = made(
        planned("tokenlist", known("CGT", CGT, 18), a_list(a_token(CGT, "CGT", 8))), FINDING
    )
    state = known("CGT", CGT, 8)
    state.findings[finding.finding_id] = FindingState.APPROVED
    plan = planned("tokenlist", state, a_list(a_token(CGT, "CGT", 18)))
    assert (rows_of(plan), plan.changes) == (["UNCHANGED"], [])


def test_a_list_that_contradicts_itself_is_doubted_too() -> None:
    source = a_list(a_token(CGT, "CGT", 8), a_token(CGT.lower(), "CGT", 18))
    plan = imported("tokenlist", registry(*CHAINS), source)
    (deployment,) = made(plan, ASSET_DEPLOYMENT)
    assert (deployment.decimals, deployment.doubts) == (8, ("DECIMALS_DISAGREE",))


def test_an_equal_ticker_merges_nothing_and_opens_a_finding_with_the_candidates() -> None:
    usdc = an_asset("USDC", name="The USDC")
    plan = imported("tokenlist", registry(*CHAINS, usdc), a_list(a_token(USDC, "USDC", 6)))
    (asset,) = made(plan, ASSET)
    assert asset.asset_id != usdc.asset_id
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.asset_id) == ("SAME_TICKER", asset.asset_id)
    assert finding.proposed_asset_id == usdc.asset_id
    assert [(e.kind, e.asset_id) for e in finding.evidence] == [
        ("TICKER", usdc.asset_id),
        ("NAME", usdc.asset_id),
    ]


@pytest.mark.parametrize("why", ["its own contract there", "a share", "another unverified one"])
def test_no_candidate_is(why: str) -> None:
    state = known("USDC", CGT, 6)
    if why != "its own contract there":
        other = {"a share": {"asset_class": AssetClassCode.EQUITY}}.get(why, {"unverified": True})
        state = registry(*CHAINS, an_asset("USDC", name="Another", **other))
    plan = imported("tokenlist", state, a_list(a_token(USDC, "USDC", 6)))
    assert made(plan, FINDING) == []


def test_a_test_coin_is_not_the_coin() -> None:
    state = registry(*CHAINS, an_asset("USDC", name="The USDC"))
    plan = imported("tokenlist", state, a_list(a_token(USDC, "USDC", 6, chainId=11155111)))
    assert (rows_of(plan), made(plan, FINDING)) == (["NEW"], [])


def test_linked_places_of_one_ticker_are_one_asset_in_either_order() -> None:
    bridge = {"bridgeInfo": {"8453": {"tokenAddress": USDC_ON_BASE.lower()}}}
    linking = a_token(USDC, "USDC", 6, extensions=bridge)
    linked = a_token(USDC_ON_BASE, "USDC", 6, chainId=8453)
    for tokens in ((linking, linked), (linked, linking)):
        plan = imported("tokenlist", registry(*CHAINS), a_list(*tokens))
        assert len(made(plan, ASSET)) == 1
        assert len({d.asset_id for d in made(plan, ASSET_DEPLOYMENT)}) == 1
    plan = imported("tokenlist", known("USDC", USDC, 6), a_list(linking, linked))
    assert made(plan, ASSET) == []
    assert plan.evidence == {"CONTRACT": 1, "LINK": 1}


def test_a_link_to_another_ticker_or_to_a_test_network_joins_nothing() -> None:
    bridge = {
        "bridgeInfo": {"8453": {"tokenAddress": CGT}, "11155111": {"tokenAddress": USDC_ON_BASE}}
    }
    source = a_list(
        a_token(USDC, "USDC", 6, extensions=bridge),
        a_token(CGT, "USDC.e", 6, chainId=8453),
        a_token(USDC_ON_BASE, "USDC", 6, chainId=11155111),
    )
    plan = imported("tokenlist", registry(*CHAINS), source)
    assert len(made(plan, ASSET)) == 3


def test_a_link_between_two_known_assets_is_a_proposal_to_merge_them() -> None:
    state = known("USDC", USDC, 6)
    imported(
        "tokenlist", state, a_list(a_token(USDC_ON_BASE, "USDC", 6, chainId=8453, name="Other"))
    )
    bridge = {"bridgeInfo": {"8453": {"tokenAddress": USDC_ON_BASE}}}
    plan = imported("tokenlist", state, a_list(a_token(USDC, "USDC", 6, extensions=bridge)))
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.proposed_asset_id) == ("DUPLICATE", an_id("usdc"))
    assert rows_of(plan) == ["CHANGED"]


@pytest.mark.parametrize(
    ("token", "outcome", "reason"),
    [
        (a_token(USDC, "USDC", 6, chainId=77), "UNSUPPORTED", "no chain of the number 77"),
        (a_token("0x" + "0" * 40, "ETH", 18), "UNSUPPORTED", "the chain's own coin"),
        (a_token(USDC, "USDC", 99), "UNREADABLE", "decimals OUT_OF_RANGE"),
        (a_token(USDC[:-1] + "A", "USDC", 6), "UNREADABLE", "address NOT_AN_ADDRESS"),
        (a_token(USDC, "", 6), "UNREADABLE", "symbol is missing"),
        (a_token(USDC, "USDC", "x"), "UNREADABLE", "is no whole number"),
        ("USDC", "UNREADABLE", "is no object"),
    ],
)
def test_what_is_not_imported_says_why_and_makes_nothing(
    token: Any, outcome: str, reason: str
) -> None:
    plan = planned("tokenlist", registry(*CHAINS), a_list(token))
    assert (rows_of(plan), plan.changes) == ([outcome], [])
    assert reason in plan.rows[0].reason


def test_solanas_numbers_are_told_from_evm_numbers_by_the_address() -> None:
    state = registry(*CHAINS, a_chain(chain_id="etherinc", network_id=101))
    mint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    source = a_list(a_token(mint, "USDC", 6, chainId=101), a_token(USDC, "USDC", 6, chainId=101))
    plan = imported("tokenlist", state, source)
    assert [d.chain_id for d in made(plan, ASSET_DEPLOYMENT)] == ["solana", "etherinc"]


def test_a_csv_of_contracts_is_a_list_without_links() -> None:
    mint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    source = csv_list(
        "identifier,chain,address,symbol,name,decimals",
        ("a", "1", USDC, "USDC", "USD Coin", "6"),
        ("b", "solana", mint, "USDC", "USD Coin", "6"),
        ("BTC", "", "", "BTC", "Bitcoin", ""),
        ("nft", "1", CGT, "NFT", "An NFT", ""),
    )
    plan = imported("tokenlist", registry(*CHAINS), source)
    assert rows_of(plan) == ["NEW", "NEW", "UNSUPPORTED", "UNREADABLE"]
    assert [d.chain_id for d in made(plan, ASSET_DEPLOYMENT)] == ["ethereum", "solana"]


def test_what_is_no_token_list_is_refused() -> None:
    with pytest.raises(UnusableAnswer, match="a CSV of one has"):
        planned("tokenlist", registry(), csv_list("a,b", ("1", "2")))
    with pytest.raises(UnusableAnswer, match="no token list"):
        planned("tokenlist", registry(), json_list([{"chainId": 1}]))
