"""What a venue is asked for with `--live`, and how its pages are put together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqar.importer import live_answers
from cqar.importer.answer_reader import read_answers
from cqar.importer.readers.registry import product_line_of, product_lines
from cqar.importer.saved_answers import UnusableAnswer, matching

MARKET = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "deliveryTime": "0",
    "priceFilter": {"tickSize": "0.10"},
    "lotSizeFilter": {"qtyStep": "0.001"},
}


class Exchange:
    """Stands where ccxt's exchange does: answers by URL, and keeps the text as ccxt does."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.last_http_response = ""

    def fetch(self, url: str, *_: Any) -> None:
        self.asked.append(url)
        if url not in self._answers:
            message = "timed out"
            raise TimeoutError(message)
        self.last_http_response = json.dumps(self._answers[url])


def page(cursor: str, *symbols: str) -> dict[str, Any]:
    records = [{**MARKET, "symbol": symbol} for symbol in symbols]
    return {"result": {"category": "linear", "list": records, "nextPageCursor": cursor}}


def test_every_page_is_asked_for_and_read_as_one_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://api.bybit.com/v5/market/instruments-info?category=linear"
    pages = {url: page("2nd", "BTCUSDT"), f"{url}&cursor=2nd": page("", "ETHUSDT")}
    exchange = Exchange(pages)
    monkeypatch.setattr(live_answers, "make_exchange", lambda *_: exchange)
    line = product_line_of("bybit-linear")
    assert line is not None
    reading = read_answers(line, live_answers.fetch_answers(line))
    assert [market.spelling for market in reading.markets] == ["BTCUSDT", "ETHUSDT"]
    assert (reading.incomplete, exchange.asked) == ([], list(pages))


def test_a_venue_that_does_not_answer_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_answers, "make_exchange", lambda *_: Exchange({}))
    line = product_line_of("kraken")
    assert line is not None
    with pytest.raises(UnusableAnswer, match=r"api.kraken.com/.* does not answer \(TimeoutError"):
        live_answers.fetch_answers(line)


def test_every_request_has_a_file_name_of_its_own() -> None:
    for line in product_lines().values():
        for request in line.requests:
            found = matching(line.file_name(request), line.requests)
            assert found == (request, {}), (line.venue_id, request)


SYMBOLS = {"code": "200000", "data": [{"symbol": "BTC-USDT"}]}
CURRENCIES = {"code": "200000", "data": []}


def test_currencies_and_tickers_are_asked_for_after_the_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = "https://api.kucoin.com/api"
    exchange = Exchange(
        {
            f"{host}/v2/symbols": SYMBOLS,
            f"{host}/v3/currencies": CURRENCIES,
            f"{host}/v1/market/allTickers": {"data": {"ticker": []}},
        }
    )
    monkeypatch.setattr(live_answers, "make_exchange", lambda *_: exchange)
    line = product_line_of("kucoin")
    assert line is not None
    live = live_answers.fetch_all(line)
    assert [answer.name for answer in live.answers] == ["v2/symbols", "v3/currencies"]
    assert [answer.name for answer in live.tickers] == ["market/allTickers"]
    assert (live.failed, len(exchange.asked)) == ([], 3)


def test_what_does_not_answer_beside_the_listing_loses_no_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange = Exchange({"https://api.kucoin.com/api/v2/symbols": SYMBOLS})
    monkeypatch.setattr(live_answers, "make_exchange", lambda *_: exchange)
    line = product_line_of("kucoin")
    assert line is not None
    live = live_answers.fetch_all(line)
    assert [answer.name for answer in live.answers] == ["v2/symbols"]
    assert live.tickers == []
    assert ["v3/currencies does not answer" in text for text in live.failed] == [True, False]
    assert "allTickers does not answer (TimeoutError" in live.failed[1]


def test_what_needs_a_key_or_is_of_the_past_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "https://api.bybit.com/v5/market/instruments-info?category=linear"
    exchange = Exchange({url: page("", "BTCUSDT")})
    monkeypatch.setattr(live_answers, "make_exchange", lambda *_: exchange)
    line = product_line_of("bybit-linear")
    assert line is not None
    live_answers.fetch_all(line)
    assert exchange.asked == [url, "https://api.bybit.com/v5/market/tickers?category=linear"]
