"""Codes that come back, or never left: when they mean another coin, and what is asked then."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from cqar.importer.market import Code
from cqar.importer.plan import Plan
from cqar_shared.domain.kinds.asset import FormerName
from cqar_shared.domain.kinds.asset_price import AssetPrice, QuotedPrice
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from tests.support.entity_builders import NOW, a_venue, an_asset
from tests.support.memory_registry_view import KIND_OF
from tests.unit.cqar.importer.test_asset_identity import base_of
from tests.unit.cqar.importer.test_plan import Registry, a_major, a_market, coin

DAY = dt.timedelta(days=1)
UNDECIDED = ("MEANING_UNDECIDED",)
FUTURES = a_venue("binance-usdm", operator="binance")


def periods(registry: Registry, spelling: str) -> list[Any]:
    """A spelling's listings, the oldest first."""
    found = [e for k, e in registry.entities.values() if k.name == "venue_symbol"]
    return sorted((v for v in found if v.venue_symbol == spelling), key=lambda v: v.first_seen_at)


def base(registry: Registry, listing: Any) -> Any:
    symbol = registry.entities["symbol", listing.symbol_id][1]
    return registry.entities["asset", symbol.base_asset_id][1]


def left_and_came_back(**changes: Any) -> tuple[Registry, Plan]:
    """LITUSDT ended after the second look, and stands in the answer of the tenth day again."""
    registry = Registry()
    registry.imported(a_market(), coin("LIT"), coin("SOL"), at=NOW - 9 * DAY)
    for at in (NOW - 8 * DAY, NOW - 7 * DAY):
        registry.imported(a_market(), coin("SOL"), at=at)
    plan = registry.imported(a_market(), coin("SOL"), coin("LIT", **changes))
    return registry, plan


def test_a_spelling_that_came_back_is_another_coin_until_somebody_says_which() -> None:
    registry, plan = left_and_came_back(listed_at=NOW - DAY)
    old, new = periods(registry, "LITUSDT")
    assert base(registry, old).asset_id != base(registry, new).asset_id
    assert (new.doubts, new.listed_at) == (UNDECIDED, NOW - DAY)
    (finding,) = plan.findings
    assert (finding.kind, finding.venue_symbol) == ("REUSE", "LITUSDT")
    assert (finding.listing_id, finding.code) == (new.listing_id, "LIT")
    assert finding.asset_id == base(registry, new).asset_id
    # The code is the new asset's from then on, and was the old one's until then.
    codes = {e.asset_id: e for k, e in registry.entities.values() if k is VENUE_ASSET}
    assert codes[base(registry, old).asset_id].delisted_at == NOW - DAY
    assert codes[base(registry, new).asset_id].listed_at == NOW - DAY
    again = registry.plan(a_market(), coin("SOL"), coin("LIT", listed_at=NOW - DAY), at=NOW + DAY)
    assert (again.findings, again.rejected, again.new_assets) == ([], [], [])
    assert [o.kind.name for o in again.changes] == ["venue"]


def test_a_listing_that_begins_later_with_an_undecided_code_is_not_decided_either() -> None:
    registry, _ = left_and_came_back(listed_at=NOW - DAY)
    markets = (a_market(), coin("SOL"), coin("LIT", listed_at=NOW - DAY))
    pair = a_market("LITBTC", base=Code("LIT"), quote=Code("BTC"))
    registry.imported(*markets, pair, at=NOW + DAY)
    assert registry.listing("LITBTC").doubts == UNDECIDED


def test_a_listing_that_the_venue_says_is_the_one_of_before_is_no_reuse() -> None:
    listed = NOW - 30 * DAY
    registry = Registry()
    registry.imported(a_market(), coin("LIT", listed_at=listed), coin("SOL"), at=NOW - 9 * DAY)
    for at in (NOW - 8 * DAY, NOW - 7 * DAY):
        registry.imported(a_market(), coin("SOL"), at=at)
    plan = registry.imported(a_market(), coin("SOL"), coin("LIT", listed_at=listed))
    first, second = periods(registry, "LITUSDT")
    assert (plan.findings, second.doubts) == ([], None)
    assert base(registry, first) == base(registry, second)


def test_a_code_that_another_listing_used_all_the_while_means_the_same_coin() -> None:
    pair = a_market("LITBTC", base=Code("LIT"), quote=Code("BTC"))
    registry = Registry()
    registry.imported(a_market(), coin("LIT"), pair, at=NOW - 9 * DAY)
    for at in (NOW - 8 * DAY, NOW - 7 * DAY):
        registry.imported(a_market(), pair, at=at)
    plan = registry.imported(a_market(), pair, coin("LIT", listed_at=NOW - DAY))
    old, new = periods(registry, "LITUSDT")
    assert (plan.findings, new.doubts) == ([], None)
    assert base(registry, old) == base(registry, new)


