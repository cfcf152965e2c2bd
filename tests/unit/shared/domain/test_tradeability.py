"""What a spelling means at an instant, and whether it may be traded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import resolution
from cqar_shared.codec import entity_codec
from cqar_shared.domain import tradeability, verdicts
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds import venue_symbol
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG, FlagSeverity
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import (
    TERMS,
    VENUE_SYMBOL,
    ListingTickBand,
    MarketStatusCode,
)
from cqar_shared.errors import EntityNotFound
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import (
    BTC,
    NOW,
    USDT,
    a_flag,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import Held, completed

DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)
STALE = pb.Reason(code="STALE_SNAPSHOT")
OPENING = ("open", "post_only")


def instant(at: dt.datetime = NOW) -> Instant:
    return Instant.of(at)


def listing(name: str = "one", /, **changes: Any) -> Any:
    given = {"listing_id": an_id(name), "status": MarketStatusCode.ONLINE, **changes}
    return entity_codec.to_message(VENUE_SYMBOL, a_venue_symbol(**given))


# ---------------------------------------------------------------- periods


def test_the_period_that_covers_the_instant_is_what_a_spelling_means() -> None:
    old = listing("old", listed_at=NOW - 2 * DAY, delisted_at=NOW - DAY)
    current = listing("current", listed_at=NOW - DAY, delisted_at=NOW + DAY)
    coming = listing("coming", listed_at=NOW + DAY)
    for order in ([old, current, coming], [coming, current, old]):
        assert tradeability.current_listing(order, instant()) == current
        assert tradeability.current_listing(order, instant(NOW - DAY - TICK)) == old
        assert tradeability.current_listing(order, instant(NOW + DAY)) == coming


def test_without_one_it_is_the_last_that_ended_and_only_then_one_to_come() -> None:
    older = listing("older", listed_at=NOW - 9 * DAY, delisted_at=NOW - 5 * DAY)
    old = listing("old", listed_at=NOW - 4 * DAY, delisted_at=NOW - DAY)
    coming = listing("coming", listed_at=NOW + DAY)
    for order in ([older, old, coming], [coming, old, older]):
        assert tradeability.current_listing(order, instant()) == old
    assert tradeability.current_listing([coming], instant()) == coming
    assert tradeability.current_listing([], instant()) is None


def test_of_periods_that_are_all_to_come_the_first_is_meant() -> None:
    soon = listing("soon", listed_at=NOW + DAY, delisted_at=NOW + 2 * DAY)
    later = listing("later", listed_at=NOW + 2 * DAY)
    for order in ([soon, later], [later, soon]):
        assert tradeability.current_listing(order, instant()) == soon


def test_a_period_includes_its_beginning_and_not_its_end() -> None:
    one = listing(listed_at=NOW, delisted_at=NOW + DAY)
    assert not tradeability.listed_at(one, instant(NOW - TICK))
    assert tradeability.listed_at(one, instant(NOW))
    assert tradeability.listed_at(one, instant(NOW + DAY - TICK))
    assert not tradeability.listed_at(one, instant(NOW + DAY))
    assert tradeability.listed_at(listing(listed_at=None), instant(NOW - 9999 * DAY))


# ---------------------------------------------------------------- verdicts


def verdict(
    now: dt.datetime = NOW, stale: pb.Reason | None = None, flags: Any = (), **given: Any
) -> pb.Tradeable:
    message: Any = entity_codec.to_message
    market = given.get("market", listing())
    symbol = message(SYMBOL, completed(given.get("symbol", a_symbol()), Held()))
    venue = message(VENUE, given.get("venue", a_venue()))
    held = [message(VENUE_ASSET, v) for v in given.get("held", [a_venue_asset()])]
    own = tradeability.specs_of(market, symbol)
    asked = given.get("asked")
    return verdicts.verdict(market, symbol, venue, own, held, instant(now), stale, flags, asked)


def codes(found: pb.Tradeable) -> dict[str, list[str]]:
    names = ("open", "post_only", "reduce", "cancel")
    permissions = {name: getattr(found, name) for name in names}
    assert all(p.allowed == (not p.reasons) for p in permissions.values())
    assert found.allowed == found.open.allowed
    return {name: [r.code for r in p.reasons] for name, p in permissions.items()}


def denied(reasons: dict[str, str]) -> dict[str, list[str]]:
    """What `codes` gives where these permissions are denied for these codes, and no others."""
    names = (*OPENING, "reduce", "cancel")
    return {name: reasons.get(name, "").split() for name in names}


def test_a_market_without_a_fault_may_be_traded() -> None:
    assert codes(verdict()) == denied({})
    assert not verdict(held=[]).open.reasons


@pytest.mark.parametrize(
    ("status", "denied"),
    [
        (MarketStatusCode.ONLINE, ()),
        (MarketStatusCode.POST_ONLY, ("open",)),
        (MarketStatusCode.REDUCE_ONLY, ("open", "post_only")),
        (MarketStatusCode.CANCEL_ONLY, ("open", "post_only", "reduce")),
        (MarketStatusCode.HALTED, ("open", "post_only", "reduce")),
        (MarketStatusCode.PREOPEN, ("open", "post_only", "reduce")),
        (MarketStatusCode.DELISTED, ("open", "post_only", "reduce", "cancel")),
        (MarketStatusCode.AUCTION, ("open", "post_only", "reduce")),
        (MarketStatusCode.PRE_MARKET, ()),
        (MarketStatusCode.SETTLING, ("open", "post_only", "reduce")),
        (MarketStatusCode.SELL_ONLY, ("open", "post_only")),
    ],
)
def test_the_venues_status_denies(status: MarketStatusCode, denied: tuple[str, ...]) -> None:
    found = codes(verdict(market=listing(status=status)))
    for name, reasons in found.items():
        assert reasons == ([f"LISTING_{status.name}"] if name in denied else []), name


def test_the_table_has_every_status_and_one_of_a_later_release_may_only_be_left() -> None:
    assert set(tradeability.STATUS_TABLE) == set(MarketStatusCode)
    market = listing()
    market.status = 99
    found = codes(verdict(market=market))
    assert found == denied(dict.fromkeys((*OPENING, "reduce"), "LISTING_STATUS_UNKNOWN"))
    assert {MarketStatusCode(n) for n in tradeability.ACTIVE} == venue_symbol.ACTIVE


def test_an_inactive_venue_denies_all_but_a_cancel() -> None:
    found = codes(verdict(venue=a_venue(is_active=False)))
    assert found == denied(dict.fromkeys((*OPENING, "reduce"), "VENUE_INACTIVE"))


@pytest.mark.parametrize("changes", [{"is_active": False}, {"delisted_at": NOW}])
def test_a_delisted_symbol_denies_all_but_a_cancel(changes: dict[str, Any]) -> None:
    found = codes(verdict(symbol=a_symbol(**changes)))
    assert found == denied(dict.fromkeys((*OPENING, "reduce"), "SYMBOL_DELISTED"))


def test_what_is_not_listed_yet_may_not_be_traded() -> None:
    found = verdict(market=listing(listed_at=NOW + DAY))
    assert codes(found)["open"] == ["LISTING_NOT_YET_LISTED"]


@pytest.mark.parametrize(
    "terms",
    [
        {"tick_size": None},
        {"lot_size": None},
        {"lot_size": None, "price_significant_digits": 5},
    ],
)
def test_a_market_without_steps_may_be_left_and_not_entered(terms: dict[str, Any]) -> None:
    found = codes(verdict(market=listing(**terms)))
    assert found == denied(dict.fromkeys(OPENING, "STEPS_UNKNOWN"))


def test_steps_of_the_symbol_or_of_bands_are_steps() -> None:
    bands = (ListingTickBand(from_price=Decimal(0), tick_size=Decimal(1)),)
    for terms in ({"tick_bands": bands}, {"price_significant_digits": 5}):
        assert verdict(market=listing(**{"tick_size": None, **terms})).allowed
    with_steps = a_symbol(tick_size=Decimal("0.5"), lot_size=Decimal("0.1"))
    assert verdict(market=listing(tick_size=None), symbol=with_steps).allowed


def test_a_critical_flag_denies_opening_and_nothing_else_until_it_is_resolved() -> None:
    def flag(**changes: Any) -> Any:
        return entity_codec.to_message(QUALITY_FLAG, a_flag(**changes))

    found = verdict(flags=[("QUOTE", flag())])
    assert [(r.code, r.key) for r in found.open.reasons] == [("FLAG_CRITICAL_QUOTE", an_id("flag"))]
    assert (found.allowed, found.post_only.allowed) == (False, False)
    assert (found.reduce.allowed, found.cancel.allowed) == (True, True)
    assert verdict(flags=[("BASE", flag(severity=FlagSeverity.HIGH))]).allowed
    assert verdict(flags=[("BASE", flag(resolved_at=NOW, resolved_by="me"))]).allowed


def test_a_disabled_asset_and_staleness_deny_only_opening() -> None:
    held = [a_venue_asset(), a_venue_asset(asset_id=USDT, trading_enabled=False)]
    found = verdict(held=held, stale=STALE)
    both = "VENUE_ASSET_TRADING_DISABLED STALE_SNAPSHOT"
    assert codes(found) == denied(dict.fromkeys(OPENING, both))
    assert found.open.reasons[0].key == f"binance/{USDT}"


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = verdict(
        market=listing(status=MarketStatusCode.HALTED, tick_size=None),
        venue=a_venue(is_active=False),
        symbol=a_symbol(is_active=False),
        stale=STALE,
    )
    assert set(codes(found)["open"]) == {
        *("VENUE_INACTIVE", "SYMBOL_DELISTED", "LISTING_HALTED"),
        *("STEPS_UNKNOWN", "STALE_SNAPSHOT"),
    }
    assert not found.cancel.reasons


def test_a_symbol_expires_at_its_instant_and_not_before() -> None:
    future = a_symbol(symbol_type=SymbolTypeCode.FUTURE, settlement_asset_id=USDT, expiry=NOW)
    assert verdict(NOW - TICK, symbol=future).allowed
    for now in (NOW, NOW + DAY):
        found = codes(verdict(now, symbol=future))
        assert found == denied(dict.fromkeys((*OPENING, "reduce"), "SYMBOL_EXPIRED"))


# ---------------------------------------------------------------- whole answers

MARKET = (an_asset(), an_asset("USDT"), a_venue(), completed(a_symbol()), a_venue_asset())
PRIMARY = a_venue_symbol(listing_id=an_id("primary"), status=MarketStatusCode.REDUCE_ONLY)
ALIAS = a_venue_symbol(
    **{
        **dict.fromkeys(TERMS),
        "listing_id": an_id("alias"),
        "venue_symbol": "XBT",
        "alias_of": "BTCUSDT",
    },
    status=MarketStatusCode.ONLINE,
)


def resolve(*entities: Any, spelling: str = "BTCUSDT", venue: str = "binance") -> pb.Resolution:
    snapshot = hydrated(encoded(*entities))
    return resolution.resolve(QueryContext(snapshot), venue, spelling, instant())


def test_an_alias_has_the_steps_and_the_status_of_its_primary() -> None:
    found = resolve(*MARKET, PRIMARY, ALIAS, spelling="XBT")
    assert found.venue_symbol.listing_id == an_id("alias")
    assert (found.specs.tick_size, found.specs.source) == ("0.01", pb.SPECS_SOURCE_VENUE)
    assert codes(found.tradeable)["open"] == ["LISTING_REDUCE_ONLY"]
    assert found.symbol == resolve(*MARKET, PRIMARY).symbol


def test_a_resolution_has_the_assets_and_says_when_a_spelling_has_ended() -> None:
    found = resolve(*MARKET, PRIMARY)
    assert found.status == pb.RESOLUTION_STATUS_FOUND
    assert (found.base_asset.asset_id, found.quote_asset.asset_id) == (BTC, USDT)
    assert found.settlement_asset.asset_id == USDT
    gone = a_venue_symbol(
        listing_id=an_id("gone"), status=MarketStatusCode.DELISTED, delisted_at=NOW
    )
    assert resolve(*MARKET, gone).status == pb.RESOLUTION_STATUS_DELISTED


def test_a_miss_names_the_venue_or_the_spelling() -> None:
    with pytest.raises(EntityNotFound, match="no venue 'nope'") as venue:
        resolve(*MARKET, PRIMARY, venue="nope")
    assert venue.value.reason == "VENUE_NOT_FOUND"
    for spelling in ("btcusdt", "BTCUSD", "BTCUSDT "):
        with pytest.raises(EntityNotFound, match=r"no venue symbol .* at binance") as caught:
            resolve(*MARKET, PRIMARY, spelling=spelling)
        assert caught.value.reason == "VENUE_SYMBOL_NOT_FOUND"


def test_an_operators_row_stands_in_where_the_venue_has_none_of_its_own() -> None:
    usdm = a_venue("binance-usdm", operator="binance")
    market = a_venue_symbol(
        listing_id=an_id("x"), venue_id="binance-usdm", status=MarketStatusCode.ONLINE
    )
    shut = a_venue_asset(trading_enabled=False)
    rest = (*MARKET[:-1], usdm, market)
    assert not resolve(*rest, shut, venue="binance-usdm").tradeable.allowed
    own = a_venue_asset(venue_id="binance-usdm")
    assert resolve(*rest, shut, own, venue="binance-usdm").tradeable.allowed


# ---------------------------------------------------------------- aliases that outlive


def alias_and(primary: Any, **changes: Any) -> tuple[Any, Any]:
    """An alias of P as it is told now, and the terms it has, beside this P."""
    alias = listing(venue_symbol="A", alias_of="P", tick_size=None, lot_size=None, **changes)
    terms = tradeability.terms_for(alias, [primary], instant(NOW))
    return tradeability.effective_listing(alias, terms, instant(NOW)), terms


def test_an_alias_never_has_the_steps_of_another_symbol() -> None:
    told, terms = alias_and(listing(venue_symbol="P", symbol_id=an_id("another")))
    assert not terms.exact.tick_size
    assert not told.is_active
    found = verdict(market=terms)
    assert not found.allowed


def test_an_alias_has_its_primarys_status() -> None:
    told, terms = alias_and(listing(venue_symbol="P", status=MarketStatusCode.HALTED))
    assert (told.status, told.is_active) == (MarketStatusCode.HALTED, False)
    assert terms.exact.tick_size


def test_an_ended_alias_is_not_tradeable_though_its_primary_is() -> None:
    told, terms = alias_and(
        listing(venue_symbol="P"), listed_at=NOW - 2 * DAY, delisted_at=NOW - DAY
    )
    assert told.status == MarketStatusCode.DELISTED
    found = verdict(market=terms, asked=told)
    assert codes(found)["open"] == ["LISTING_DELISTED"]
    assert not found.cancel.allowed


def test_a_delisted_asset_of_the_venue_denies_opening() -> None:
    gone = a_venue_asset(delisted_at=NOW, trading_enabled=True)
    assert codes(verdict(held=[gone]))["open"] == ["VENUE_ASSET_DELISTED"]


def test_an_asset_that_the_venue_has_only_later_denies_opening_until_then() -> None:
    later = a_venue_asset(listed_at=NOW + DAY, trading_enabled=True)
    assert codes(verdict(held=[later]))["open"] == ["VENUE_ASSET_NOT_YET_LISTED"]
    assert verdict(NOW + DAY, held=[later]).allowed


def test_a_symbol_trades_until_the_end_that_it_states() -> None:
    ending = a_symbol(delisted_at=NOW + DAY)
    assert verdict(symbol=ending).allowed
    assert codes(verdict(NOW + DAY, symbol=ending))["open"] == ["SYMBOL_DELISTED"]
