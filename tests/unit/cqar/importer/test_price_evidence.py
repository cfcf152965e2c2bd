"""What prices say of a code, by real tickers that were all taken at 2022-11-22 00:51."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar.importer.price_evidence import (
    PriceVerdict,
    Quote,
    compare,
    power_of_ten,
    rates_of,
    stored_quotes,
)
from cqar.importer.readers.product_line import Answer
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import decode_json
from cqar_shared.domain.kinds.asset_price import AssetPrice, QuotedPrice
from tests.readers.listing_files import VENUES

AT: Final = dt.datetime(2022, 11, 22, 0, 51, tzinfo=dt.UTC)
USDT, BTC, USD = "usdt", "btc", "usd"
FILES: Final = {
    "binance": "binance/spot_ticker_24hr_2022-11-22.json",
    "binance-usdm": "binance/usdm_ticker_24hr_2022-11-22.json",
    "kucoin": "kucoin/tickers_2022-11-22.json",
    "htx": "huobi/tickers_2022-11-22.json",
    "bitfinex": "bitfinex/tickers_2022-11-22.json",
}


@cache
def prices_of(venue_id: str) -> dict[str, Decimal | None]:
    """The venue's last prices by its own spellings, as its form reads the dump."""
    line = product_line_of(venue_id)
    assert line is not None
    form = line.prices[0]
    path = VENUES / FILES[venue_id]
    answer = decode_json(path.read_bytes(), str(path))
    request = form.requests[0]
    rows = form.rows({request: [Answer({}, answer)]})
    read = [form.read(msgspec.convert(row.record, form.record)) for row in rows]
    return {price.spelling: price.price for price in read}


def quote(venue_id: str, spelling: str, asset_id: str = USDT, at: dt.datetime = AT) -> Quote:
    price = prices_of(venue_id)[spelling]
    assert price is not None
    return Quote(asset_id, price, at, f"{venue_id} {spelling}")


def test_one_quote_at_one_time_agrees_and_is_not_enough() -> None:
    found = compare([quote("htx", "nanousdt")], [quote("binance", "XNOUSDT")])
    assert (found.verdict, found.is_enough) == (PriceVerdict.AGREES, False)
    assert found.detail == "0.5684 (htx nanousdt) against 0.57 (binance XNOUSDT)"


def test_two_quotes_that_agree_are_enough() -> None:
    code = [quote("kucoin", "ETH-USDT"), quote("kucoin", "ETH-BTC", BTC)]
    asset = [quote("binance", "ETHUSDT"), quote("binance", "ETHBTC", BTC)]
    found = compare(code, asset)
    assert (found.verdict, found.is_enough) == (PriceVerdict.AGREES, True)


def test_two_times_that_agree_are_enough_and_the_same_minute_twice_is_not() -> None:
    later = AT + dt.timedelta(minutes=10)
    pairs = [("kucoin", "ETH-USDT"), ("binance", "ETHUSDT")]
    code, asset = ([quote(*one), quote(*one, at=later)] for one in pairs)
    assert compare(code, asset).is_enough
    code = [quote("kucoin", "ETH-USDT"), quote("kucoin", "ETH-USDT", at=AT + dt.timedelta(0, 60))]
    assert not compare(code, asset[:1]).is_enough


@pytest.mark.parametrize(
    ("code", "asset"),
    [
        (("kucoin", "BIFI-USDT"), ("binance", "BIFIUSDT")),
        (("htx", "xnousdt"), ("binance", "XNOUSDT")),
    ],
    ids=["BiFi is not Beefy", "HTX's XNO is not Nano"],
)
def test_one_price_that_is_far_off_contradicts(
    code: tuple[str, str], asset: tuple[str, str]
) -> None:
    found = compare([quote(*code)], [quote(*asset)])
    assert (found.verdict, found.is_enough, found.units) == (PriceVerdict.CONTRADICTS, True, None)


@pytest.mark.parametrize("code", ["SHIB", "XEC"])
def test_a_ratio_near_a_power_of_ten_says_how_many_a_code_counts(code: str) -> None:
    found = compare([quote("binance-usdm", f"1000{code}USDT")], [quote("binance", f"{code}USDT")])
    assert (found.verdict, found.units) == (PriceVerdict.RATIO, Decimal(1000))
    assert not found.is_enough
    back = compare([quote("binance", f"{code}USDT")], [quote("binance-usdm", f"1000{code}USDT")])
    assert back.units == Decimal("0.001")


def test_dollars_are_compared_only_by_a_price_that_is_known() -> None:
    code, asset = [quote("bitfinex", "tETHUSD", USD)], [quote("binance", "ETHUSDT")]
    assert compare(code, asset).verdict is PriceVerdict.UNKNOWN
    tether = quote("bitfinex", "tUSTUSD", USD)
    assert compare(code, asset, rates_of([(USDT, tether)])).verdict is PriceVerdict.AGREES
    # The same price the other way round, and one of another time.
    turned = Quote(USDT, 1 / tether.price, AT)
    assert compare(code, asset, rates_of([(USD, turned)])).verdict is PriceVerdict.AGREES
    old = tether._replace(taken_at=AT - dt.timedelta(minutes=11))
    assert compare(code, asset, rates_of([(USDT, old)])).verdict is PriceVerdict.UNKNOWN


