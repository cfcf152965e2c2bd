"""A ticker is no evidence: which asset a code becomes at one operator and at the next."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from cqar.catalogue import read_table
from cqar.importer.answer_reader import read_answers
from cqar.importer.market import Code
from cqar.importer.multipliers import Multiplier
from cqar.importer.plan import Plan
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.readers.listing_files import VENUES
from tests.support.entity_builders import NOW, a_venue, an_asset, an_id
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import Registry, a_market, coin

DAY = dt.timedelta(days=1)
GATE = a_venue("gate", operator="gate")
CAT = {"1000CAT": Multiplier("CAT", Decimal(1000))}


def bound(plan: Plan) -> list[tuple[str, str]]:
    return [(binding.code, binding.asset_id) for binding in plan.bindings]


def base_of(registry: Registry, venue: str, spelling: str) -> Any:
    (symbol_id,) = (
        entity.symbol_id
        for kind, entity in registry.entities.values()
        if kind is VENUE_SYMBOL and (entity.venue_id, entity.venue_symbol) == (venue, spelling)
    )
    symbol = registry.entities[SYMBOL.name, symbol_id][1]
    return registry.entities[ASSET.name, symbol.base_asset_id][1]


def codes(registry: Registry) -> set[tuple[str, str]]:
    found = (entity for kind, entity in registry.entities.values() if kind is VENUE_ASSET)
    return {(held.venue_id, held.venue_asset_symbol) for held in found}


def test_two_operators_that_use_one_ticker_get_two_assets_until_a_person_says_they_are_one() -> (
    None
):
    registry = Registry(GATE)
    registry.imported(a_market(), coin("LIT"))
    plan = registry.imported(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate")
    assert [o.after.symbol for o in plan.new_assets] == ["LIT"]  # type: ignore[union-attr]
    lighter, litentry = (
        base_of(registry, venue, spelling)
        for venue, spelling in (("binance", "LITUSDT"), ("gate", "LIT_USDT"))
    )
    assert lighter.asset_id != litentry.asset_id
    assert lighter.unverified
    assert litentry.unverified
    for venue, spelling in (("binance", "LITUSDT"), ("gate", "LIT_USDT")):
        bitcoin = a_market(spelling.replace("LIT", "BTC"))
        again = registry.plan(bitcoin, coin("LIT", spelling), venue=venue, at=NOW + DAY / 2)
        assert (again.changes, again.rejected) == ([], [])


def test_a_verified_asset_is_bound_by_its_ticker_and_every_such_binding_is_listed() -> None:
    lit = an_asset("LIT", name="Litentry")
    registry = Registry(GATE, lit)
    plan = registry.imported(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate")
    assert plan.new_assets == []
    assert ("LIT", lit.asset_id) in bound(plan)
    assert {binding.ticker for binding in plan.bindings} == {"BTC", "LIT", "USDT"}
    held = registry.entities[VENUE_ASSET.name, f"gate/{lit.asset_id}"][1]
    assert held.metadata == {"bound_by": "ticker"}
    # From then on the code is bound: nothing is taken for a ticker again.
    again = registry.plan(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate", at=NOW + DAY)
    assert again.bindings == []


def test_an_unverified_namesake_does_not_hide_the_verified_one() -> None:
    other = an_asset("LIT", asset_id=an_id("other"), unverified=True)
    lit = an_asset("LIT")
    plan = Registry(GATE, lit, other).plan(coin("LIT", "LIT_USDT"), venue="gate")
    assert ("LIT", lit.asset_id) in bound(plan)
    two = an_asset("LIT", asset_id=an_id("second"))
    plan = Registry(GATE, lit, two).plan(coin("LIT", "LIT_USDT"), venue="gate")
    assert [o.after.symbol for o in plan.new_assets] == ["LIT"]  # type: ignore[union-attr]


def test_what_an_older_import_bound_by_ticker_stays_as_it_is() -> None:
    """An unverified asset of another operator's: the code is recorded, or its listing stands."""
    registry = Registry(GATE)
    registry.imported(a_market(), coin("LIT"))
    lit = base_of(registry, "binance", "LITUSDT")
    registry.entities[ASSET.name, lit.asset_id] = (ASSET, changed(lit, unverified=False))
    registry.imported(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate")
    registry.entities[ASSET.name, lit.asset_id] = (ASSET, lit)
    for is_recorded in (True, False):
        if not is_recorded:
            registry.entities.pop((VENUE_ASSET.name, f"gate/{lit.asset_id}"))
        plan = registry.plan(
            a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate", at=NOW + DAY / 2
        )
        assert (plan.rejected, plan.new_assets, plan.bindings) == ([], [], [])


def test_an_asset_that_an_import_made_for_a_code_is_that_codes_again() -> None:
    registry = Registry(GATE)
    registry.imported(coin("LIT", "LIT_USDT"), venue="gate")
    lit = base_of(registry, "gate", "LIT_USDT")
    registry.entities[ASSET.name, lit.asset_id] = (
        ASSET,
        changed(lit, unverified=False, symbol="LITENTRY", asset_type=an_asset().asset_type),
    )
    registry.entities.pop((VENUE_ASSET.name, f"gate/{lit.asset_id}"))
    plan = registry.imported(coin("LIT", "LIT_USDT"), venue="gate", at=NOW + DAY)
    assert (plan.rejected, plan.new_assets) == ([], [])
    assert ("gate", "LIT") in codes(registry)


def test_the_coin_of_a_multiple_is_not_recorded_as_the_venues_code() -> None:
    """Elsewhere CAT is another coin than Simon's Cat, of which Binance lists a thousand."""
    simons = an_asset("CAT", name="Simon's Cat")
    registry = Registry(simons)
    plan = registry.imported(a_market(), coin("1000CAT"), multipliers=CAT)
    coin_of_it = base_of(registry, "binance", "1000CATUSDT")
    assert (coin_of_it.asset_id, coin_of_it.name) == (simons.asset_id, simons.name)
    # What was stated once is known of the coin from then on.
    assert coin_of_it.metadata == {"multiples": {"1000CAT": "1000"}}
    assert registry.listing("1000CATUSDT").unit_multiplier == 1000
    assert codes(registry) == {("binance", "BTC"), ("binance", "USDT")}
    assert ("1000CAT", simons.asset_id) in bound(plan)
    for stated in ({}, CAT):
        again = registry.plan(a_market(), coin("1000CAT"), multipliers=stated, at=NOW + DAY / 2)
        assert (again.changes, again.rejected) == ([], [])


def test_a_multiple_of_an_unknown_coin_gets_an_asset_of_its_own() -> None:
    registry = Registry(GATE)
    registry.imported(coin("CAT", "CAT_USDT"), venue="gate")
    registry.imported(a_market(), coin("1000CAT"), multipliers=CAT)
    mine = base_of(registry, "binance", "1000CATUSDT")
    assert (mine.symbol, mine.unverified) == ("CAT", True)
    assert mine.asset_id != base_of(registry, "gate", "CAT_USDT").asset_id
    # A code CAT that the venue lists later is not taken for it, nor does it take it over.
    registry.imported(a_market(), coin("1000CAT"), coin("CAT"), multipliers=CAT, at=NOW + DAY)
    assert base_of(registry, "binance", "1000CATUSDT") == mine
    plain = base_of(registry, "binance", "CATUSDT")
    assert (plain.symbol, plain.asset_id == mine.asset_id) == ("CAT", False)


def test_a_multiple_is_of_the_operators_own_code_where_it_has_one() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("CAT"), coin("1000CAT"), multipliers=CAT)
    plain, multiple = (base_of(registry, "binance", s) for s in ("CATUSDT", "1000CATUSDT"))
    assert plain == multiple


