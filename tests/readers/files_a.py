"""Files of Binance, Bybit, OKX, Kraken, Coinbase, Deribit, Hyperliquid and dYdX, and the rest."""

from __future__ import annotations

from typing import Any, Final

from tests.readers.listing_files import Beside, Listing


def _in_pages(category: str, records: Any) -> Any:
    return {"retCode": "0", "result": {"category": category, "list": list(records)}}


def _bybit_list(keyed: Any) -> Any:
    """The source has keyed the records by their symbols; the API has a list."""
    return _in_pages("linear", keyed.values())


def _one_in_list(answer: Any) -> Any:
    """Deribit's get_instrument answers one object of the same shape."""
    return {**answer, "result": [answer["result"]]}


def _dydx_result(envelope: Any) -> Any:
    """The source has put the answer into an envelope of its own."""
    return envelope["result"]


def _dydx_contents(message: Any) -> Any:
    """The first message of a channel has the content of the answer by HTTP."""
    return message["contents"]


_FUNDING: Final = (Beside("binance/usdm_fundingInfo_2025-08.json", "fapi/v1/fundingInfo"),)
_ASSETS: Final = (Beside("kraken/Assets_old.json", "0/public/Assets"),)
_TOKENS: Final = (Beside("hyperliquid/fixture_spotMeta_non_usdc.json", "info?type=spotMeta"),)

_SPOT: Final = "api/v3/exchangeInfo"
_USDM: Final = "fapi/v1/exchangeInfo"
_COINM: Final = "dapi/v1/exchangeInfo"
_BYBIT: Final = "v5/market/instruments-info?category="
_OKX: Final = "api/v5/public/instruments?instType="
_BROKERAGE: Final = "api/v3/brokerage/market/products"
_DERIBIT: Final = "api/v2/public/get_instruments"
_PERP_METAS: Final = "hyperliquid/fixture_recent_all_perp_metas.json"

