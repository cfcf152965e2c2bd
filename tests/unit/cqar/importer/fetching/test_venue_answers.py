"""What a venue is asked for with `--live`, and how its pages are put together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cqar.importer.answer_reader import read_answers
from cqar.importer.fetching import BaseUrls, FetchFailed, VenueHttp, fetch_all, venue_answers
from cqar.importer.fetching.host_pacing import HostPacing
from cqar.importer.fetching.venue_answers import Asking, LiveAnswers
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import product_line_of, product_lines
from cqar.importer.saved_answers import UnusableAnswer, matching
from tests.support.venue_http import Asked, Said, venue_server

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
LINEAR = "/v5/market/instruments-info?category=linear"
SYMBOLS = {"code": "200000", "data": [{"symbol": "BTC-USDT"}]}
CURRENCIES = {"code": "200000", "data": []}


class World:
    """A venue that has these answers by path, and what it was asked."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.kept: dict[str, bytes] = {}
        self.live: LiveAnswers | None = None

    @property
    def answered(self) -> LiveAnswers:
        assert self.live is not None
        return self.live


@contextmanager
def asking(venue_id: str, answers: dict[str, Any]) -> Iterator[tuple[ProductLine, Asking, World]]:
    def answer(asked: Asked) -> Said:
        if asked.path not in answers:
            return Said(b'{"msg": "no such path"}', 404)
        return Said(json.dumps(answers[asked.path]).encode())

    line, world = product_line_of(venue_id), World()
    assert line is not None
    with venue_server(answer) as server:
        http = VenueHttp(HostPacing(interval_s=0.0))
        urls = BaseUrls({"*": server.url})

        def keep(name: str, fetched: Any) -> None:
            world.kept[name] = fetched.content

        yield line, Asking(http, urls, venue_id, keep), world
        http.close()
        world.paths = server.paths


def fetched(venue_id: str, answers: dict[str, Any]) -> World:
    with asking(venue_id, answers) as (line, how, world):
        world.live = fetch_all(line, how)
    return world


def page(cursor: str, *symbols: str) -> dict[str, Any]:
    records = [{**MARKET, "symbol": symbol} for symbol in symbols]
    return {"result": {"category": "linear", "list": records, "nextPageCursor": cursor}}


def test_every_page_is_asked_for_and_read_as_one_listing() -> None:
    pages = {LINEAR: page("2nd", "BTCUSDT"), f"{LINEAR}&cursor=2nd": page("", "ETHUSDT")}
    world = fetched("bybit-linear", pages)
    line = product_line_of("bybit-linear")
    assert line is not None
    reading = read_answers(line, world.answered.answers)
    assert [market.spelling for market in reading.markets] == ["BTCUSDT", "ETHUSDT"]
    assert (reading.incomplete, world.paths[:2]) == ([], list(pages))


def test_the_bytes_of_each_answer_are_kept_by_its_name() -> None:
    world = fetched("bybit-linear", {LINEAR: page("", "BTCUSDT")})
    (answer,) = world.answered.answers
    assert json.loads(world.kept[answer.name]) == page("", "BTCUSDT")


def test_a_venue_that_does_not_answer_is_an_error_that_says_so() -> None:
    with (
        asking("kraken", {}) as (line, how, _),
        pytest.raises(UnusableAnswer, match=r"/0/public/AssetPairs answers HTTP 404: .*such path"),
    ):
        fetch_all(line, how)


def test_every_request_has_a_file_name_of_its_own() -> None:
    for line in product_lines().values():
        for request in line.requests:
            found = matching(line.file_name(request), line.requests)
            assert found == (request, {}), (line.venue_id, request)


def test_currencies_and_tickers_are_asked_for_after_the_listing() -> None:
    world = fetched(
        "kucoin",
        {
            "/api/v2/symbols": SYMBOLS,
            "/api/v3/currencies": CURRENCIES,
            "/api/v1/market/allTickers": {"data": {"ticker": []}},
        },
    )
    live = world.answered
    assert [answer.name for answer in live.answers] == ["v2/symbols", "v3/currencies"]
    assert [answer.name for answer in live.tickers] == ["market/allTickers"]
    assert (live.failed, len(world.paths)) == ([], 3)


def test_what_does_not_answer_beside_the_listing_loses_no_listing() -> None:
    world = fetched("kucoin", {"/api/v2/symbols": SYMBOLS})
    live = world.answered
    assert [answer.name for answer in live.answers] == ["v2/symbols"]
    assert live.tickers == []
    assert [text.partition(":")[0] for text in live.failed] == [
        "v3/currencies",
        "market/allTickers",
    ]
    assert all("answers HTTP 404" in text for text in live.failed)


def test_what_needs_a_key_or_is_of_the_past_is_not_asked_for() -> None:
    world = fetched("bybit-linear", {LINEAR: page("", "BTCUSDT")})
    assert world.paths == [LINEAR, "/v5/market/tickers?category=linear"]


def test_every_product_line_can_be_asked_or_says_that_it_has_no_requests() -> None:
    for line in product_lines().values():
        today = [request for request in line.requests if not request.is_former]
        hosts = {request.path.partition("/")[0] for request in today}
        assert all("." in host for host in hosts), line.venue_id


def test_a_venue_that_answers_more_than_it_may_is_asked_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(venue_answers, "WHOLE_BYTES_MAX", 600)
    pages = {f"{LINEAR}&cursor={n}": page(str(n + 1), f"S{n}") for n in range(1, 50)}
    with (
        asking("bybit-linear", {LINEAR: page("1", "S0"), **pages}) as (line, how, world),
        pytest.raises(FetchFailed, match="more than 600 bytes together"),
    ):
        fetch_all(line, how)
    assert len(world.kept) == 2