def test_a_statement_that_contradicts_the_listing_is_refused() -> None:
    registry = Registry(an_asset("CAT"), an_asset("DOG"))
    registry.imported(a_market(), coin("1000CAT"), multipliers=CAT)
    stated = {"1000CAT": Multiplier("DOG", Decimal(1000))}
    plan = registry.plan(a_market(), coin("1000CAT"), multipliers=stated, at=NOW + DAY)
    assert [row.spelling for row in plan.rejected] == ["1000CATUSDT"]


def test_a_code_that_is_no_multiple_is_the_venues_code_of_the_coin() -> None:
    registry = Registry(an_asset("SATS"))
    stated = {"1000SATS": Multiplier("SATS", Decimal(1))}
    registry.imported(a_market(), coin("1000SATS"), multipliers=stated)
    assert ("binance", "1000SATS") in codes(registry)


def test_a_share_is_not_the_coin_of_its_ticker() -> None:
    """WENUSDT of Binance's futures is on Wendy's share, and WEN is a coin on Solana."""
    memecoin = an_asset("WEN")
    share = coin("WEN", "WENUSDT", underlying_class=UnderlyingClassCode.EQUITY)
    registry = Registry(memecoin)
    registry.imported(a_market(), share, coin("WEN", "WENUSDC"))
    wendys = base_of(registry, "binance", "WENUSDT")
    assert (wendys.symbol, wendys.unverified) == ("WEN", True)
    assert base_of(registry, "binance", "WENUSDC") == memecoin
    assert registry.entities[VENUE_ASSET.name, f"binance/{memecoin.asset_id}"]
    assert (VENUE_ASSET.name, f"binance/{wendys.asset_id}") not in registry.entities
    again = registry.plan(a_market(), share, coin("WEN", "WENUSDC"), at=NOW + DAY / 2)
    assert (again.changes, again.rejected) == ([], [])


