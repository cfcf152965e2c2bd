"""Lists of chains: a number or a name says which is meant; what the registry says of it stays."""

from __future__ import annotations

from typing import Any

import pytest

from cqar.importer.reference.list_file import ListFile
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.chain import CHAIN
from tests.support.entity_builders import ETH, a_chain, an_asset
from tests.support.reference_lists import imported, json_list, made, planned, registry, rows_of

ETHER = an_asset("ETH", name="Ether")
ETHEREUM = a_chain(network_id=1, native_asset_id=ETH)


def an_evm_chain(number: int, name: str, symbol: str = "XYZ", **changes: Any) -> dict[str, Any]:
    coin = {"name": f"The {symbol}", "symbol": symbol, "decimals": 18}
    return {"chainId": number, "name": name, "nativeCurrency": coin, **changes}


def evm(*chains: Any) -> ListFile:
    return json_list(list(chains), "evm_chains")


def test_a_new_chain_has_its_number_explorer_and_its_own_new_coin() -> None:
    explorers = [{"url": "ftp://x"}, {"url": "https://scan.example"}]
    plan = imported("chains", registry(), evm(an_evm_chain(77, "Seven", explorers=explorers)))
    (chain,) = made(plan, CHAIN)
    assert (chain.chain_id, chain.network_id, chain.chain_type) == ("eip155-77", 77, "EVM")
    assert (chain.explorer_url, chain.is_testnet) == ("https://scan.example", False)
    (coin,) = made(plan, ASSET)
    assert (chain.native_asset_id, coin.symbol, coin.unverified) == (coin.asset_id, "XYZ", True)
    (deployment,) = made(plan, ASSET_DEPLOYMENT)
    assert (deployment.is_native, deployment.address, deployment.decimals) == (True, None, 18)


def test_a_layers_coin_is_its_parents_where_both_call_it_alike() -> None:
    parent = {"type": "L2", "chain": "eip155-1"}
    chains = (
        an_evm_chain(42161, "Arbitrum One", "ETH", parent=parent),
        an_evm_chain(5000, "Mantle", "MNT", parent=parent),
    )
    plan = imported("chains", registry(ETHEREUM, ETHER), evm(*chains))
    arbitrum, mantle = made(plan, CHAIN)
    assert arbitrum.native_asset_id == ETH != mantle.native_asset_id
    assert plan.evidence == {"PARENT": 1}


def test_a_layer_may_stand_before_its_parent() -> None:
    parent = {"type": "L2", "chain": "eip155-100"}
    chains = (an_evm_chain(8, "Layer", "XDAI", parent=parent), an_evm_chain(100, "Gnosis", "XDAI"))
    plan = imported("chains", registry(), evm(*chains))
    assert len({chain.native_asset_id for chain in made(plan, CHAIN)}) == 1
    assert [row.by for row in plan.rows] == ["PARENT", ""]


@pytest.mark.parametrize("why", ["its ticker is known", "a test network", "deprecated"])
def test_a_chain_has_no_coin_that_nothing_says(why: str) -> None:
    chain = {
        "its ticker is known": an_evm_chain(8, "Eight", "ETH"),
        "a test network": an_evm_chain(8, "Eight Testnet"),
        "deprecated": an_evm_chain(8, "Eight", status="deprecated"),
    }[why]
    plan = imported("chains", registry(ETHEREUM, ETHER), evm(chain))
    assert rows_of(plan) == ["NEW"]
    assert made(plan, CHAIN)[0].native_asset_id is None
    assert made(plan, CHAIN)[0].is_testnet == (why == "a test network")


def test_what_the_registry_says_of_a_chain_stays_and_what_it_does_not_know_is_added() -> None:
    explorers = [{"url": "https://scan.example"}]
    chain = an_evm_chain(1, "Other name", "ETH", explorers=explorers)
    plan = imported("chains", registry(ETHEREUM, ETHER), evm(chain))
    (after,) = made(plan, CHAIN)
    assert (after.chain_name, after.explorer_url) == ("Ethereum", "https://scan.example")
    assert made(plan, ASSET_DEPLOYMENT)[0].asset_id == ETH
    assert rows_of(plan) == ["CHANGED"]


def test_cosmos_chains_are_known_by_name_and_evm_ones_among_them_by_number() -> None:
    hub = {
        "chainName": "cosmoshub",
        "prettyName": "Cosmos Hub",
        "chainType": "cosmos",
        "chainId": "cosmoshub-4",
        "networkType": "mainnet",
        "staking": {"stakingTokens": [{"denom": "uatom"}]},
    }
    ethereum = {"chainName": "ethereum", "chainType": "eip155", "chainId": "1"}
    namada = {"chainName": "namada", "chainType": "unknown", "chainId": "namada.5f"}
    state = registry(ETHEREUM, ETHER, a_chain(chain_id="cosmoshub", chain_type="COSMOS"))
    plan = imported("chains", state, json_list([hub, ethereum, namada]))
    assert rows_of(plan) == ["CHANGED", "UNCHANGED", "NEW"]
    known, new = made(plan, CHAIN)
    assert (known.caip2, known.metadata) == ("cosmos:cosmoshub-4", {"own_denom": "uatom"})
    assert (new.chain_id, new.chain_type, new.caip2) == ("namada", "NAMADA", None)


def test_a_chain_of_another_type_is_left_as_it_is() -> None:
    tron = a_chain(chain_id="tron", chain_type="TRON", network_id=728126428)
    plan = planned("chains", registry(tron), evm(an_evm_chain(728126428, "Tron")))
    assert (rows_of(plan), plan.changes) == (["UNSUPPORTED"], [])


def test_a_record_without_a_number_is_unreadable_and_another_list_is_refused() -> None:
    plan = planned("chains", registry(), evm(an_evm_chain(1, "One"), {"name": "?"}, 7))
    assert rows_of(plan) == ["NEW", "UNREADABLE", "UNREADABLE"]
    with pytest.raises(UnusableAnswer, match="no list of chains"):
        planned("chains", registry(), json_list([{"a": 1}]))