LISTINGS: Final = (
    Listing("binance/spot_exchangeInfo_2021-10-12.json", "binance", _SPOT),
    Listing("binance/spot_exchangeInfo_2022-11-28.json", "binance", _SPOT),
    Listing("binance/spot_exchangeInfo_2024-09-08.json", "binance", _SPOT),
    Listing("binance/spot_exchangeInfo_2025-08-07_25symbols.json", "binance", _SPOT),
    Listing("binance/fixture_recent_spot_exchangeInfo.json", "binance", _SPOT),
    Listing("binance/usdm_exchangeInfo_2021-07-22.json", "binance-usdm", _USDM),
    Listing("binance/usdm_exchangeInfo_2022-05-04.json", "binance-usdm", _USDM),
    Listing("binance/usdm_exchangeInfo_2024-09-10.json", "binance-usdm", _USDM),
    Listing("binance/usdm_exchangeInfo_2024-12-13.json", "binance-usdm", _USDM),
    Listing("binance/usdm_exchangeInfo_2025-08-07_25symbols.json", "binance-usdm", _USDM, _FUNDING),
    Listing("binance/usdm_exchangeInfo_2025-08-22.json", "binance-usdm", _USDM, _FUNDING),
    Listing("binance/testnet_usdm_exchangeInfo_2025-01-09.json", "binance-usdm-testnet", _USDM),
    Listing("binance/testnet_usdm_exchangeInfo_2025-12-24.json", "binance-usdm-testnet", _USDM),
    Listing("binance/coinm_exchangeInfo_2021-07-22.json", "binance-coinm", _COINM),
    Listing("binance/coinm_exchangeInfo_2025-08-07_25symbols.json", "binance-coinm", _COINM),
    Listing("binance/docsample_eapi_exchangeInfo.json", "binance-options", "eapi/v1/exchangeInfo"),
    Listing("binanceus/spot_exchangeInfo_2021-10-12.json", "binanceus", _SPOT),
    Listing("bybit/docsample_v5_instruments_spot.json", "bybit", f"{_BYBIT}spot"),
    Listing("bybit/fixture_recent_instruments_spot.json", "bybit", f"{_BYBIT}spot"),
    Listing("bybit/fixture_recent_instruments_spot_xstocks.json", "bybit", f"{_BYBIT}spot"),
    Listing("bybit/fixture_recent_instruments_linear.json", "bybit-linear", f"{_BYBIT}linear"),
    Listing(
        "bybit/fixture_recent_instruments_linear_symbol_type.json",
        "bybit-linear",
        f"{_BYBIT}linear",
    ),
    Listing(
        "bybit/linear_instruments_2025-01-23_incomplete.json", "bybit-linear", f"{_BYBIT}linear"
    ),
    Listing(
        "bybit/linear_instruments_2025-09-21.json",
        "bybit-linear",
        f"{_BYBIT}linear",
        restored=_bybit_list,
    ),
    Listing("bybit/fixture_recent_instruments_inverse.json", "bybit-inverse", f"{_BYBIT}inverse"),
    Listing(
        "bybit/fixture_recent_instruments_inverse_symbol_type.json",
        "bybit-inverse",
        f"{_BYBIT}inverse",
    ),
    Listing("bybit/docsample_v5_instruments_option.json", "bybit-option", f"{_BYBIT}option"),
    Listing("bybit/fixture_recent_instruments_option.json", "bybit-option", f"{_BYBIT}option"),
    Listing("bybit/v2_symbols_2021-04-17.json", "bybit-linear", "v2/public/symbols"),
    Listing("bybit/v2_symbols_2021-04-17.json", "bybit-inverse", "v2/public/symbols"),
    Listing("okx/instruments_SPOT_2022-05-13.json", "okx", f"{_OKX}SPOT"),
    Listing("okx/instruments_SWAP_2022-05-13.json", "okx", f"{_OKX}SWAP"),
    Listing("okx/instruments_SWAP_2025-10-02_part1.json", "okx", f"{_OKX}SWAP"),
    Listing("okx/instruments_FUTURES_2022-05-13.json", "okx", f"{_OKX}FUTURES"),
    Listing("okx/instruments_OPTION_BTC-USD_2022-05-13.json", "okx", f"{_OKX}OPTION&uly=BTC-USD"),
    Listing("okx/fixture_recent_instruments_spot.json", "okx", f"{_OKX}SPOT"),
    Listing("okx/fixture_recent_instruments_margin.json", "okx", f"{_OKX}MARGIN"),
    Listing("okx/fixture_recent_instruments_swap.json", "okx", f"{_OKX}SWAP"),
    Listing("okx/fixture_recent_instruments_futures.json", "okx", f"{_OKX}FUTURES"),
    Listing("okx/fixture_recent_instruments_option.json", "okx", f"{_OKX}OPTION&uly=BTC-USD"),
    Listing("kraken/AssetPairs_2021-04-17.json", "kraken", "0/public/AssetPairs", _ASSETS),
    Listing("kraken/AssetPairs_2025-06-11.json", "kraken", "0/public/AssetPairs"),
    Listing("kraken/fixture_recent_AssetPairs.json", "kraken", "0/public/AssetPairs"),
    Listing("kraken/fixture_recent_AssetPairs_tokenized.json", "kraken", "0/public/AssetPairs"),
    Listing(
        "krakenfutures/instruments_2021-07-22.json",
        "krakenfutures",
        "derivatives/api/v3/instruments",
    ),
    Listing(
        "krakenfutures/fixture_recent_instruments.json",
        "krakenfutures",
        "derivatives/api/v3/instruments",
    ),
    Listing(
        "coinbase/exchange_products_2021-04-17.json",
        "coinbase",
        "api.exchange.coinbase.com/products",
    ),
    Listing(
        "coinbase/exchange_products_2024-04-22.json",
        "coinbase",
        "api.exchange.coinbase.com/products",
    ),
    Listing("coinbase/fixture_recent_advanced_products.json", "coinbase-advanced", _BROKERAGE),
    Listing(
        "coinbase/fixture_recent_advanced_products_future.json",
        "coinbase-advanced",
        f"{_BROKERAGE}?product_type=FUTURE",
    ),
    Listing("deribit/get_instruments_BTC.json", "deribit", f"{_DERIBIT}?currency=BTC"),
    Listing("deribit/fixture_recent_get_instruments.json", "deribit-testnet", _DERIBIT),
    Listing(
        "deribit/fixture_recent_get_instruments_future_combo.json", "deribit-testnet", _DERIBIT
    ),
    Listing(
        "deribit/fixture_recent_get_instruments_option_combo.json", "deribit-testnet", _DERIBIT
    ),
    Listing(
        "deribit/fixture_get_instrument_option.json",
        "deribit-testnet",
        _DERIBIT,
        restored=_one_in_list,
    ),
    Listing("hyperliquid/spotMeta_2025-08.json", "hyperliquid", "info?type=spotMeta"),
    Listing("hyperliquid/fixture_spotMeta_non_usdc.json", "hyperliquid", "info?type=spotMeta"),
    Listing("hyperliquid/fixture_meta_perp_sample.json", "hyperliquid", "info?type=meta"),
    Listing(_PERP_METAS, "hyperliquid", "info?type=allPerpMetas", _TOKENS),
    Listing(_PERP_METAS, "hyperliquid-km", "info?type=allPerpMetas", _TOKENS),
    Listing(_PERP_METAS, "hyperliquid-hyna", "info?type=allPerpMetas", _TOKENS),
    Listing("dydx/v3_markets_2021-10-28.json", "dydx", "v3/markets"),
    Listing(
        "dydx/fixture_recent_v4_perpetual_markets.json",
        "dydx",
        "v4/perpetualMarkets",
        restored=_dydx_result,
    ),
    Listing(
        "dydx/fixture_ws_v4_markets_subscribed.json",
        "dydx",
        "v4/perpetualMarkets",
        restored=_dydx_contents,
    ),
)