def test_a_share_that_was_bound_to_a_coin_before_stays_as_it_is() -> None:
    registry = Registry(an_asset("WEN"))
    registry.imported(a_market(), coin("WEN"))
    share = coin("WEN", underlying_class=UnderlyingClassCode.EQUITY)
    plan = registry.plan(a_market(), share, at=NOW + DAY / 2)
    assert (plan.changes, plan.rejected) == ([], [])


def test_of_two_operators_real_listings_only_verified_assets_are_shared() -> None:
    """HTX and Gate of April 2021, on the catalogue's assets."""
    known = [an_asset(row["symbol"], asset_id=an_id(row["slug"])) for row in read_table("assets")]
    own = {"BTC", "USDT"}
    registry = Registry(
        *(a_venue(name, operator=name) for name in ("htx", "gate")),
        *(asset for asset in known if asset.symbol not in own),
    )
    files = {
        "htx": ("common/symbols", "huobi/common_symbols_2021-04-17.json"),
        "gate": ("spot/currency_pairs", "gate/spot_currency_pairs_2021-04-22.json"),
    }
    listings = {}
    for venue, (name, file) in files.items():
        line = product_line_of(venue)
        assert line is not None
        listings[venue] = read_answers(line, [decode_file(SavedResponse(name, VENUES / file))])
    for venue, listing in listings.items():
        plan = registry.imported(*listing.markets, venue=venue)
        assert {binding.asset_id for binding in plan.bindings} == {
            held.asset_id
            for kind, held in registry.entities.values()
            if kind is VENUE_ASSET
            and held.venue_id == venue
            and not registry.entities[ASSET.name, held.asset_id][1].unverified
        }
    holders: defaultdict[str, set[str]] = defaultdict(set)
    for kind, held in registry.entities.values():
        if kind is VENUE_ASSET:
            holders[held.asset_id].add(held.venue_id)
    shared = [asset_id for asset_id, venues in holders.items() if len(venues) == 2]
    assets = [registry.entities[ASSET.name, asset_id][1] for asset_id in shared]
    assert len(assets) > 0
    assert [asset.symbol for asset in assets if asset.unverified] == []


def test_the_code_of_a_multiple_says_nothing_of_another_code() -> None:
    """1000CAT stands for CAT where somebody says so; `CATS` is another spelling."""
    market = a_market("CATSUSDT", base=Code("CATS", "CATS"))
    plan = Registry(an_asset("CAT")).plan(market, coin("1000CAT"), multipliers=CAT)
    assert [o.after.symbol for o in plan.new_assets] == ["CATS"]  # type: ignore[union-attr]


def test_codes_that_differ_in_case_alone_are_one_asset_where_the_reader_says_so() -> None:
    """HTX's spot says `btc` and its contracts BTC; to BitMEX, XBt are parts of an XBT."""
    registry = Registry()
    registry.imported(a_market("btcusdt", base=Code("btc", "BTC")))
    plan = registry.imported(
        a_market("btcusdt", base=Code("btc", "BTC")), a_market("BTC-USDT"), at=NOW + DAY
    )
    assert (plan.rejected, plan.new_assets) == ([], [])
    assert base_of(registry, "binance", "BTC-USDT") == base_of(registry, "binance", "btcusdt")
    bitcoin = base_of(registry, "binance", "btcusdt")
    held = registry.entities[VENUE_ASSET.name, f"binance/{bitcoin.asset_id}"][1]
    assert held.codes == ("btc", "BTC")
    again = registry.plan(a_market("BTC-USDT"), a_market("btcusdt"), at=NOW + DAY * 3 / 2)
    assert again.new_assets == []


def test_codes_that_differ_in_case_and_mean_other_tickers_are_two_assets() -> None:
    registry = Registry()
    registry.imported(coin("Cat", "CatUSDT"), coin("CAT"))
    assert base_of(registry, "binance", "CatUSDT") != base_of(registry, "binance", "CATUSDT")
