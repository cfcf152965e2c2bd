"""Last prices and currencies of every file: what a reader reads and what an oracle expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from cqar.importer.market import LastPrice, UnreadableRecord
from cqar.importer.readers.product_line import Answer
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import decode_json
from cqar.importer.side_answers import read_currencies
from tests.readers.listing_files import VENUES
from tests.readers.oracles_currencies import currencies, tickers

DIFFERENCES_SHOWN: Final = 20

#: Differences that stand until somebody has decided, with what is right by the documentation.
ACCEPTED: Final = {
    # `lastTime` is when `last` was observed, the price's own instant. The reader takes the answer's
    # serverTime, so that a price of hours ago counts as one of now.
    ("krakenfutures/fixture_tickers_2025-11-17.json", "PF_ETHUSD at"),
    ("krakenfutures/fixture_tickers_2025-11-17.json", "PI_XBTUSD at"),
}
#: The last price of a spread, and a premium's index, are negative at times: no price of a coin. The
#: reader calls such a ticker unreadable.
NEGATIVE: Final = "must not be negative"

Said = dict[str, Any]


def read_json(file: str) -> Any:
    return decode_json((VENUES / file).read_bytes(), file)


def form_of(venue_id: str, what: str, path: str, query: tuple[tuple[str, str], ...] = ()) -> Any:
    """The (form, request) of a product line whose request has this path and query."""
    line = product_line_of(venue_id)
    assert line is not None, f"no reader reads {venue_id}"
    for form in getattr(line, what):
        for request in form.requests:
            if request.path.endswith(f"/{path}") and (not query or request.query == query):
                return form, request
    raise AssertionError(f"{venue_id} asks for no {what} at {path}")


def read_prices(file: str) -> dict[str, Any]:
    """Spelling -> (price, instant, whether idle), or why it cannot be read."""
    given = tickers.TICKERS[file]
    form, request = form_of(given.venue_id, "prices", given.path, given.query)
    answer = Answer(query=request.query, value=given.restored(read_json(file)), name=file)
    found: dict[str, Any] = {}
    for row in form.rows({request: [answer]}):
        try:
            price: LastPrice = form.read(msgspec.convert(row.record, form.record))
        except (UnreadableRecord, msgspec.ValidationError) as error:
            found[row.name] = str(error)
        else:
            found[price.spelling] = (price.price, price.at, price.is_idle)
    return found


def price_differences(file: str) -> list[str]:
    read = read_prices(file)
    expected = tickers.TICKERS[file].said(tickers_value(file))
    differences = []
    for spelling in sorted(read.keys() | expected.keys()):
        is_read, should = read.get(spelling), expected.get(spelling)
        if isinstance(is_read, str) and NEGATIVE in is_read and should and (should[0] or 0) < 0:
            continue
        if isinstance(is_read, str) or is_read is None or should is None:
            differences.append(f"{spelling}: reader {is_read!r}, oracle {should!r}")
            continue
        # A venue that states neither count nor volume never says that nothing was traded.
        right = (*should[:2], bool(should[2]))
        differences += [
            f"{spelling} {name}: reader {said!r}, oracle {wanted!r}"
            for name, said, wanted in zip(("price", "at", "is_idle"), is_read, right, strict=True)
            if said != wanted
        ]
    return differences


def tickers_value(file: str) -> Any:
    """The file as the oracle sees it: decoded apart from the product."""
    return json.loads((VENUES / file).read_text("utf-8-sig"), parse_float=str, parse_int=str)


def currency_differences(file: str) -> list[str]:
    given = currencies.CURRENCIES[file]
    form, request = form_of(given.venue_id, "currencies", given.path)
    answers = {request: [Answer(query=request.query, value=read_json(file), name=file)]}
    read = read_currencies(form, answers)
    expected = given.said(tickers_value(file))
    differences = [f"{name}: unreadable: {reason}" for name, reason in read.unreadable]
    differences += [f"the answer is refused: {text}" for text in read.refused]
    for code in sorted(read.found.keys() | expected.keys()):
        if code not in read.found or code not in expected:
            differences.append(f"{code}: only the {'reader' if code in read.found else 'oracle'}")
            continue
        wanted = currencies.whole(given.venue_id, code, expected[code])
        differences += field_differences(code, stated(read.found[code]), wanted)
    return differences


def stated(value: Any) -> dict[str, Any]:
    """The fields that are set, of a currency or a network."""
    found: dict[str, Any] = {}
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if name == "code" or field in (None, "", ()):
            continue
        if name == "networks":
            field = [stated(network) for network in field]
        found[name] = list(field) if isinstance(field, tuple) else field
    return found


def field_differences(code: str, read: Said, expected: Said) -> Iterator[str]:
    """What differs, field by field and network by network."""
    maybe = expected.pop("maybe", None)
    if maybe and read.get("contracts") == maybe:
        del read["contracts"]
    networks = (
        {each["network"]: each for each in said.pop("networks", ())} for said in (read, expected)
    )
    read_networks, expected_networks = networks
    pairs = [(code, read, expected)]
    for name in sorted(read_networks.keys() | expected_networks.keys()):
        pair = (read_networks.get(name, {}), expected_networks.get(name, {}))
        pairs.append((f"{code}/{name}", *pair))
    for where, is_read, should in pairs:
        for name in sorted(is_read.keys() | should.keys()):
            if is_read.get(name) != should.get(name):
                yield f"{where} {name}: reader {is_read.get(name)!r}, oracle {should.get(name)!r}"


def open_differences(file: str, differences: list[str]) -> list[str]:
    """Those that are not accepted."""
    accepted = {name for accepted_file, name in ACCEPTED if accepted_file == file}
    found = {text.partition(": reader ")[0]: text for text in differences}
    assert accepted <= found.keys(), "accepted differences that are none any more"
    return [text for name, text in found.items() if name not in accepted]


def shown(differences: list[str]) -> str:
    return "\n".join([f"{len(differences)} differences", *differences[:DIFFERENCES_SHOWN]])


@pytest.mark.parametrize("file", tickers.TICKERS)
def test_reader_and_oracle_agree_in_every_price(file: str) -> None:
    differences = open_differences(file, price_differences(file))
    assert not differences, shown(differences)


@pytest.mark.parametrize("file", currencies.CURRENCIES)
def test_reader_and_oracle_agree_in_every_currency(file: str) -> None:
    differences = open_differences(file, currency_differences(file))
    assert not differences, shown(differences)


@pytest.mark.parametrize("file", tickers.OTHERS)
def test_every_ticker_of_a_venue_without_a_reader_is_understood(file: str) -> None:
    """They were taken in the same minute: prices to judge other venues' by."""
    prices = tickers.other_prices(file, tickers_value(file))
    assert sum(price is not None for price, _, _ in prices.values()) > len(prices) / 2


def test_every_file_of_tickers_and_currencies_has_an_oracle() -> None:
    words = ("ticker", "currenc", "coin_query", "spot_coins", "wallet_assets", "config_getall")
    names = {path.relative_to(VENUES).as_posix() for path in VENUES.rglob("*.json")}
    there = {name for name in names if any(word in name.lower() for word in words)}
    there -= {name for name in there if "currency_pairs" in name}
    known = {*tickers.TICKERS, *tickers.OTHERS, *currencies.CURRENCIES, *currencies.UNREAD}
    assert there <= known, there - known
    assert known <= names
