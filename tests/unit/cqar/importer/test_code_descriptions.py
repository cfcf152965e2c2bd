"""What a venue's list of currencies adds to the operator's codes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cqar.importer.code_descriptions import CodeDescriptions
from cqar.importer.market import Currency
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, AssetNetwork, VenueAsset
from tests.support.entity_builders import (
    BTC,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_venue_asset,
    an_asset,
)

TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
CODE = a_venue_asset(asset_id=USDT, venue_asset_symbol="USDT")


def a_network(**changes: Any) -> AssetNetwork:
    given: dict[str, Any] = {"network": "ETH", "chain_id": "ethereum"}
    return AssetNetwork(**{**given, "contract_address": TETHER.lower(), **changes})


def a_currency(*networks: AssetNetwork, **changes: Any) -> Currency:
    return Currency(**{"code": "USDT", "name": "Tether", "networks": networks, **changes})


def a_state(*codes: VenueAsset, **chain: Any) -> RegistryState:
    state = RegistryState(NOW)
    for asset in (an_asset(), an_asset("USDT")):
        state.add(ASSET, asset)
    ethereum = a_chain(network_id=1, **chain)
    state.add(CHAIN, ethereum)
    state.add(ASSET_DEPLOYMENT, a_deployment(chain_id=ethereum.chain_id))
    for code in codes:
        state.add(VENUE_ASSET, code)
    return state


def described(currency: Currency, code: VenueAsset = CODE, **chain: Any) -> VenueAsset:
    return CodeDescriptions(a_state(**chain), {currency.code: currency}).described(code)


def test_name_networks_and_flags_are_the_venues() -> None:
    found = described(
        a_currency(
            a_network(withdrawal_fee=Decimal(3)), deposit_enabled=True, withdraw_enabled=False
        )
    )
    assert (found.name, found.deposit_enabled, found.withdraw_enabled) == ("Tether", True, False)
    (network,) = found.networks or ()
    assert (network.chain_id, network.withdrawal_fee) == ("ethereum", Decimal(3))
    assert network.deployment_id == a_deployment().deployment_id
    assert network.contract_address == TETHER.lower()


def test_what_the_venue_is_silent_about_stays() -> None:
    code = a_venue_asset(
        asset_id=USDT, venue_asset_symbol="USDT", name="Tether USD", deposit_enabled=True
    )
    found = described(Currency(code="USDT"), code)
    assert found == code


def test_a_contract_of_another_asset_is_no_deployment_of_this_one() -> None:
    (network,) = (
        described(a_currency(a_network()), a_venue_asset(venue_asset_symbol="USDT")).networks or ()
    )
    assert (network.deployment_id, network.chain_id) == (None, "ethereum")


def test_a_chain_has_the_registrys_id_and_an_unregistered_one_has_none() -> None:
    networks = (a_network(), a_network(network="SOL", chain_id="solana", contract_address=None))
    found = described(a_currency(*networks), chain_id="eth-mainnet").networks or ()
    assert [network.chain_id for network in found] == ["eth-mainnet", None]


def test_the_order_of_the_venues_networks_makes_no_change() -> None:
    one, two = a_network(network="A"), a_network(network="B")
    assert described(a_currency(one, two)) == described(a_currency(two, one))


def test_a_code_that_has_ended_stays_as_it_is() -> None:
    ended = a_venue_asset(asset_id=USDT, venue_asset_symbol="USDT", delisted_at=NOW)
    assert described(a_currency(a_network()), ended) == ended


def test_codes_of_the_plan_are_described_and_others_that_change_are_added() -> None:
    bitcoin = a_venue_asset()
    currencies = {
        "USDT": a_currency(a_network()),
        "BTC": Currency(code="BTC", name="Bitcoin", networks=(a_network(network="BTC"),)),
    }
    state = a_state(bitcoin)
    items = [Item(kind=VENUE_ASSET, intent=ChangeIntent.UPSERT, given=CODE)]
    found: list[Any] = [
        item.given for item in CodeDescriptions(state, currencies).items("binance", items)
    ]
    assert [(code.asset_id, code.name) for code in found] == [(USDT, "Tether"), (BTC, "Bitcoin")]
    state = a_state(found[1])
    again: list[Any] = [
        item.given for item in CodeDescriptions(state, currencies).items("binance", items)
    ]
    assert [code.asset_id for code in again] == [USDT]
    assert list(CodeDescriptions(state, {}).items("binance", items)) == items


def test_deployments_are_named_by_contract_with_or_without_a_network() -> None:
    descriptions = CodeDescriptions(a_state(), {"x": Currency(code="x")})
    expected = [a_deployment()]
    assert descriptions.named_deployments(a_currency(a_network())) == expected
    assert descriptions.named_deployments(a_currency(contracts=(TETHER,))) == expected
    other = a_network(chain_id="solana")
    assert descriptions.named_deployments(a_currency(other)) == []
    assert descriptions.named_deployments(a_currency(contracts=("sats",))) == []
