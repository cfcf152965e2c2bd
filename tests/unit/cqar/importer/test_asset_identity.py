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
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.readers.listing_files import VENUES
from tests.support.entity_builders import NOW, a_venue, a_venue_asset, an_asset, an_id
from tests.support.memory_registry_view import changed
from tests.unit.cqar.importer.test_plan import Registry, a_major, a_market, coin

DAY = dt.timedelta(days=1)
GATE = a_venue("gate", operator="gate")
CAT = {"1000CAT": Multiplier("CAT", Decimal(1000))}


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


def test_a_verified_asset_is_not_bound_by_its_ticker_alone() -> None:
    lit = an_asset("LIT", name="Litentry")
    registry = Registry(GATE, lit)
    plan = registry.imported(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate")
    assert {binding.ticker for binding in plan.bindings} == {"BTC", "USDT"}
    assert {binding.evidence for binding in plan.bindings} == {("CATALOGUE_TICKER",)}
    own = base_of(registry, "gate", "LIT_USDT")
    assert (own.asset_id != lit.asset_id, own.unverified) == (True, True)
    (finding,) = plan.findings
    assert (finding.kind, finding.venue_id, finding.code) == ("SAME_TICKER", "gate", "LIT")
    assert (finding.asset_id, finding.proposed_asset_id) == (own.asset_id, lit.asset_id)
    assert [(e.kind, e.asset_id, e.is_against) for e in finding.evidence or ()] == [
        ("TICKER", lit.asset_id, False)
    ]
    # From then on the code is bound: nothing is asked again.
    again = registry.plan(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate", at=NOW + DAY)
    assert (again.bindings, again.findings) == ([], [])


def test_what_the_catalogue_calls_unambiguous_is_bound_and_the_evidence_kept() -> None:
    registry = Registry()
    registry.imported(a_market())
    (bitcoin,) = [e for k, e in registry.entities.values() if k is ASSET and e.symbol == "BTC"]
    held = registry.entities[VENUE_ASSET.name, f"binance/{bitcoin.asset_id}"][1]
    assert [(e.kind, e.code) for e in held.evidence] == [("CATALOGUE_TICKER", "BTC")]


def test_a_name_decides_and_another_name_contradicts() -> None:
    lighter, litentry = (
        an_asset("LIT", asset_id=an_id(name), name=name) for name in ("Lighter", "Litentry")
    )
    named = a_market("LIT_USDT", base=Code("LIT", "LIT", "Litentry"))
    registry = Registry(GATE, lighter, litentry)
    plan = registry.imported(named, venue="gate")
    assert base_of(registry, "gate", "LIT_USDT") == litentry
    assert plan.findings == []
    other = Registry(GATE, lighter)
    plan = other.imported(named, venue="gate")
    assert base_of(other, "gate", "LIT_USDT").name == "Litentry"
    (finding,) = plan.findings
    against = [(e.kind, e.asset_id) for e in finding.evidence or () if e.is_against]
    assert against == [("NAME", lighter.asset_id)]
    assert finding.proposed_asset_id is None


def test_an_unverified_asset_is_bound_by_its_name_too() -> None:
    registry = Registry(GATE)
    binance = a_market("LITUSDT", base=Code("LIT", "LIT", "Litentry"))
    registry.imported(binance)
    gate = a_market("LIT_USDT", base=Code("LIT", "LIT", "Litentry"))
    assert registry.imported(gate, venue="gate").new_assets == []
    assert base_of(registry, "gate", "LIT_USDT") == base_of(registry, "binance", "LITUSDT")


def test_what_an_older_import_bound_by_ticker_stays_as_it_is() -> None:
    """The code is recorded, or its listing stands."""
    lit = an_asset("LIT", unverified=True)
    held = a_venue_asset(venue_id="gate", asset_id=lit.asset_id, venue_asset_symbol="LIT")
    registry = Registry(GATE, lit, changed(held, metadata={"bound_by": "ticker"}))
    registry.imported(a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate")
    for is_recorded in (True, False):
        if not is_recorded:
            registry.entities.pop((VENUE_ASSET.name, f"gate/{lit.asset_id}"))
        plan = registry.plan(
            a_market("BTC_USDT"), coin("LIT", "LIT_USDT"), venue="gate", at=NOW + DAY / 2
        )
        assert (plan.rejected, plan.new_assets, plan.findings) == ([], [], [])


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
    simons = a_major("CAT", name="Simon's Cat")
    registry = Registry(simons)
    registry.imported(a_market(), coin("1000CAT"), multipliers=CAT)
    coin_of_it = base_of(registry, "binance", "1000CATUSDT")
    assert (coin_of_it.asset_id, coin_of_it.name) == (simons.asset_id, simons.name)
    # What was stated once is known of the coin from then on.
    assert coin_of_it.metadata == {"multiples": {"1000CAT": "1000"}}
    assert registry.listing("1000CATUSDT").unit_multiplier == 1000
    assert codes(registry) == {("binance", "BTC"), ("binance", "USDT")}
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
    memecoin = a_major("WEN")
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
    plan = Registry(a_major("CAT")).plan(market, coin("1000CAT"), multipliers=CAT)
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
