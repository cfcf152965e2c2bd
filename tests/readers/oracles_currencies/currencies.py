"""Currencies: of each file {the venue's code: what it says of it}, in plain forms.

Fields are those of `Currency`; a network is a dict with the fields of `AssetNetwork`. What is left
out is expected to be unset. Amounts are in units of the asset.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tests.readers.oracles.hyperliquid import token_code

Raw = Any
Said = dict[str, Any]


#: (product line, the venue's id of a network) -> the catalogue's chain.
#: Lightning is no chain; crypto.com's BNB may be either of two.
CHAINS: Final = {
    ("binance", "BSC"): "bnb-smart-chain",
    ("binance", "ETH"): "ethereum",
    ("bitget", "BTC"): "bitcoin",
    ("bitmex", "bsc"): "bnb-smart-chain",
    ("bitmex", "btc"): "bitcoin",
    ("bitmex", "eth"): "ethereum",
    ("bitmex", "sol"): "solana",
    ("bitmex", "tron"): "tron",
    ("bybit", "ETH"): "ethereum",
    ("bybit", "MANTLE"): "mantle",
    ("cryptocom", "ETH"): "ethereum",
    ("cryptocom", "MATIC"): "polygon",
    ("gate", "ETH"): "ethereum",
    ("hyperliquid", "HyperEVM"): "hyperliquid",
    ("kucoin", "bech32"): "bitcoin",
    ("kucoin", "btc"): "bitcoin",
    ("kucoin", "kcc"): "kcc",
    ("poloniex", "ETH"): "ethereum",
    ("poloniex", "SOL"): "solana",
}


class Currencies(NamedTuple):
    """A file of currencies.

    Attributes:
        venue_id: The product line that reads it.
        path: End of the path of the request that it answers.
        said: Of the decoded file, what it says by code.
    """

    venue_id: str
    path: str
    said: Callable[[Raw], dict[str, Said]]


def _stated(**fields: Any) -> Said:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _either(networks: list[Said]) -> Said:
    """A code is moved if any network moves it; unset where no network says."""
    flags = ("deposit_enabled", "withdraw_enabled")
    stated = {flag: [n[flag] for n in networks if flag in n] for flag in flags}
    return {flag: any(values) for flag, values in stated.items() if values}


def _number(text: Any) -> Decimal | None:
    return None if text in (None, "") else Decimal(text)


def _minimum(text: Any) -> Decimal | None:
    """A minimum of zero is none."""
    return _number(text) or None


def _whole(text: Any) -> int | None:
    """No deposit counts before it is in a block: zero confirmations say nothing."""
    return None if text in (None, "") else int(text) or None


def _flag(word: Any) -> bool | None:
    return {"true": True, "false": False}.get(word) if isinstance(word, str) else word


def _binance(answer: Raw) -> dict[str, Said]:
    """The code has flags of its own; a network with a pattern for memos takes one.

    Without a pattern nothing is said.
    """
    return {
        row["coin"]: _stated(
            name=row["name"],
            deposit_enabled=row["depositAllEnable"],
            withdraw_enabled=row["withdrawAllEnable"],
            networks=[
                _stated(
                    network=chain["network"],
                    contract_address=chain.get("contractAddress"),
                    deposit_enabled=chain["depositEnable"],
                    withdraw_enabled=chain["withdrawEnable"],
                    min_withdrawal=_minimum(chain["withdrawMin"]),
                    withdrawal_fee=_number(chain["withdrawFee"]),
                    confirmations=_whole(chain["minConfirm"]),
                    requires_memo=chain["memoRegex"] != "" or None,
                )
                for chain in row["networkList"]
            ],
        )
        for row in answer
    }


def _bybit(answer: Raw) -> dict[str, Said]:
    """Flags are 0 and 1; the fee is fixed where `withdrawPercentageFee` is zero."""
    return {
        row["coin"]: _stated(
            name=row["name"],
            networks=[
                _stated(
                    network=chain["chain"],
                    contract_address=chain["contractAddress"],
                    deposit_enabled=chain["chainDeposit"] == "1",
                    withdraw_enabled=chain["chainWithdraw"] == "1",
                    min_deposit=_minimum(chain["depositMin"]),
                    min_withdrawal=_minimum(chain["withdrawMin"]),
                    withdrawal_fee=None
                    if _number(chain["withdrawPercentageFee"])
                    else _number(chain["withdrawFee"]),
                    confirmations=_whole(chain["confirmation"]),
                )
                for chain in row["chains"]
            ],
        )
        for row in answer["result"]["rows"]
    }


def _gate(answer: Raw) -> dict[str, Said]:
    """Flags say what is disabled; `addr` is the token's contract, empty for a chain's own coin."""
    return {
        row["currency"]: _stated(
            name=row["name"],
            deposit_enabled=not row["deposit_disabled"],
            withdraw_enabled=not row["withdraw_disabled"],
            networks=[
                _stated(
                    network=chain["name"],
                    contract_address=chain["addr"],
                    deposit_enabled=not chain["deposit_disabled"],
                    withdraw_enabled=not chain["withdraw_disabled"],
                )
                for chain in row["chains"]
            ],
        )
        for row in answer
    }


def _kucoin(answer: Raw) -> dict[str, Said]:
    """`chainId` is the id that requests name a chain by; `chainName` is for people."""
    return {
        row["currency"]: _stated(
            name=row["fullName"],
            networks=[
                _stated(
                    network=chain["chainId"],
                    contract_address=chain["contractAddress"],
                    deposit_enabled=chain["isDepositEnabled"],
                    withdraw_enabled=chain["isWithdrawEnabled"],
                    min_deposit=_minimum(chain["depositMinSize"]),
                    min_withdrawal=_minimum(chain["withdrawalMinSize"]),
                    # A rate would make the fee depend on the amount.
                    withdrawal_fee=None
                    if _number(chain["withdrawFeeRate"])
                    else _number(chain["withdrawalMinFee"]),
                    confirmations=_whole(chain["confirms"]),
                    requires_memo=chain["needTag"],
                )
                for chain in row["chains"] or []
            ],
        )
        for row in answer["data"]
    }


def _bitget(answer: Raw) -> dict[str, Said]:
    """Booleans are words. `extraWithdrawFee` is a further rate, 0.1 for 10 %."""
    return {
        row["coin"]: _stated(
            networks=[
                _stated(
                    network=chain["chain"],
                    contract_address=chain["contractAddress"],
                    deposit_enabled=_flag(chain["rechargeable"]),
                    withdraw_enabled=_flag(chain["withdrawable"]),
                    min_deposit=_minimum(chain["minDepositAmount"]),
                    min_withdrawal=_minimum(chain["minWithdrawAmount"]),
                    withdrawal_fee=None
                    if _number(chain["extraWithdrawFee"])
                    else _number(chain["withdrawFee"]),
                    confirmations=_whole(chain["depositConfirm"]),
                    requires_memo=_flag(chain["needTag"]),
                )
                for chain in row["chains"]
            ]
        )
        for row in answer["data"]
    }


def _cryptocom(answer: Raw) -> dict[str, Said]:
    return {
        code: _stated(
            name=row["full_name"],
            networks=[
                _stated(
                    network=chain["network_id"],
                    deposit_enabled=chain["deposit_enabled"],
                    withdraw_enabled=chain["withdraw_enabled"],
                    min_withdrawal=_minimum(chain["min_withdrawal_amount"]),
                    withdrawal_fee=_number(chain["withdrawal_fee"]),
                    confirmations=_whole(chain["confirmation_required"]),
                )
                for chain in row["network_list"]
            ],
        )
        for code, row in answer["result"]["currency_map"].items()
    }


def _bitmex(answer: Raw) -> dict[str, Said]:
    """Amounts are in units of 10^-scale, which have a name of their own in `currency`: XBt.

    `asset` is what instruments' underlyings are called.
    """
    return {row["asset"]: _bitmex_asset(row) for row in answer}


def _bitmex_asset(row: Raw) -> Said:
    def units(number: Any) -> Decimal | None:
        return None if number in (None, "") else Decimal(number).scaleb(-int(row["scale"]))

    return _stated(
        name=row["name"],
        units=[row["currency"]] if row["currency"] != row["asset"] else None,
        networks=[
            _stated(
                network=chain["asset"],
                contract_address=chain.get("tokenAddress"),
                deposit_enabled=chain["depositEnabled"],
                withdraw_enabled=chain["withdrawalEnabled"],
                min_deposit=units(row["minDepositAmount"]),
                min_withdrawal=units(row["minWithdrawalAmount"]),
                withdrawal_fee=units(chain["withdrawalFee"]),
                requires_memo=row["memoRequired"],
            )
            for chain in row["networks"] or []
        ],
    )


def _kraken(answer: Raw) -> dict[str, Said]:
    """Neither names nor networks: a code and its short name."""
    return {code: {} for code in answer["result"]}


def _bitfinex(answer: Raw) -> dict[str, Said]:
    return {code: {} for code in answer[0]}


def _poloniex(answer: Raw) -> dict[str, Said]:
    """`withdrawMin` is -1 where there is none."""
    return {
        row["coin"]: _stated(
            name=row["name"],
            networks=[
                _stated(
                    network=chain["blockchain"],
                    deposit_enabled=chain["depositEnable"],
                    withdraw_enabled=chain["withdrawalEnable"],
                    min_withdrawal=None
                    if Decimal(chain["withdrawMin"]) < 0
                    else _number(chain["withdrawMin"]),
                    withdrawal_fee=_number(chain["withdrawFee"]),
                    confirmations=_whole(chain["minConfirm"]),
                    requires_memo={"address": False, "address-payment-id": True}.get(
                        chain["currencyType"]
                    ),
                )
                for chain in row["networkList"]
            ],
        )
        for row in answer
    }


def _hyperliquid(answer: Raw) -> dict[str, Said]:
    """Tokens of HyperCore; `evmContract` is the contract on HyperEVM of those that are linked."""
    return {
        token_code(token)[0]: _stated(
            name=token.get("fullName"),
            networks=[
                _stated(network="HyperEVM", contract_address=contract["address"])
                for contract in [token.get("evmContract")]
                if contract
            ],
        )
        for token in answer["tokens"]
    }


_EVM: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def _mexc(answer: Raw) -> dict[str, Said]:
    """The listing names each base's full name and contract, without the network.

    What stands in for an address where there is none is a word; only addresses of EVM chains are
    told from words with certainty, so that `maybe` has the others.
    """
    found: dict[str, Said] = {}
    for row in answer["symbols"]:
        text = row["contractAddress"]
        is_evm = _EVM.fullmatch(text) is not None
        found[row["baseAsset"]] = _stated(
            name=row["fullName"],
            contracts=[text] if is_evm else None,
            maybe=[text] if text and not is_evm else None,
        )
    return found


def whole(venue_id: str, code: str, said: Said) -> Said:
    """What follows from the rest: chains of networks, whether a code is moved at all, and no name.

    A name that only repeats the code names nothing.
    """
    networks = [
        _stated(**network, chain_id=CHAINS.get((venue_id, network["network"])))
        for network in said.get("networks", [])
    ]
    has_name = said.get("name", "").lower() != code.lower()
    name = {} if has_name else {"name": None}
    return _stated(**{**_either(networks), **said, **name, "networks": networks})


CURRENCIES: Final = {
    "binance/capital_config_getall_fixture.json": Currencies(
        "binance", "sapi/v1/capital/config/getall", _binance
    ),
    "bybit/docsample_v5_coin_query_info.json": Currencies(
        "bybit", "v5/asset/coin/query-info", _bybit
    ),
    "gate/docsample_spot_currencies.json": Currencies("gate", "api/v4/spot/currencies", _gate),
    "kucoin/docsample_v3_currencies.json": Currencies("kucoin", "api/v3/currencies", _kucoin),
    "bitget/docsample_v2_spot_coins.json": Currencies(
        "bitget", "api/v2/spot/public/coins", _bitget
    ),
    "cryptocom/docsample_get_currency_networks.json": Currencies(
        "cryptocom", "exchange/v1/private/get-currency-networks", _cryptocom
    ),
    "bitmex/wallet_assets.json": Currencies("bitmex", "api/v1/wallet/assets", _bitmex),
    "bitmex/testnet_wallet_assets_2025-02.json": Currencies(
        "bitmex-testnet", "api/v1/wallet/assets", _bitmex
    ),
    "kraken/Assets_old.json": Currencies("kraken", "0/public/Assets", _kraken),
    "bitfinex/conf_pub_list_currency_2021-04-17.json": Currencies(
        "bitfinex", "v2/conf/pub:list:currency", _bitfinex
    ),
    "poloniex/v2_currencies_fixture.json": Currencies("poloniex", "v2/currencies", _poloniex),
    "hyperliquid/spotMeta_2025-08.json": Currencies("hyperliquid", "info", _hyperliquid),
    "hyperliquid/fixture_spotMeta_non_usdc.json": Currencies("hyperliquid", "info", _hyperliquid),
    "mexc/exchangeInfo_2025-09-21_part1.json": Currencies("mexc", "api/v3/exchangeInfo", _mexc),
}
#: Files of venues that no reader reads; MEXC's sample has a key twice in one object.
UNREAD: Final = frozenset(
    {
        "bitmart/docsample_account_currencies.json",
        "xt/docsample_supported_currencies.json",
        "ftx/coins_2023-05.json",
        "mexc/docsample_capital_config_getall.json",
    }
)
