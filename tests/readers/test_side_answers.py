"""Currencies and tickers: every record has one outcome, whatever JSON stands in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.readers.product_line import (
    Answer,
    ProductLine,
    Request,
    Row,
    SideForm,
    matching,
)
from cqar.importer.readers.registry import product_line_of, product_lines
from cqar.importer.saved_answers import DecodedAnswer, SavedResponse, decode_file, match_answers
from cqar.importer.side_answers import read_currencies, read_prices
from tests.readers.listing_files import VENUES
from tests.readers.side_files import CURRENCIES, TICKERS, SideFile
from tests.readers.test_total import JUNK, changed_at, places_in

#: Of each file so many rows, spread over it.
ROWS: Final = 3


def line_of(side: SideFile) -> ProductLine:
    line = product_line_of(side.venue_id)
    assert line is not None
    return line


def answer_of(side: SideFile) -> DecodedAnswer:
    return decode_file(SavedResponse(side.request, VENUES / side.file))


def form_of(side: SideFile) -> tuple[SideForm[Any, Any], dict[Request, list[Answer]]]:
    """The form that reads a file, and the file as its answer."""
    line = line_of(side)
    is_prices = side in TICKERS
    requests = line.ticker_requests if is_prices else (*line.requests, *line.currency_requests)
    matched, unused = match_answers([answer_of(side)], requests)
    assert not unused
    forms: tuple[SideForm[Any, Any], ...] = line.prices if is_prices else line.currencies
    form = next(f for f in forms if any(request in matched for request in f.requests))
    return form, matched


@pytest.mark.parametrize("side", CURRENCIES, ids=lambda side: side.name)
def test_every_record_of_a_list_of_currencies_is_read(side: SideFile) -> None:
    form, answers = form_of(side)
    found = read_currencies(form, answers)
    assert (found.records, found.unreadable, found.refused) == (side.records, [], [])
    assert len(found.found) == side.records
    assert found.new_fields == {}


@pytest.mark.parametrize("side", TICKERS, ids=lambda side: side.name)
def test_every_record_of_tickers_is_read(side: SideFile) -> None:
    form, answers = form_of(side)
    found = read_prices(form, answers, [])
    assert (found.outcomes, found.refused) == ({"UNLISTED": side.records}, [])


def one_row(form: SideForm[Any, Any], name: str, record: Any) -> SideForm[Any, Any]:
    """The form, of an answer that has this record alone."""
    return replace(form, rows=lambda _: [Row(name, record)])


def rows_of(side: SideFile) -> Iterator[tuple[SideForm[Any, Any], dict[Request, Any], str, Any]]:
    form, answers = form_of(side)
    rows = list(form.rows(answers))
    for row in rows[:: max(1, len(rows) // ROWS)][:ROWS]:
        yield form, answers, row.name, row.record


@pytest.mark.parametrize("side", [*CURRENCIES, *TICKERS], ids=lambda side: side.name)
def test_any_json_in_place_of_any_field_has_one_outcome(side: SideFile) -> None:
    for form, answers, name, record in rows_of(side):
        for path in places_in(record):
            for value in JUNK:
                changed = one_row(form, name, changed_at(record, path, value))
                if side in TICKERS:
                    assert read_prices(changed, answers, []).records == 1, (path, value)
                else:
                    found = read_currencies(changed, answers)
                    outcomes = len(found.found) + len(found.unreadable)
                    assert (found.records, outcomes) == (1, 1), (path, value)


@pytest.mark.parametrize("side", [*CURRENCIES, *TICKERS], ids=lambda side: side.name)
@pytest.mark.parametrize(
    "value",
    [{}, [], {"data": 7}, {"result": {"list": {}}}, {"code": "-1", "msg": "no"}, [[None]], [7]],
    ids=str,
)
def test_another_answer_is_refused_or_counted_and_loses_nothing(side: SideFile, value: Any) -> None:
    form, answers = form_of(side)
    given = {request: [Answer({}, value, "a file")] for request in answers}
    if side in TICKERS:
        prices = read_prices(form, given, [])
        assert not prices.found
        assert prices.outcomes["UNREADABLE"] == len(prices.unreadable)
    else:
        currencies = read_currencies(form, given)
        assert currencies.records == len(currencies.unreadable) + len(currencies.found)


def test_what_is_wrong_beside_a_listing_loses_no_listing() -> None:
    line = product_line_of("kucoin")
    assert line is not None
    listing = decode_file(SavedResponse("v2/symbols", VENUES / "kucoin/docsample_v2_symbols.json"))
    junk = DecodedAnswer("v3/currencies", {"code": "400", "msg": "too many"}, "", None)
    tickers = DecodedAnswer("market/allTickers", ["x"], "", None)
    reading = read_answers(line, [listing, junk], [tickers])
    assert (len(reading.markets), reading.currencies, reading.prices) == (1, {}, {})
    assert reading.refused == [
        "v3/currencies: not the answer that it was named: it has no data: too many",
        "market/allTickers: not the answer that it was named: it has no data.ticker",
    ]


def test_a_ticker_names_its_market_by_any_of_its_spellings() -> None:
    line = product_line_of("kraken")
    assert line is not None
    pairs = decode_file(SavedResponse("AssetPairs", VENUES / "kraken/AssetPairs_2021-04-17.json"))
    by_wsname = decode_file(SavedResponse("Ticker", VENUES / "kraken/tickers_2022-11-22.json"))
    reading = read_answers(line, [pairs], [by_wsname])
    assert str(reading.prices["XXBTZUSD"]) == "15861.6"
    assert set(reading.prices) <= {market.spelling for market in reading.markets}


def test_a_price_of_another_time_or_of_no_trade_is_none() -> None:
    reading = binance_prices()
    # Halted: its ticker closed long before the others, or says a last price of zero.
    assert reading.price_outcomes == {
        "PRICED": 1440,
        "NO_PRICE": 665,
        "IDLE": 13,
        "UNLISTED": 5,
    }
    assert "BIFIBNB" not in reading.prices
    assert reading.prices_from is not None
    assert str(reading.prices_from.taken_at) == "2022-11-22 00:51:02.842000+00:00"


def binance_prices() -> Reading:
    line = product_line_of("binance")
    assert line is not None
    listing = VENUES / "binance/spot_exchangeInfo_2022-11-28.json"
    return read_answers(
        line,
        [decode_file(SavedResponse("exchangeInfo", listing))],
        [answer_of(TICKERS[0])],
    )


def test_prices_within_a_listing_need_a_stated_time() -> None:
    line = product_line_of("gate-usdt")
    assert line is not None
    path = VENUES / "gate/futures_usdt_contracts_2024-12-02.json"
    listing = decode_file(SavedResponse("futures/usdt/contracts", path))
    assert read_answers(line, [listing]).prices == {}
    at = dt.datetime(2024, 12, 2, tzinfo=dt.UTC)
    reading = read_answers(line, [listing], at=at)
    assert len(reading.prices) == len(reading.markets)
    assert reading.prices_from is not None
    assert reading.prices_from.taken_at == at


def test_a_file_of_tickers_is_no_file_of_the_listing() -> None:
    line = product_line_of("binance")
    assert line is not None
    listing = VENUES / "binance/spot_exchangeInfo_2025-08-07_25symbols.json"
    answers = [decode_file(SavedResponse("exchangeInfo", listing)), answer_of(TICKERS[0])]
    reading = read_answers(line, answers)
    assert (reading.unused, reading.prices) == (["ticker/24hr"], {})


def test_every_side_request_has_a_file_name_of_its_own() -> None:
    for line in product_lines().values():
        files = (*line.requests, *line.currency_requests)
        for own in (files, line.ticker_requests):
            for request in own:
                found = matching(line.file_name(request), own)
                assert found == (request, {}), (line.venue_id, request)