def test_another_product_line_of_the_operator_says_so_too() -> None:
    """CVCUSDT: the perpetual was settled and listed anew, the spot pair traded all the while."""
    perpetual: dict[str, Any] = {
        "symbol_type": SymbolTypeCode.PERPETUAL,
        "settlement": Code("USDT"),
    }
    registry = Registry(FUTURES)
    futures: dict[str, Any] = {"venue": "binance-usdm"}
    major = a_market(**perpetual)
    for line, markets in (("binance", [coin("CVC")]), ("binance-usdm", [coin("CVC", **perpetual)])):
        registry.imported(a_market(), *markets, at=NOW - 9 * DAY, venue=line)
    for at in (NOW - 8 * DAY, NOW - 7 * DAY):
        registry.imported(major, at=at, **futures)
    back = coin("CVC", listed_at=NOW - DAY, **perpetual)
    plan = registry.imported(major, back, **futures)
    assert plan.findings == []
    (spot, *_) = periods(registry, "CVCUSDT")
    assert base(registry, registry.listing("CVCUSDT")) == base(registry, spot)


PERPETUAL: dict[str, Any] = {
    "symbol_type": SymbolTypeCode.PERPETUAL,
    "settlement": Code("USDT"),
}


def a_late_spot_pair(*entities: Any) -> Registry:
    """CVCUSDT: the perpetual ended, the spot pair was first read after that, and trades."""
    registry = Registry(FUTURES, *entities)
    major, futures = a_market(**PERPETUAL), "binance-usdm"
    registry.imported(major, coin("CVC", **PERPETUAL), at=NOW - 9 * DAY, venue=futures)
    for at in (NOW - 8 * DAY, NOW - 7 * DAY):
        registry.imported(major, at=at, venue=futures)
    registry.imported(a_market(), coin("CVC"), at=NOW - DAY / 2)
    return registry


def test_a_listing_that_never_left_keeps_what_it_is_while_another_lines_return_is_undecided() -> (
    None
):
    registry = a_late_spot_pair()
    back = coin("CVC", listed_at=NOW - DAY, **PERPETUAL)
    plan = registry.imported(a_market(**PERPETUAL), back, venue="binance-usdm")
    assert [f.kind for f in plan.findings] == ["REUSE"]
    (spot,) = (v for v in periods(registry, "CVCUSDT") if v.venue_id == "binance")
    fee = Decimal("0.002")
    plan = registry.imported(a_market(), coin("CVC", maker_fee=fee), at=NOW + DAY)
    assert plan.rejected == []
    (after,) = (v for v in periods(registry, "CVCUSDT") if v.venue_id == "binance")
    assert (after.symbol_id, after.maker_fee) == (spot.symbol_id, fee)
    # What begins now with the code is not decided either.
    pair = a_market("CVCBTC", base=Code("CVC"), quote=Code("BTC"))
    registry.imported(a_market(), coin("CVC", maker_fee=fee), pair, at=NOW + 2 * DAY)
    assert registry.listing("CVCBTC").doubts == UNDECIDED


def test_a_return_before_the_code_was_decided_by_new_evidence_is_no_question() -> None:
    """The perpetual came back before the spot pair was ever read: its evidence is of later."""
    registry = Registry(FUTURES, a_major("CVC"))
    major, futures = a_market(**PERPETUAL), "binance-usdm"
    ended = coin("CVC", status=MarketStatusCode.DELISTED, listed_at=NOW - 900 * DAY, **PERPETUAL)
    registry.imported(a_market(), coin("CVC"), at=NOW - DAY)
    registry.imported(major, ended, at=NOW - DAY, venue=futures)
    back = coin("CVC", listed_at=NOW - 100 * DAY, **PERPETUAL)
    plan = registry.imported(major, back, venue=futures)
    assert plan.findings == []
    assert registry.listing("CVCUSDT").doubts is None


def test_a_name_says_that_a_coin_came_back_and_another_name_that_it_is_another() -> None:
    for name, is_same in (("Litentry", True), ("Lighter", False)):
        registry = Registry()
        named = a_market("LITUSDT", base=Code("LIT", "LIT", "Litentry"))
        registry.imported(a_market(), named, coin("SOL"), at=NOW - 9 * DAY)
        for at in (NOW - 8 * DAY, NOW - 7 * DAY):
            registry.imported(a_market(), coin("SOL"), at=at)
        back = a_market("LITUSDT", base=Code("LIT", "LIT", name), listed_at=NOW - DAY)
        plan = registry.imported(a_market(), coin("SOL"), back)
        old, new = periods(registry, "LITUSDT")
        assert (base(registry, old) == base(registry, new)) is is_same, name
        assert [f.kind for f in plan.findings] == ([] if is_same else ["REUSE"]), name


