"""Terms that hold for the resolvers of a group, between two instants, and for nobody else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.cache.resolution_cache import ResolutionCache
from cqar_resolver.queries import resolution
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol
from cqar_shared.domain.listing_canaries import CANARY_FOR_MAX, CanaryTerm
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.memory_registry_view import Held, changed, completed

MINUTE = dt.timedelta(minutes=1)
ASSETS = (an_asset(), an_asset("USDT"))
MARKET = (*ASSETS, completed(a_symbol(), Held(*ASSETS)), a_venue())
TERMS: dict[str, Any] = {
    "listing_id": an_id("listing"),
    "status": MarketStatusCode.ONLINE,
    "tick_size": Decimal("0.1"),
    "lot_size": Decimal("0.001"),
}


def a_canary(**changes: Any) -> CanaryTerm:
    given = {
        "canary_group": "desk",
        "effective_at": NOW,
        "ends_at": NOW + 10 * MINUTE,
        "field": "tick_size",
        "value": "0.5",
    }
    return CanaryTerm(**{**given, **changes})


def resolved(group: str, at: dt.datetime, *canaries: CanaryTerm, **options: Any) -> pb.Resolution:
    reader = hydrated(encoded(*MARKET, a_venue_symbol(**TERMS, canaries=canaries)))
    context = QueryContext(reader, canary_group=group)
    return resolution.resolve(context, "binance", "BTCUSDT", Instant.of(at), **options)


@pytest.mark.parametrize(
    ("group", "minutes", "tick"),
    [
        ("desk", -1, "0.1"),
        ("desk", 0, "0.5"),
        ("desk", 9, "0.5"),
        ("desk", 10, "0.1"),
        ("", 5, "0.1"),
        ("other", 5, "0.1"),
    ],
)
def test_it_holds_for_its_group_and_its_time_only(group: str, minutes: int, tick: str) -> None:
    found = resolved(group, NOW + minutes * MINUTE, a_canary())
    assert found.specs.tick_size == found.venue_symbol.exact.tick_size == tick
    assert found.canary_group == ("desk" if tick == "0.5" else "")


def test_a_status_of_a_canary_decides_the_verdict_and_when_it_turns() -> None:
    halted = a_canary(field="status", value="HALTED")
    found = resolved("desk", NOW, halted)
    assert [r.code for r in found.tradeable.open.reasons] == ["LISTING_HALTED"]
    assert found.tradeable.until.ToDatetime(dt.UTC) == NOW + 10 * MINUTE
    before = resolved("desk", NOW - MINUTE, halted)
    assert before.tradeable.allowed
    assert before.tradeable.until.ToDatetime(dt.UTC) == NOW
    other = resolved("other", NOW, halted)
    assert other.tradeable.allowed
    assert not other.tradeable.HasField("until")


def test_another_time_is_told_without_canaries() -> None:
    later = resolved("desk", NOW - MINUTE, a_canary(), as_of=NOW + MINUTE)
    assert (later.specs.tick_size, later.canary_group) == ("0.1", "")


@given(st.lists(st.integers(-3, 13), min_size=1, max_size=8), st.sampled_from(("", "desk", "x")))
def test_an_answer_that_is_kept_turns_when_the_canary_does(minutes: list[int], group: str) -> None:
    memory = hydrated(encoded(*MARKET, a_venue_symbol(**TERMS, canaries=(a_canary(),))))
    kept = ResolutionCache(group)
    key = pb.VenueSymbolKey(venue_id="binance", venue_symbol="BTCUSDT").SerializeToString()
    for minute in minutes:
        at = NOW + minute * MINUTE
        answer = kept.answer(key, memory, None, Instant.of(at).ns)
        found = pb.ResolveResponse.FromString(answer.encoded).resolution
        assert found == resolved(group, at, a_canary())


@pytest.mark.parametrize(
    ("canaries", "field"),
    [
        ((a_canary(),), ""),
        ((a_canary(canary_group="No Slug"),), "canaries[0].canary_group"),
        ((a_canary(ends_at=None),), "canaries[0].ends_at"),
        ((a_canary(ends_at=NOW),), "canaries[0].ends_at"),
        ((a_canary(ends_at=NOW + CANARY_FOR_MAX + MINUTE),), "canaries[0].ends_at"),
        ((a_canary(effective_at=None),), "canaries[0].effective_at"),
        ((a_canary(field="symbol_id"),), "canaries[0].field"),
        ((a_canary(field="status", value="DELISTED"),), "canaries[0].value"),
        ((a_canary(value="1e400"),), "canaries[0].value"),
        ((a_canary(value="-1"),), "canaries"),
        ((a_canary(), a_canary(value="2")), "canaries"),
        ((a_canary(),) * 33, "canaries"),
    ],
)
def test_what_a_canary_cannot_be_is_refused(canaries: tuple[CanaryTerm, ...], field: str) -> None:
    listing = a_venue_symbol(**TERMS, symbol_id=a_symbol().symbol_id, canaries=canaries)
    found = [v.field for v in VENUE_SYMBOL.check(None, listing, Held(*MARKET))]
    assert found == ([field] if field else [])


def test_a_canary_is_no_term_of_the_listing() -> None:
    before = a_venue_symbol(**TERMS, terms_since=NOW)
    given = changed(before, canaries=(a_canary(),))
    after = VENUE_SYMBOL.complete(before, given, Held(*MARKET, before, now=NOW + MINUTE))
    assert (after.terms_since, after.tick_size) == (NOW, Decimal("0.1"))
    assert after.canaries == (a_canary(),)


def after_a_change(before: VenueSymbol, canaries: tuple[CanaryTerm, ...], **terms: Any) -> Any:
    given = changed(before, canaries=canaries, **terms)
    registry = Held(*MARKET, before, now=NOW + 20 * MINUTE)
    after = VENUE_SYMBOL.complete(before, given, registry)
    assert list(VENUE_SYMBOL.check(before, after, registry)) == []
    return after


def test_a_lapsed_canary_goes_with_the_next_change_and_refuses_none() -> None:
    lapsed = a_canary(field="max_order_size", value="5")
    before = a_venue_symbol(**TERMS, symbol_id=a_symbol().symbol_id, canaries=(lapsed,))
    after = after_a_change(before, (lapsed,), min_order_size=Decimal(10))
    assert (after.canaries, after.min_order_size) == (None, Decimal(10))


def test_a_canary_that_no_longer_fits_goes_and_another_group_keeps_its_own() -> None:
    until = NOW + 60 * MINUTE
    unfit = a_canary(field="max_order_size", value="5", ends_at=until)
    fits = a_canary(canary_group="other", ends_at=until)
    before = a_venue_symbol(**TERMS, symbol_id=a_symbol().symbol_id, canaries=(unfit, fits))
    after = after_a_change(before, (unfit, fits), min_order_size=Decimal(10))
    assert after.canaries == (fits,)


def test_a_new_canary_that_does_not_fit_is_refused() -> None:
    unfit = a_canary(field="max_order_size", value="5", ends_at=NOW + 60 * MINUTE)
    symbol_id = a_symbol().symbol_id
    before = a_venue_symbol(**TERMS, symbol_id=symbol_id, min_order_size=Decimal(10))
    registry = Held(*MARKET, before)
    after = VENUE_SYMBOL.complete(before, changed(before, canaries=(unfit,)), registry)
    assert [v.field for v in VENUE_SYMBOL.check(before, after, registry)] == ["canaries"]
