"""Files of Gate, Bitget, KuCoin, HTX, MEXC, Bitfinex, BitMEX, Bitstamp and others."""

from __future__ import annotations

from typing import Any, Final

from tests.readers.listing_files import Listing


def _values(keyed: Any) -> Any:
    """The source has keyed BitMEX's instruments by ccxt's symbols; the API has a list."""
    return list(keyed.values())


def _one_in_list(instrument: Any) -> Any:
    """The source has kept one object of the list."""
    return [instrument]


_GATE_USDT: Final = "api/v4/futures/usdt/contracts"
_BITGET_MIX: Final = "api/mix/v1/market/contracts?productType="
_BITFINEX: Final = "v2/conf/pub:list:pair:"
_BITMEX: Final = "api/v1/instrument/active"
_BITSTAMP: Final = "api/v2/trading-pairs-info/"
_GEMINI: Final = "v1/symbols/details/all"
_POLONIEX: Final = "api.poloniex.com/markets"

LISTINGS: Final[tuple[Listing, ...]] = (
    Listing("gate/spot_currency_pairs_2021-04-22.json", "gate", "api/v4/spot/currency_pairs"),
    Listing("gate/docsample_spot_currency_pairs.json", "gate", "api/v4/spot/currency_pairs"),
    Listing("gate/futures_usdt_contracts_2023-05-24.json", "gate-usdt", _GATE_USDT),
    Listing("gate/futures_usdt_contracts_2024-12-02.json", "gate-usdt", _GATE_USDT),
    Listing(
        "gate/docsample_delivery_contracts.json",
        "gate-delivery-usdt",
        "api/v4/delivery/usdt/contracts",
    ),
    Listing(
        "gate/docsample_options_contracts.json",
        "gate-options",
        "api/v4/options/contracts?underlying=BTC_USDT",
    ),
    Listing("bitget/spot_products_2022-04-07.json", "bitget", "api/spot/v1/public/products"),
    Listing("bitget/docsample_v2_spot_symbols.json", "bitget", "api/v2/spot/public/symbols"),
    Listing("bitget/mix_umcbl_2022-04-07.json", "bitget-usdt", f"{_BITGET_MIX}umcbl"),
    Listing("bitget/mix_dmcbl_2022-04-07.json", "bitget-coin", f"{_BITGET_MIX}dmcbl"),
    Listing(
        "bitget/docsample_v2_mix_contracts.json",
        "bitget-usdt",
        "api/v2/mix/market/contracts?productType=USDT-FUTURES",
    ),
    Listing("kucoin/symbols_2021-04-25.json", "kucoin", "api/v1/symbols"),
    Listing("kucoin/docsample_v2_symbols.json", "kucoin", "api/v2/symbols"),
    Listing(
        "kucoin/docsample_futures_contracts_active.json",
        "kucoin-futures",
        "api/v1/contracts/active",
    ),
    Listing("huobi/common_symbols_2021-04-17.json", "htx", "v1/common/symbols"),
    Listing(
        "huobi/linear_swap_contract_info_2022-02-19.json",
        "htx-linear",
        "linear-swap-api/v1/swap_contract_info",
    ),
    Listing(
        "huobi/swap_contract_info_2022-02-19.json",
        "htx-coinm-swap",
        "/swap-api/v1/swap_contract_info",
    ),
    Listing(
        "huobi/contract_contract_info_2021-07-22.json",
        "htx-coinm-future",
        "api/v1/contract_contract_info",
    ),
    Listing("mexc/exchangeInfo_2025-09-21_part1.json", "mexc", "api/v3/exchangeInfo"),
    Listing(
        "bitfinex/conf_pub_list_pair_exchange_2021-04-17.json", "bitfinex", f"{_BITFINEX}exchange"
    ),
    Listing(
        "bitfinex/conf_pub_list_pair_future_2021-04-17.json", "bitfinex", f"{_BITFINEX}futures"
    ),
    Listing("bitmex/instrument_active_2021-07-22.json", "bitmex", _BITMEX),
    Listing(
        "bitmex/instrument_activeAndIndices_2022-11-22.json",
        "bitmex",
        f"{_BITMEX}AndIndices",
        restored=_values,
    ),
    Listing(
        "bitmex/fixture_recent_instrument_spread.json",
        "bitmex",
        _BITMEX,
        restored=_one_in_list,
    ),
    Listing("bitmex/testnet_instrument_active_2025-01-30.json", "bitmex-testnet", _BITMEX),
    Listing("bitstamp/trading_pairs_info_2022-01-05.json", "bitstamp", _BITSTAMP),
    Listing("bitstamp/trading_pairs_info_recent.json", "bitstamp", _BITSTAMP),
    Listing("cryptocom/get_instruments_2021-11-23.json", "cryptocom", "v2/public/get-instruments"),
    Listing(
        "cryptocom/docsample_v1_get_instruments.json", "cryptocom", "v1/public/get-instruments"
    ),
    Listing("gemini/symbols_details_2021-06-24.json", "gemini", _GEMINI),
    Listing("gemini/symbols_details_all_recent.json", "gemini", _GEMINI),
    Listing("upbit/market_all_2021-04-17.json", "upbit", "v1/market/all"),
    Listing("upbit/market_all_details_2025-07-27.json", "upbit", "v1/market/all"),
    Listing("poloniex/markets_2022-08-21.json", "poloniex", _POLONIEX),
    Listing("poloniex/markets_fixture.json", "poloniex", _POLONIEX),
)

_TICKERS: Final = "prices of one minute: price evidence"
_COINS: Final = "coins and their networks"

#: They hold no listing. Why.
NO_LISTINGS: Final[dict[str, str]] = {
    "bitfinex/conf_pub_list_currency_2021-04-17.json": "codes of currencies",
    "bitfinex/tickers_2022-11-22.json": _TICKERS,
    "bitget/docsample_v2_spot_coins.json": _COINS,
    "bitmex/testnet_wallet_assets_2025-02.json": _COINS,
    "bitmex/wallet_assets.json": _COINS,
    "cryptocom/docsample_get_currency_networks.json": _COINS,
    "cryptocom/tickers_2022-11-22.json": _TICKERS,
    "gate/docsample_spot_currencies.json": _COINS,
    "gemini/symbols_2021-06-24.json": "names alone; base and quote stand in the details",
    "gemini/tickers_2022-11-22.json": _TICKERS,
    "huobi/tickers_2022-11-22.json": _TICKERS,
    "kucoin/docsample_allTickers.json": _TICKERS,
    "kucoin/docsample_v3_currencies.json": _COINS,
    "kucoin/tickers_2022-11-22.json": _TICKERS,
    "mexc/docsample_capital_config_getall.json": _COINS,
    "poloniex/v2_currencies_fixture.json": _COINS,
}