def test_terra_classic_is_not_the_new_luna_by_any_dollar() -> None:
    rates = rates_of([(USDT, quote("bitfinex", "tUSTUSD", USD))])
    code, asset = [quote("bitfinex", "tLUNA:USD", USD)], [quote("binance", "LUNAUSDT")]
    assert compare(code, asset, rates).verdict is PriceVerdict.CONTRADICTS
    assert compare(code, [quote("binance", "LUNCUSDT")], rates).verdict is not (
        PriceVerdict.CONTRADICTS
    )


def test_prices_of_other_times_say_nothing() -> None:
    old = quote("binance", "BIFIUSDT", at=AT - dt.timedelta(minutes=10, seconds=1))
    found = compare([quote("kucoin", "BIFI-USDT")], [old])
    assert (found.verdict, found.is_enough) == (PriceVerdict.UNKNOWN, False)


@pytest.mark.parametrize(
    ("price", "verdict"),
    [
        ("101.99", PriceVerdict.AGREES),
        ("102", PriceVerdict.UNKNOWN),
        ("120", PriceVerdict.UNKNOWN),
        ("120.1", PriceVerdict.CONTRADICTS),
        ("83.3", PriceVerdict.CONTRADICTS),
        ("98.1", PriceVerdict.AGREES),
        ("98", PriceVerdict.UNKNOWN),
    ],
)
def test_the_thresholds(price: str, verdict: PriceVerdict) -> None:
    found = compare([Quote(USDT, Decimal(price), AT)], [Quote(USDT, Decimal(100), AT)])
    assert found.verdict is verdict


def test_one_quote_that_agrees_and_one_that_contradicts_say_nothing() -> None:
    code = [Quote(USDT, Decimal(100), AT), Quote(BTC, Decimal(3), AT)]
    asset = [Quote(USDT, Decimal(100), AT), Quote(BTC, Decimal(7), AT)]
    assert compare(code, asset).verdict is PriceVerdict.UNKNOWN


def test_a_stored_price_has_the_quotes_of_its_instant() -> None:
    given = QuotedPrice(
        venue_id="binance", venue_symbol="BTCUSDT", quote_asset_id=USDT, price=Decimal(5)
    )
    stored = AssetPrice(venue_id="binance", asset_id=BTC, taken_at=AT, quotes=(given,))
    assert stored_quotes(stored) == [Quote(USDT, Decimal(5), AT, "binance BTCUSDT")]
    assert stored_quotes(AssetPrice(venue_id="binance", asset_id=BTC)) == []


def quotes_by_base(venue_id: str, separator: str = "") -> dict[str, list[Quote]]:
    """Ticker -> its prices in USDT and BTC."""
    found: dict[str, list[Quote]] = {}
    for spelling, price in prices_of(venue_id).items():
        for asset_id in (USDT, BTC):
            base = spelling.upper().removesuffix(separator + asset_id.upper())
            if price is not None and base != spelling.upper():
                found.setdefault(base, []).append(Quote(asset_id, price, AT))
    return found


@pytest.mark.parametrize(
    ("venue_id", "separator", "others"),
    [
        ("kucoin", "-", {"BIFI", "MC"}),
        # DGB is DigiByte at both: HTX had three trades in a day, at a third above the price.
        ("htx", "", {"DGB", "GTC", "XNO"}),
    ],
)
def test_of_the_tickers_that_two_venues_share_only_those_of_other_coins_contradict(
    venue_id: str, separator: str, others: set[str]
) -> None:
    ours, theirs = quotes_by_base(venue_id, separator), quotes_by_base("binance")
    verdicts = {base: compare(ours[base], theirs[base]) for base in ours.keys() & theirs.keys()}
    found = {b for b, v in verdicts.items() if v.verdict is PriceVerdict.CONTRADICTS}
    assert found == others
    agreeing = sum(v.verdict is PriceVerdict.AGREES for v in verdicts.values())
    assert agreeing > len(verdicts) * 0.88
    assert PriceVerdict.RATIO not in {v.verdict for v in verdicts.values()}


@given(
    st.decimals("1e-12", "1e12", allow_nan=False, places=15).filter(lambda d: d > 0),
    st.integers(-9, 9),
)
def test_a_power_of_ten_is_found_whatever_the_price(price: Decimal, power: int) -> None:
    assert power_of_ten(Decimal(10) ** power * Decimal("1.0199")) == power
    code, asset = Quote(USDT, price.scaleb(power), AT), Quote(USDT, price, AT)
    found = compare([code], [asset])
    if power:
        assert found.units == Decimal(1).scaleb(power)
    else:
        assert found.verdict is PriceVerdict.AGREES