_TICKERS: Final = "prices of one minute: price evidence"
_COINS: Final = "coins and their networks"

#: They hold no listing. Why.
NO_LISTINGS: Final = {
    "binance/spot_ticker_24hr_2022-11-22.json": _TICKERS,
    "binance/usdm_ticker_24hr_2022-11-22.json": _TICKERS,
    "binance/testnet_usdm_ticker_24hr_2025-01-11.json": _TICKERS,
    "binance/usdm_fundingInfo_2025-08.json": "funding, given with exchangeInfo of that month",
    "binance/capital_config_getall_fixture.json": _COINS,
    "binance/fix_InstrumentList_docsample_2025-01-14.txt": "FIX messages, not an answer in JSON",
    "binanceus/tickers_2022-11-22.json": _TICKERS,
    "bybit/docsample_v5_coin_query_info.json": _COINS,
    "bybit/tickers_2022-11-22.json": _TICKERS,
    "okx/tickers_2022-11-22.json": _TICKERS,
    "kraken/Assets_old.json": "assets, given with AssetPairs of their time",
    "kraken/Ticker_assetVersion1_2026-06-24.json": _TICKERS,
    "kraken/tickers_2022-11-22.json": _TICKERS,
    "krakenfutures/fixture_tickers_2025-11-17.json": _TICKERS,
    "dydx/web_markets_metadata_2024-10-21.json": "links and names of the web site",
    "dydx/web_otherMarketExchangeConfig_2024-02-26.json": "other venues' spellings of a coin",
    "dydx/web_otherMarketParameters_2024-02-26.json": "the web site's proposals of new markets",
    "bitvavo/tickers_2022-11-22.json": _TICKERS,
    "ftx/coins_2023-05.json": _COINS,
    "bitmart/docsample_account_currencies.json": _COINS,
    "xt/docsample_supported_currencies.json": _COINS,
    **{
        f"{venue}/tickers_2022-11-22.json": _TICKERS
        for venue in (
            "bigone", "bittrex", "bkex", "blockchaincom", "btcturk", "coinex", "coinone",
            "digifinex", "exmo", "latoken", "lbank", "okcoin", "wazirx", "whitebit",
        )
    },
}  # fmt: skip

#: They hold listings of venues that no reader of ours reads: ccxt reads those, unreviewed.
NO_READER: Final = {
    "derive/fixture_get_instruments_ETH_all.json": "Derive",
    "lighter/fixture_orderBookDetails.json": "Lighter",
    "liquid/products_2022-11-22.json": "Liquid, which closed in 2022",
    "polymarket/fixture_clob_market_closed_binary_accepting_true.json": "event contracts",
    "polymarket/fixture_gamma_market.json": "event contracts",
    "polymarket/fixture_gamma_market_closed_zero_zero_legacy.json": "event contracts",
    "polymarket/fixture_gamma_market_sports_market_map_handicap.json": "event contracts",
    "polymarket/fixture_ws_market_new_market_msg.json": "event contracts",
    "xt/docsample_symbols.json": "XT",
}
