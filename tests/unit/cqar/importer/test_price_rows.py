"""What an import stores of the prices that were given with it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.answer_reader import AnswerSource, Reading
from cqar.importer.market import Code, Market
from cqar.importer.price_rows import price_outcomes
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Outcome, Result
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE, QUOTES_MAX, AssetPrice
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from tests.support.entity_builders import (
    BTC,
    NOW,
    USDT,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import changed

MINUTE = dt.timedelta(minutes=1)
SPOT = a_symbol()
PERPETUAL = changed(
    a_symbol(symbol_type=SymbolTypeCode.PERPETUAL, settlement_asset_id=USDT), symbol_id=an_id("p")
)
FUTURES = a_venue("binance-usdm", operator="binance")


def a_listing(spelling: str, **changes: Any) -> VenueSymbol:
    return a_venue_symbol(listing_id=an_id(spelling), venue_symbol=spelling, **changes)


def a_market(spelling: str, symbol_type: SymbolTypeCode = SymbolTypeCode.SPOT) -> Market:
    return Market(spelling=spelling, symbol_type=symbol_type, base=Code("BTC"), quote=Code("USDT"))


def a_state(*listings: VenueSymbol, prices: tuple[AssetPrice, ...] = ()) -> RegistryState:
    state = RegistryState(NOW)
    for venue in (a_venue(), FUTURES):
        state.add(VENUE, venue)
    for asset in (an_asset(), an_asset("USDT")):
        state.add(ASSET, asset)
    for symbol in (SPOT, PERPETUAL):
        state.add(SYMBOL, symbol)
    for listing in listings:
        state.add(VENUE_SYMBOL, listing)
    for price in prices:
        state.add(ASSET_PRICE, price)
    return state


def a_reading(
    prices: dict[str, str],
    *,
    taken_at: dt.datetime | None = NOW,
    symbol_type: SymbolTypeCode = SymbolTypeCode.SPOT,
) -> Reading:
    reading = Reading("a-reader/1", frozenset(SymbolTypeCode))
    reading.markets = [a_market(spelling, symbol_type) for spelling in prices]
    reading.prices = {spelling: Decimal(price) for spelling, price in prices.items()}
    reading.prices_from = AnswerSource("ticker/24hr", "0" * 64, taken_at)
    return reading


def stored(outcomes: list[Outcome]) -> AssetPrice:
    (outcome,) = outcomes
    assert isinstance(outcome.after, AssetPrice)
    return outcome.after


def test_the_price_of_a_listings_asset_is_stored_with_its_source() -> None:
    state = a_state(a_listing("BTCUSDT"))
    outcomes = price_outcomes(state, a_venue(), a_reading({"BTCUSDT": "64000.5"}), NOW)
    price = stored(outcomes)
    assert (outcomes[0].result, outcomes[0].key) == (Result.CREATED, f"binance/{BTC}")
    assert (price.venue_id, price.taken_at, price.request) == ("binance", NOW, "ticker/24hr")
    (quote,) = price.quotes or ()
    assert (quote.venue_symbol, quote.quote_asset_id) == ("BTCUSDT", USDT)
    assert quote.price == Decimal("64000.5")


def test_what_is_stored_already_is_not_sent_again() -> None:
    reading = a_reading({"BTCUSDT": "64000.5"})
    price = stored(price_outcomes(a_state(a_listing("BTCUSDT")), a_venue(), reading, NOW))
    state = a_state(a_listing("BTCUSDT"), prices=(price,))
    assert price_outcomes(state, a_venue(), reading, NOW) == []


def test_a_price_is_of_one_unit_whatever_the_code_counts() -> None:
    listing = a_listing("1000BTCUSDT", unit_multiplier=Decimal(1000))
    reading = a_reading({"1000BTCUSDT": "64.0005"})
    (quote,) = stored(price_outcomes(a_state(listing), a_venue(), reading, NOW)).quotes or ()
    assert quote.price == Decimal("0.0640005")
    seventh = a_listing("1000BTCUSDT", unit_multiplier=Decimal(7))
    assert price_outcomes(a_state(seventh), a_venue(), reading, NOW) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"doubts": ("MEANING_UNDECIDED",)},
        {"delisted_at": NOW - MINUTE, "listed_at": NOW - 9 * MINUTE},
        {"listed_at": NOW + MINUTE},
        {"alias_of": "XBTUSDT"},
    ],
)
def test_a_listing_that_may_mean_something_else_has_no_price(changes: dict[str, Any]) -> None:
    state = a_state(a_listing("BTCUSDT", **changes))
    assert price_outcomes(state, a_venue(), a_reading({"BTCUSDT": "1"}), NOW) == []


def test_a_futures_price_is_not_the_coins() -> None:
    state = a_state(a_listing("BTCUSDT"))
    reading = a_reading({"BTCUSDT": "1"}, symbol_type=SymbolTypeCode.FUTURE)
    assert price_outcomes(state, a_venue(), reading, NOW) == []


def test_a_listing_that_the_import_makes_counts() -> None:
    listing = a_listing("BTCUSDT")
    made = Outcome(kind=VENUE_SYMBOL, key=listing.listing_id, result=Result.CREATED, after=listing)
    reading = a_reading({"BTCUSDT": "1"}, taken_at=None)
    price = stored(price_outcomes(a_state(), a_venue(), reading, NOW - MINUTE, [made]))
    assert price.taken_at == NOW - MINUTE


def perpetual_state(*prices: AssetPrice) -> RegistryState:
    listing = a_listing("BTCUSDT", venue_id="binance-usdm", symbol_id=PERPETUAL.symbol_id)
    return a_state(listing, prices=prices)


def perpetual_reading(taken_at: dt.datetime) -> Reading:
    return a_reading({"BTCUSDT": "2"}, taken_at=taken_at, symbol_type=SymbolTypeCode.PERPETUAL)


def test_lines_of_one_operator_add_to_one_price_of_the_same_minutes() -> None:
    spot = stored(
        price_outcomes(a_state(a_listing("BTCUSDT")), a_venue(), a_reading({"BTCUSDT": "1"}), NOW)
    )
    for taken_at in (NOW + 5 * MINUTE, NOW - 5 * MINUTE):
        reading = perpetual_reading(taken_at)
        price = stored(price_outcomes(perpetual_state(spot), FUTURES, reading, NOW))
        assert price.taken_at == max(NOW, taken_at)
        assert {q.venue_id for q in price.quotes or ()} == {"binance", "binance-usdm"}


def test_a_price_of_another_time_replaces_an_older_one_and_no_newer_one() -> None:
    spot = stored(
        price_outcomes(a_state(a_listing("BTCUSDT")), a_venue(), a_reading({"BTCUSDT": "1"}), NOW)
    )
    later = perpetual_reading(NOW + 20 * MINUTE)
    price = stored(price_outcomes(perpetual_state(spot), FUTURES, later, NOW))
    assert {q.venue_id for q in price.quotes or ()} == {"binance-usdm"}
    earlier = perpetual_reading(NOW - 20 * MINUTE)
    assert price_outcomes(perpetual_state(spot), FUTURES, earlier, NOW) == []


def test_at_most_so_many_quotes_are_kept_and_spot_comes_first() -> None:
    names = [f"BTCUSDT_{place:02}" for place in range(QUOTES_MAX + 4)]
    state = a_state(*(a_listing(name) for name in names))
    reading = a_reading(dict.fromkeys(names, "1"))
    quotes = stored(price_outcomes(state, a_venue(), reading, NOW)).quotes or ()
    assert [q.venue_symbol for q in quotes] == names[:QUOTES_MAX]
