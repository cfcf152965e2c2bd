"""Last prices: of each file {the venue's spelling: (price, instant, whether nothing was traded)}.

A price is the text of the venue's last trade; zero and absent is None: no trade is known. The
instant is the ticker's own, if it states one. Nothing was traded where the venue's count or volume
of the last 24 hours is zero; None where it states neither.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tests.readers.oracles.plain import instant

Raw = Any
#: (price, instant, whether nothing was traded).
Said = tuple[Decimal | None, dt.datetime | None, bool | None]
Prices = dict[str, Said]


class Tickers(NamedTuple):
    """A file of tickers.

    Attributes:
        venue_id: The product line that reads it.
        path: End of the path of the request that it answers; with its query.
        restored: Gives the venue's own envelope back.
        said: Of the decoded file, what it says.
    """

    venue_id: str
    path: str
    restored: Callable[[Raw], Raw]
    said: Callable[[Raw], Prices]
    query: tuple[tuple[str, str], ...] = ()


def _same(value: Raw) -> Raw:
    return value


def _list(keyed: Raw) -> list[Raw]:
    return list(keyed.values())


def _price(text: Any) -> Decimal | None:
    if text in (None, ""):
        return None
    return Decimal(text) or None


def _is_zero(text: Any) -> bool | None:
    return None if text in (None, "") else Decimal(text) == 0


def _rows(
    spelling: str,
    last: str,
    at: str | None = None,
    volume: str | None = None,
    records: Callable[[Raw], Iterable[Raw]] = _list,
) -> Callable[[Raw], Prices]:
    """Records with these fields; an instant is in milliseconds."""

    def said(value: Raw) -> Prices:
        return {
            record[spelling]: (
                _price(record.get(last)),
                instant(record.get(at)) if at else None,
                _is_zero(record.get(volume)) if volume else None,
            )
            for record in records(value)
        }

    return said


#: Binance: `lastPrice`, `count` of trades in the window that ends at `closeTime`.
_BINANCE: Final = ("symbol", "lastPrice", "closeTime", "count")


def _bitfinex(keyed: Raw) -> Prices:
    """[SYMBOL, BID, BID_SIZE, ASK, ASK_SIZE, CHANGE, CHANGE_RELATIVE, LAST_PRICE, VOLUME, …].

    Symbols of pairs begin with t.
    """
    return {
        row[0]: (_price(row[7]), None, _is_zero(row[8]))
        for row in keyed.values()
        if row[0].startswith("t")
    }


def _huobi_rows(keyed: Raw) -> Prices:
    """close: price of the last trade; amount: volume of 24 hours in the base; all of one `ts`."""
    rows = _rows("symbol", "close", None, "amount")(keyed)
    return {spelling: (said[0], instant(_HUOBI_TS), said[2]) for spelling, said in rows.items()}


def _kraken(answer: Raw) -> Prices:
    """c: [price of the last trade, its volume]; v, t: [today, last 24 hours]."""
    return {
        pair: (_price(ticker["c"][0]), None, _is_zero(ticker["v"][1]))
        for pair, ticker in answer["result"].items()
    }


def _kraken_futures(answer: Raw) -> Prices:
    """`last`: price of the last fill, `lastTime`: its instant, in ISO 8601."""
    return {
        row["symbol"]: (
            _price(row.get("last")),
            dt.datetime.fromisoformat(row["lastTime"]) if row.get("lastTime") else None,
            _is_zero(row.get("vol24h")),
        )
        for row in answer["tickers"]
    }


def _bitmex(records: Callable[[Raw], Iterable[Raw]]) -> Callable[[Raw], Prices]:
    """Instruments with `lastPrice`; `timestamp` is the row's; `volume24h` is unset for indices."""

    def said(value: Raw) -> Prices:
        return {
            row["symbol"]: (
                _price(row.get("lastPrice")),
                dt.datetime.fromisoformat(row["timestamp"]),
                _is_zero(row.get("volume24h")),
            )
            for row in records(value)
        }

    return said


def _products(answer: Raw) -> Iterable[Raw]:
    found: list[Raw] = answer["products"]
    return found


