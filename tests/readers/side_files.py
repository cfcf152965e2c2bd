"""Files of `../shared/data/venues` that say something beside a listing: currencies and tickers."""

from __future__ import annotations

from typing import Final, NamedTuple


class SideFile(NamedTuple):
    """A file of currencies or of tickers.

    Attributes:
        request: The name that an import gives the file.
        records: How many it has.
    """

    file: str
    venue_id: str
    request: str
    records: int

    @property
    def name(self) -> str:
        return self.file


CURRENCIES: Final = (
    SideFile("kucoin/docsample_v3_currencies.json", "kucoin", "v3/currencies", 2),
    SideFile("gate/docsample_spot_currencies.json", "gate", "spot/currencies", 1),
    SideFile("bitget/docsample_v2_spot_coins.json", "bitget", "spot/public/coins", 1),
    SideFile("binance/capital_config_getall_fixture.json", "binance", "capital/config/getall", 5),
    SideFile("kraken/Assets_old.json", "kraken", "public/Assets", 27),
    SideFile(
        "cryptocom/docsample_get_currency_networks.json",
        "cryptocom",
        "v2/private/get-currency-networks",
        2,
    ),
    SideFile("bybit/docsample_v5_coin_query_info.json", "bybit", "coin/query-info", 1),
    SideFile("bitmex/wallet_assets.json", "bitmex", "wallet/assets", 5),
    SideFile("bitmex/testnet_wallet_assets_2025-02.json", "bitmex-testnet", "wallet/assets", 50),
    SideFile("poloniex/v2_currencies_fixture.json", "poloniex", "v2/currencies", 5),
    SideFile(
        "bitfinex/conf_pub_list_currency_2021-04-17.json",
        "bitfinex",
        "conf/pub:list:currency",
        217,
    ),
    SideFile("mexc/exchangeInfo_2025-09-21_part1.json", "mexc", "v3/exchangeInfo", 1195),
    SideFile("hyperliquid/spotMeta_2025-08.json", "hyperliquid", "info?type=spotMeta", 337),
)
TICKERS: Final = (
    SideFile("binance/spot_ticker_24hr_2022-11-22.json", "binance", "ticker/24hr", 2123),
    SideFile("binance/usdm_ticker_24hr_2022-11-22.json", "binance-usdm", "ticker/24hr", 194),
    SideFile(
        "binance/testnet_usdm_ticker_24hr_2025-01-11.json",
        "binance-usdm-testnet",
        "ticker/24hr",
        455,
    ),
    SideFile("binanceus/tickers_2022-11-22.json", "binanceus", "ticker/24hr", 329),
    SideFile("bitfinex/tickers_2022-11-22.json", "bitfinex", "v2/tickers?symbols=ALL", 465),
    SideFile("bitvavo/tickers_2022-11-22.json", "bitvavo", "ticker/24h", 246),
    SideFile("bybit/tickers_2022-11-22.json", "bybit-linear", "v2/public/tickers", 195),
    SideFile("cryptocom/tickers_2022-11-22.json", "cryptocom", "public/get-tickers", 816),
    SideFile("gemini/tickers_2022-11-22.json", "gemini", "v1/pricefeed", 144),
    SideFile("huobi/tickers_2022-11-22.json", "htx", "market/tickers", 980),
    SideFile("kraken/tickers_2022-11-22.json", "kraken", "public/Ticker", 730),
    SideFile(
        "kraken/Ticker_assetVersion1_2026-06-24.json", "kraken", "Ticker?assetVersion=1", 1530
    ),
    SideFile("krakenfutures/fixture_tickers_2025-11-17.json", "krakenfutures", "v3/tickers", 2),
    SideFile("kucoin/tickers_2022-11-22.json", "kucoin", "market/allTickers", 1298),
    SideFile("kucoin/docsample_allTickers.json", "kucoin", "market/allTickers", 1),
    SideFile("okx/tickers_2022-11-22.json", "okx", "market/tickers?instType=SPOT", 646),
)
