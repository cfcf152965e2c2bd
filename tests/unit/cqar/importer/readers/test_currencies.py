"""What venues say of their codes, in the words of their documentation."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any, Final

import pytest

from cqar.importer.market import Currency
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import decode, match_answers
from cqar.importer.side_answers import CurrencyAnswers, first_answered, read_currencies

TETHER: Final = "0xdac17f958d2ee523a2206206994597c13d831ec7"


def read(venue_id: str, answers: dict[str, Any]) -> CurrencyAnswers:
    line = product_line_of(venue_id)
    assert line is not None
    decoded = [decode(name, json.dumps(value).encode(), name) for name, value in answers.items()]
    matched, unused = match_answers(decoded, (*line.requests, *line.currency_requests))
    assert not unused
    form = first_answered(line.currencies, matched)
    assert form is not None
    return read_currencies(form, matched)


def the_currency(found: CurrencyAnswers) -> Currency:
    assert (found.unreadable, found.refused) == ([], [])
    (currency,) = found.found.values()
    return currency


HTX: Final = {
    "code": 200,
    "data": [
        {
            "currency": "usdt",
            "assetType": 1,
            "chains": [
                {
                    "chain": "usdterc20",
                    "displayName": "ERC20",
                    "baseChain": "ETH",
                    "baseChainProtocol": "ERC20",
                    "numOfConfirmations": 12,
                    "depositStatus": "allowed",
                    "minDepositAmt": "1",
                    "withdrawStatus": "prohibited",
                    "minWithdrawAmt": "10",
                    "withdrawFeeType": "fixed",
                    "transactFeeWithdraw": "2.5",
                    "addrWithTag": False,
                },
                {
                    "chain": "hrc20usdt",
                    "displayName": "A NEW ONE",
                    "withdrawFeeType": "ratio",
                    "transactFeeRateWithdraw": "0.001",
                },
            ],
            "instStatus": "normal",
        }
    ],
}


def test_htx_says_names_and_contracts_in_answers_of_their_own() -> None:
    answers = {
        "v2/reference/currencies": HTX,
        "v2/settings/common/currencies": {"data": [{"cc": "usdt", "fn": "Tether USDT"}]},
        "v1/settings/common/chains": {"data": [{"chain": "usdterc20", "ca": TETHER}]},
    }
    found = the_currency(read("htx", answers))
    assert (found.code, found.name) == ("usdt", "Tether USDT")
    assert (found.deposit_enabled, found.withdraw_enabled) == (True, None)
    ethereum, unknown = found.networks
    assert (ethereum.network, ethereum.chain_id) == ("usdterc20", "ethereum")
    assert ethereum.contract_address == TETHER
    assert (ethereum.min_deposit, ethereum.min_withdrawal) == (Decimal(1), Decimal(10))
    assert (ethereum.withdrawal_fee, ethereum.confirmations) == (Decimal("2.5"), 12)
    assert (unknown.chain_id, unknown.withdrawal_fee) == (None, None)


def test_htx_reads_each_answer_alone_but_contracts_need_their_networks() -> None:
    found = read("htx", {"v2/settings/common/currencies": {"data": [{"cc": "xno", "fn": "Xeno"}]}})
    assert the_currency(found) == Currency(code="xno", name="Xeno")
    assert the_currency(read("htx", {"v2/reference/currencies": HTX})).name is None
    chains = {"v1/settings/common/chains": {"data": [{"chain": "x", "ca": TETHER}]}}
    (refused,) = read("htx", chains).refused
    assert "give the answer to reference/currencies, too" in refused


COINBASE: Final = {
    "id": "USDT",
    "name": "Tether",
    "status": "online",
    "details": {"type": "crypto"},
    "default_network": "ethereum",
    "supported_networks": [
        {
            "id": "ethereum",
            "name": "Ethereum",
            "status": "online",
            "contract_address": TETHER,
            "min_withdrawal_amount": 0.000001,
            "network_confirmations": 14,
        }
    ],
}


def test_coinbase() -> None:
    found = the_currency(read("coinbase", {"currencies": [COINBASE]}))
    (network,) = found.networks
    assert (found.name, network.chain_id, network.contract_address) == (
        "Tether",
        "ethereum",
        TETHER,
    )
    assert (network.min_withdrawal, network.confirmations) == (Decimal("0.000001"), 14)
    assert (network.deposit_enabled, found.deposit_enabled) == (None, None)


def test_okx_has_a_record_for_each_network() -> None:
    tron = {"ccy": "USDT", "name": "Tether", "chain": "USDT-TRC20", "canDep": True, "fee": "0.8"}
    other = {**tron, "chain": "USDT-Arbitrum One", "canDep": False, "ctAddr": TETHER}
    found = the_currency(read("okx", {"asset/currencies": {"code": "0", "data": [tron, other]}}))
    assert [n.chain_id for n in found.networks] == ["tron", "arbitrum-one"]
    assert [n.network for n in found.networks] == ["USDT-TRC20", "USDT-Arbitrum One"]
    assert found.networks[0].withdrawal_fee == Decimal("0.8")
    assert found.deposit_enabled is True


def test_bitstamp() -> None:
    record = {
        "name": "Tether",
        "currency": "USDT",
        "type": "crypto",
        "deposit": "Enabled",
        "withdrawal": "Disabled",
        "networks": [
            {
                "network": "ethereum",
                "withdrawal_minimum_amount": "20.00000",
                "deposit": "Enabled",
                "withdrawal": "Enabled",
            }
        ],
    }
    found = the_currency(read("bitstamp", {"api/v2/currencies": [record]}))
    assert (found.name, found.deposit_enabled, found.withdraw_enabled) == ("Tether", True, False)
    assert found.networks[0].min_withdrawal == Decimal(20)


def test_bitvavo_says_an_amount_of_one_network_only_where_there_is_one() -> None:
    record = {
        "symbol": "USDT",
        "name": "Tether",
        "depositConfirmations": 64,
        "depositStatus": "OK",
        "withdrawalFee": "3.2",
        "withdrawalStatus": "MAINTENANCE",
        "networks": ["ETH"],
    }
    found = the_currency(read("bitvavo", {"v2/assets": [record]}))
    assert (found.deposit_enabled, found.withdraw_enabled) == (True, False)
    assert found.networks[0].withdrawal_fee == Decimal("3.2")
    two = the_currency(read("bitvavo", {"v2/assets": [{**record, "networks": ["ETH", "TRX"]}]}))
    assert [n.withdrawal_fee for n in two.networks] == [None, None]


def test_mexcs_list_of_coins_is_read_before_what_symbols_say() -> None:
    coin = {
        "coin": "USDT",
        "Name": "TetherUS",
        "networkList": [
            {
                "network": "Tron(TRC20)",
                "netWork": "TRX",
                "contract": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
                "depositEnable": True,
                "withdrawEnable": False,
                "withdrawFee": "1",
            }
        ],
    }
    symbol = {"symbol": "BTCUSDT", "baseAsset": "BTC", "fullName": "Bitcoin"}
    answers = {"config/getall": [coin], "exchangeInfo": {"symbols": [symbol]}}
    found = the_currency(read("mexc", answers))
    assert (found.code, found.name) == ("USDT", "TetherUS")
    (network,) = found.networks
    assert (network.network, network.chain_id, network.withdraw_enabled) == ("TRX", "tron", False)


def test_mexcs_symbols_that_name_a_base_differently_name_nothing() -> None:
    symbols = [
        {"symbol": f"X{quote}", "baseAsset": "X", "fullName": name, "contractAddress": TETHER}
        for quote, name in (("USDT", "One"), ("USDC", "Two"))
    ]
    found = read("mexc", {"exchangeInfo": {"symbols": symbols}})
    assert [row.reason for row in found.unreadable] == ["its symbols name it differently: One, Two"]
    same = [{**symbol, "fullName": "One"} for symbol in symbols]
    assert the_currency(read("mexc", {"exchangeInfo": {"symbols": same}})).contracts == (TETHER,)


def test_bitfinexs_maps_name_codes_and_the_methods_by_which_they_move() -> None:
    answers = {
        "conf/pub:list:currency": [["UST", "BTC"]],
        "conf/pub:map:currency:label": [[["UST", "Tether USDt"], ["BTC", "Bitcoin"]]],
        "conf/pub:map:tx:method": [[["TETHERUSX", ["UST"]], ["BITCOIN", ["BTC"]]]],
        "conf/pub:info:tx:status": [
            [["TETHERUSX", 1, 0, None, None, None, None, 0, 0, None, None, 3]]
        ],
    }
    found = read("bitfinex", answers).found
    tether = found["UST"]
    assert tether.name == "Tether USDt"
    (network,) = tether.networks
    assert (network.network, network.chain_id) == ("TETHERUSX", "tron")
    assert (network.deposit_enabled, network.withdraw_enabled) == (True, False)
    assert network.confirmations == 3
    assert found["BTC"].networks[0].chain_id == "bitcoin"


def test_deribit_says_full_names() -> None:
    answer = {"result": [{"currency": "BTC", "currency_long": "Bitcoin"}]}
    assert the_currency(read("deribit", {"get_currencies": answer})).name == "Bitcoin"


def test_kraken_says_whether_an_asset_can_be_moved() -> None:
    asset = {"aclass": "currency", "altname": "XBT", "status": "deposit_only"}
    found = the_currency(read("kraken", {"Assets": {"error": [], "result": {"XXBT": asset}}}))
    assert (found.code, found.deposit_enabled, found.withdraw_enabled) == ("XXBT", True, False)


@pytest.mark.parametrize(
    ("venue_id", "name", "answer", "path"),
    [
        ("htx", "v2/reference/currencies", HTX, ("data", 0, "chains", 0, "depositStatus")),
        ("htx", "v2/reference/currencies", HTX, ("data", 0, "chains", 0, "withdrawFeeType")),
        ("coinbase", "currencies", [COINBASE], (0, "supported_networks", 0, "status")),
        (
            "kraken",
            "Assets",
            {"result": {"XXBT": {"aclass": "currency", "status": ""}}},
            ("result", "XXBT", "status"),
        ),
        (
            "bitget",
            "public/coins",
            {"data": [{"coin": "X", "chains": [{"chain": "ETH", "needTag": ""}]}]},
            ("data", 0, "chains", 0, "needTag"),
        ),
    ],
)
def test_a_word_that_is_not_known_makes_the_currency_unreadable(
    venue_id: str, name: str, answer: Any, path: tuple[Any, ...]
) -> None:
    changed = copy.deepcopy(answer)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = "a new word"
    found = read(venue_id, {name: changed})
    assert not found.found
    (unreadable,) = found.unreadable
    assert "'a new word': not a known word" in unreadable.reason


def test_a_currency_that_stands_there_twice_is_trusted_neither_time() -> None:
    found = read("coinbase", {"currencies": [COINBASE, COINBASE]})
    assert (found.found, found.records) == ({}, 2)
    assert {row.reason for row in found.unreadable} == {"the answers name it more than once"}


def test_two_networks_of_one_name_cannot_be_told_apart() -> None:
    network = COINBASE["supported_networks"][0]  # type: ignore[index]
    doubled = {**COINBASE, "supported_networks": [network, network]}
    (unreadable,) = read("coinbase", {"currencies": [doubled]}).unreadable
    assert unreadable.reason == "it names a network twice"