def _data(answer: Raw) -> Iterable[Raw]:
    found: list[Raw] = answer["data"]
    return found


def _one(row: Raw) -> list[Raw]:
    return [row]


#: The dump has lost it: any instant of its minute.
_HUOBI_TS: Final = "1669078260000"


def _in_data(keyed: Raw) -> Raw:
    return {"code": "0", "msg": "", "data": _list(keyed)}


def _huobi(keyed: Raw) -> Raw:
    return {"status": "ok", "ts": _HUOBI_TS, "data": _list(keyed)}


def _kucoin(keyed: Raw) -> Raw:
    """ccxt wrote the answer's `time` into each row."""
    rows = _list(keyed)
    own = [{name: row[name] for name in row if name != "time"} for row in rows]
    return {"code": "200000", "data": {"time": rows[0]["time"], "ticker": own}}


def _cryptocom(keyed: Raw) -> Raw:
    return {
        "id": "-1",
        "method": "public/get-tickers",
        "code": "0",
        "result": {"data": _list(keyed)},
    }


def _bybit(keyed: Raw) -> Raw:
    answer = {"ret_code": "0", "ret_msg": "OK", "ext_code": "", "ext_info": "", "time_now": "0"}
    return {**answer, "result": _list(keyed)}


_SPOT: Final = (("instType", "SPOT"),)
_DUMP: Final = "tickers_2022-11-22.json"
TICKERS: Final = {
    "binance/spot_ticker_24hr_2022-11-22.json": Tickers(
        "binance", "api/v3/ticker/24hr", _list, _rows(*_BINANCE)
    ),
    "binance/usdm_ticker_24hr_2022-11-22.json": Tickers(
        "binance-usdm", "fapi/v1/ticker/24hr", _list, _rows(*_BINANCE)
    ),
    "binance/testnet_usdm_ticker_24hr_2025-01-11.json": Tickers(
        "binance-usdm-testnet", "fapi/v1/ticker/24hr", _same, _rows(*_BINANCE, _same)
    ),
    f"binanceus/{_DUMP}": Tickers("binanceus", "api/v3/ticker/24hr", _list, _rows(*_BINANCE)),
    f"bitfinex/{_DUMP}": Tickers("bitfinex", "v2/tickers", _list, _bitfinex, (("symbols", "ALL"),)),
    f"bitvavo/{_DUMP}": Tickers(
        "bitvavo", "v2/ticker/24h", _list, _rows("market", "last", "timestamp", "volume")
    ),
    f"bybit/{_DUMP}": Tickers(
        "bybit-linear",
        "v2/public/tickers",
        _bybit,
        _rows("symbol", "last_price", None, "volume_24h"),
    ),
    # i: instrument, a: price of the last trade, v: volume of 24 hours, t: of the publication.
    f"cryptocom/{_DUMP}": Tickers(
        "cryptocom", "exchange/v1/public/get-tickers", _cryptocom, _rows("i", "a", "t", "v")
    ),
    f"gemini/{_DUMP}": Tickers("gemini", "v1/pricefeed", _list, _rows("pair", "price")),
    f"huobi/{_DUMP}": Tickers("htx", "market/tickers", _huobi, _huobi_rows),
    f"kucoin/{_DUMP}": Tickers(
        "kucoin", "api/v1/market/allTickers", _kucoin, _rows("symbol", "last", "time", "vol")
    ),
    "kucoin/docsample_allTickers.json": Tickers(
        *("kucoin", "api/v1/market/allTickers", _same),
        lambda answer: {
            row["symbol"]: (
                _price(row["last"]),
                instant(answer["data"]["time"]),
                _is_zero(row["vol"]),
            )
            for row in answer["data"]["ticker"]
        },
    ),
    f"okx/{_DUMP}": Tickers(
        "okx", "api/v5/market/tickers", _in_data, _rows("instId", "last", "ts", "vol24h"), _SPOT
    ),
    "kraken/Ticker_assetVersion1_2026-06-24.json": Tickers(
        "kraken", "0/public/Ticker", _same, _kraken
    ),
    "krakenfutures/fixture_tickers_2025-11-17.json": Tickers(
        "krakenfutures", "derivatives/api/v3/tickers", _same, _kraken_futures
    ),
    # Listings that carry prices. Gate's have no instant, and no volume of a day.
    **{
        f"gate/{name}": Tickers(
            f"gate-{line}", path, _same, _rows("name", "last_price", None, None, _same)
        )
        for name, line, path in (
            ("futures_usdt_contracts_2023-05-24.json", "usdt", "futures/usdt/contracts"),
            ("futures_usdt_contracts_2024-12-02.json", "usdt", "futures/usdt/contracts"),
            ("docsample_delivery_contracts.json", "delivery-usdt", "delivery/usdt/contracts"),
        )
    },
    **{
        f"coinbase/{name}": Tickers(
            *("coinbase-advanced", "brokerage/market/products", _same),
            _rows("product_id", "price", None, "volume_24h", _products),
        )
        for name in (
            "fixture_recent_advanced_products.json",
            "fixture_recent_advanced_products_future.json",
        )
    },
    "kucoin/docsample_futures_contracts_active.json": Tickers(
        *("kucoin-futures", "api/v1/contracts/active", _same),
        _rows("symbol", "lastTradePrice", None, "volumeOf24h", _data),
    ),
    "bitmex/instrument_active_2021-07-22.json": Tickers(
        "bitmex", "api/v1/instrument/active", _same, _bitmex(_same)
    ),
    "bitmex/instrument_activeAndIndices_2022-11-22.json": Tickers(
        "bitmex", "api/v1/instrument/activeAndIndices", _list, _bitmex(_list)
    ),
    "bitmex/fixture_recent_instrument_spread.json": Tickers(
        "bitmex", "api/v1/instrument/active", _one, _bitmex(_one)
    ),
    "bitmex/testnet_instrument_active_2025-01-30.json": Tickers(
        "bitmex-testnet", "api/v1/instrument/active", _same, _bitmex(_same)
    ),
}