def test_a_code_that_gets_another_name_is_another_coin_though_it_never_left() -> None:
    registry = Registry()
    registry.imported(a_market(), a_market("STRKUSDT", base=Code("STRK", "STRK", "Strike")))
    renamed = a_market("STRKUSDT", base=Code("STRK", "STRK", "Strike Finance"))
    plan = registry.imported(a_market(), renamed, at=NOW + DAY)
    assert (plan.findings, len(periods(registry, "STRKUSDT"))) == ([], 1)
    starknet = a_market("STRKUSDT", base=Code("STRK", "STRK", "Starknet"))
    plan = registry.imported(a_market(), starknet, at=NOW + 2 * DAY)
    assert [f.kind for f in plan.findings] == ["REUSE"]
    old, new = periods(registry, "STRKUSDT")
    assert (old.delisted_at, new.listed_at, new.doubts) == (NOW + 2 * DAY,) * 2 + (UNDECIDED,)
    assert base(registry, new).name == "Starknet"


def luna(status: MarketStatusCode = MarketStatusCode.ONLINE) -> Any:
    return coin("LUNA", status=status)


def test_a_ticker_that_went_to_another_coin_meanwhile_is_another_coin() -> None:
    until = NOW + DAY / 2
    classic = an_asset(
        "LUNC", name="Terra Classic", former_names=(FormerName(symbol="LUNA", until=until),)
    )
    terra = an_asset("LUNA", name="Terra")
    registry = Registry(classic, terra)
    registry.imported(a_market(), luna())
    plan = registry.imported(a_market(), luna(MarketStatusCode.HALTED), at=NOW + DAY)
    # What rests stays what it was: it is another coin's when it trades again.
    assert (plan.findings, len(periods(registry, "LUNAUSDT"))) == ([], 1)
    other = Registry(classic, terra)
    other.imported(a_market(), luna())
    plan = other.imported(a_market(), luna(), at=NOW + DAY)
    assert [f.kind for f in plan.findings] == ["REUSE"]
    candidates = {e.asset_id for e in plan.findings[0].evidence or ()}
    assert {classic.asset_id, terra.asset_id} < candidates


def test_a_price_after_a_halt_that_is_none_of_the_coins_is_another_coins() -> None:
    for price, kinds in ((Decimal("9.15"), ["REUSE"]), (Decimal("0.00006"), [])):
        registry = Registry()
        registry.imported(a_market(), luna())
        registry.imported(a_market(), luna(MarketStatusCode.HALTED), at=NOW + DAY)
        coin_of_it = base_of(registry, "binance", "LUNAUSDT")
        quote = QuotedPrice(
            venue_id="binance",
            venue_symbol="LUNAUSDT",
            quote_asset_id=an_asset("USDT").asset_id,
            price=Decimal("0.00005"),
        )
        stored = AssetPrice(
            venue_id="binance",
            asset_id=coin_of_it.asset_id,
            taken_at=NOW + DAY,
            quotes=(quote,),
        )
        registry.entities["asset_price", f"binance/{coin_of_it.asset_id}"] = (
            KIND_OF[type(stored)],
            stored,
        )
        prices = {"LUNAUSDT": price}
        plan = registry.imported(a_market(), luna(), at=NOW + 18 * DAY, prices=prices)
        assert [f.kind for f in plan.findings] == kinds, price


def test_an_older_answer_that_is_read_later_gives_the_code_its_coin_of_then() -> None:
    """The same history, whichever answer is read first: two listings, two coins."""
    registry = Registry()
    listed = NOW - DAY
    registry.imported(a_market(), coin("SOL"), coin("LIT", listed_at=listed))
    now = base_of(registry, "binance", "LITUSDT")
    older = (a_market(), coin("SOL"), coin("LIT"))
    for _ in range(2):
        plan = registry.plan(*older, at=NOW - 9 * DAY, as_of=NOW - 9 * DAY)
        assert (plan.rejected, plan.findings) == ([], [])
        for outcome in (*plan.changes, *plan.past):
            registry.entities[outcome.kind.name, outcome.key] = (outcome.kind, outcome.after)
    old, new = sorted(
        (e for k, e in registry.entities.values() if k.name == "venue_symbol"),
        key=lambda v: (v.venue_symbol != "LITUSDT", v.first_seen_at),
    )[:2]
    assert (new.listed_at, base(registry, new)) == (listed, now)
    assert base(registry, old).asset_id != now.asset_id
    assert base(registry, old).symbol == "LIT"