#: Files of venues that no reader reads, and of Kraken, whose dump has lost the venue's spellings:
#: (spelling, last price, instant), with what makes milliseconds of the instant. A spelling that is
#: "" is the key of the dump, ccxt's own symbol.
OTHERS: Final[dict[str, tuple[str, str, str, int]]] = {
    f"bigone/{_DUMP}": ("asset_pair_name", "close", "", 1),
    f"bittrex/{_DUMP}": ("symbol", "lastTradeRate", "", 1),
    f"bkex/{_DUMP}": ("symbol", "close", "ts", 1),
    f"blockchaincom/{_DUMP}": ("symbol", "last_trade_price", "", 1),
    f"btcturk/{_DUMP}": ("pair", "last", "timestamp", 1),
    f"coinex/{_DUMP}": ("", "last", "", 1),
    f"coinone/{_DUMP}": ("currency", "last", "", 1),
    f"digifinex/{_DUMP}": ("symbol", "last", "date", 1000),
    f"exmo/{_DUMP}": ("", "last_trade", "updated", 1000),
    f"kraken/{_DUMP}": ("", "c", "", 1),
    f"latoken/{_DUMP}": ("symbol", "lastPrice", "", 1),
    f"lbank/{_DUMP}": ("symbol", "ticker.latest", "timestamp", 1),
    f"okcoin/{_DUMP}": ("instrument_id", "last", "", 1),
    f"wazirx/{_DUMP}": ("symbol", "lastPrice", "at", 1),
    f"whitebit/{_DUMP}": ("", "last_price", "", 1),
}


def other_prices(file: str, keyed: Raw) -> Prices:
    """What a file of `OTHERS` says."""
    spelling, last, at, scale = OTHERS[file]
    outer, _, inner = last.rpartition(".")
    found: Prices = {}
    for key, record in keyed.items():
        if not isinstance(record, dict):
            continue  # coinone's errorCode and timestamp
        value = (record[outer] if outer else record).get(inner)
        price = value[0] if isinstance(value, list) else value
        moment = int(record[at]) * scale if at and record.get(at) else None
        found[record[spelling] if spelling else key] = (_price(price), instant(moment), None)
    return found
