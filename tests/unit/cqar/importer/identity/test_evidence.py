"""What speaks for and against the candidates of a code: contracts, prices, classes, successions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from cqar.importer.market import Code, Currency
from cqar.importer.plan import Plan
from cqar_shared.domain.kinds.asset import ASSET, AssetClassCode, FormerName
from cqar_shared.domain.kinds.asset_price import AssetPrice, QuotedPrice
from cqar_shared.domain.kinds.asset_relationship import RelationshipType, SuccessionCode
from cqar_shared.domain.kinds.symbol import SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, AssetNetwork
from tests.support.entity_builders import (
    NOW,
    a_chain,
    a_deployment,
    a_relationship,
    a_symbol,
    a_venue,
    a_venue_asset,
    an_asset,
    an_id,
)
from tests.unit.cqar.importer.test_asset_identity import base_of
from tests.unit.cqar.importer.test_plan import Registry, a_major, a_market, coin

DAY = dt.timedelta(days=1)
TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
MINT = "WENWENvqqNya429ubCdR81ZmD69brwQaaBYY6p3LCpk"
SOLANA = a_chain(chain_id="solana", chain_name="Solana", chain_type="SOLANA")
EOS = a_chain(chain_id="eos", chain_name="EOS", chain_type="EOS")


def wen_on(chain: Any, address: str) -> list[Any]:
    wen = an_asset("WEN", name="Wen")
    deployment = a_deployment(
        asset_id=wen.asset_id, chain_id=chain.chain_id, address=address, decimals=5
    )
    return [chain, wen, deployment]


def bound_by(plan: Plan, code: str) -> tuple[str, ...]:
    return next((b.evidence for b in plan.bindings if b.code == code), ())


def against(plan: Plan, asset_id: str) -> set[str]:
    (finding,) = plan.findings
    found = finding.evidence or ()
    return {e.kind for e in found if e.is_against and e.asset_id == asset_id}


def listed(currency: Currency) -> dict[str, Any]:
    return {"currencies": {currency.code: currency}}


@pytest.mark.parametrize(
    ("chain_id", "address", "is_bound"),
    [
        ("solana", MINT, True),
        ("solana", MINT.upper(), False),
        ("eos", MINT, False),
    ],
)
def test_a_contract_on_a_known_chain_decides_exactly(
    chain_id: str, address: str, is_bound: bool
) -> None:
    network = AssetNetwork(network="NET", chain_id=chain_id, contract_address=address)
    registry = Registry(EOS, *wen_on(SOLANA, MINT))
    currency = Currency(code="WENX", networks=(network,))
    plan = registry.imported(coin("WENX"), **listed(currency))
    assert bound_by(plan, "WENX") == (("CONTRACT",) if is_bound else ())


@pytest.mark.parametrize(
    ("chain", "address", "stated", "is_bound"),
    [
        (SOLANA, MINT, MINT, True),
        (SOLANA, MINT, MINT.upper(), False),
        (a_chain(), TETHER, TETHER.lower(), True),
        (EOS, "eosio.token", "eosio.token", False),
    ],
)
def test_a_contract_without_a_network_decides_where_its_form_is_of_one_type_of_chain(
    chain: Any, address: str, stated: str, is_bound: bool
) -> None:
    registry = Registry(*wen_on(chain, address))
    plan = registry.imported(coin("WENX"), **listed(Currency(code="WENX", contracts=(stated,))))
    assert bound_by(plan, "WENX") == (("CONTRACT",) if is_bound else ())


def test_another_contract_speaks_against_a_candidate() -> None:
    registry = Registry(*wen_on(a_chain(), TETHER))
    other = "0x0391D2021f89DC339F60Fff84546EA23E337750f"
    network = AssetNetwork(network="ETH", chain_id="ethereum", contract_address=other)
    plan = registry.imported(coin("WEN"), **listed(Currency(code="WEN", networks=(network,))))
    assert "CONTRACT" in against(plan, an_asset("WEN").asset_id)


def test_a_currencys_name_speaks_as_a_markets_does() -> None:
    registry = Registry(an_asset("LIT", name="Litentry"))
    plan = registry.imported(coin("LIT"), **listed(Currency(code="LIT", name="Litentry")))
    assert bound_by(plan, "LIT") == ("NAME",)


def test_a_former_name_and_ticker_decide_as_of_their_time() -> None:
    """Terra was LUNA until 2022-05-28; then another coin got name and ticker."""
    until = NOW
    former = FormerName(symbol="LUNA", name="Terra", until=until)
    classic = an_asset("LUNC", name="Terra Classic", former_names=(former,))
    terra = an_asset("LUNA", name="Terra")
    named = a_market("LUNAUSDT", base=Code("LUNA", "LUNA", "Terra"))
    for at, meant in ((until - DAY, classic), (until + DAY, terra)):
        registry = Registry(classic, terra)
        registry.imported(named, at=at)
        assert base_of(registry, "binance", "LUNAUSDT") == meant


def a_price(asset_id: str, price: str, venue_id: str = "kucoin") -> AssetPrice:
    quote = QuotedPrice(
        venue_id=venue_id,
        venue_symbol="X",
        quote_asset_id=an_asset("USDT").asset_id,
        price=Decimal(price),
    )
    return AssetPrice(venue_id=venue_id, asset_id=asset_id, taken_at=NOW, quotes=(quote,))


def test_a_price_that_is_off_contradicts_and_one_that_fits_is_not_enough() -> None:
    nano = an_asset("XNO", name="Nano", former_names=(FormerName(symbol="NANO"),))
    registry = Registry(nano, a_price(nano.asset_id, "0.57"))
    plan = registry.plan(coin("XNO"), prices={"XNOUSDT": Decimal("0.0081")})
    assert against(plan, nano.asset_id) == {"PRICE"}
    assert plan.findings[0].proposed_asset_id is None
    plan = registry.plan(coin("NANO"), prices={"NANOUSDT": Decimal("0.571")})
    (finding,) = plan.findings
    assert (finding.kind, finding.proposed_asset_id) == ("SAME_TICKER", nano.asset_id)
    assert {e.kind for e in finding.evidence or ()} == {"PRICE", "TICKER"}


def test_a_multiple_is_proposed_by_its_text_and_by_the_price() -> None:
    shib, other = an_asset("SHIB"), an_asset("SHIB", asset_id=an_id("other"))
    registry = Registry(shib, other, a_price(shib.asset_id, "0.00000851"))
    prices = {"1000SHIBUSDT": Decimal("0.008515")}
    plan = registry.imported(a_market(), coin("1000SHIB"), prices=prices)
    (finding,) = plan.findings
    assert (finding.kind, finding.units) == ("MULTIPLIER", Decimal(1000))
    assert finding.proposed_asset_id == shib.asset_id
    assert finding.listing_id == registry.listing("1000SHIBUSDT").listing_id
    assert registry.listing("1000SHIBUSDT").unit_multiplier is None
    plan = Registry(shib, other).plan(coin("SHIB1000"))
    assert (plan.findings[0].units, plan.findings[0].proposed_asset_id) == (Decimal(1000), None)


def test_a_share_is_asked_about_with_its_class_against_the_coin() -> None:
    wen = an_asset("WEN", asset_class=AssetClassCode.CRYPTO)
    registry = Registry(wen)
    share: dict[str, Any] = {"symbol_type": SymbolTypeCode.PERPETUAL, "settlement": Code("USDT")}
    plan = registry.imported(coin("WEN", underlying_class=UnderlyingClassCode.EQUITY, **share))
    assert plan.findings[0].kind == "SAME_TICKER"
    assert against(plan, wen.asset_id) == {"CLASS"}


def test_a_shares_token_is_not_the_share_and_says_how_many_it_stands_for() -> None:
    apple = an_asset("AAPL", name="Apple Inc.", asset_class=AssetClassCode.EQUITY)
    registry = Registry(apple)
    token = coin(
        "AAPL", underlying_class=UnderlyingClassCode.EQUITY, unit_multiplier=Decimal("0.1")
    )
    plan = registry.imported(token)
    own = base_of(registry, "binance", "AAPLUSDT")
    (edge,) = [o.after for o in plan.changes if o.kind.name == "asset_relationship"]
    assert (edge.from_asset_id, edge.to_asset_id) == (own.asset_id, apple.asset_id)  # type: ignore[union-attr]
    assert edge.relationship_type is RelationshipType.SYNTHETIC_OF  # type: ignore[union-attr]
    assert edge.conversion_rate == Decimal("0.1")  # type: ignore[union-attr]
    again = registry.plan(token, at=NOW + DAY / 2)
    assert (again.changes, again.findings) == ([], [])


def test_the_successor_of_an_operators_coin_is_proposed_with_its_rate() -> None:
    mkr, sky = a_major("MKR"), an_asset("SKY")
    edge = a_relationship(
        mkr.asset_id,
        sky.asset_id,
        relationship_type=RelationshipType.MIGRATES_TO,
        succession=SuccessionCode.SWAP,
        conversion_rate=Decimal(24_000),
        effective_at=NOW,
    )
    registry = Registry(mkr, sky, edge)
    registry.imported(a_market(), coin("MKR"))
    plan = registry.imported(a_market(), coin("SKY"), coin("MKR"), at=NOW + DAY)
    (finding,) = plan.findings
    assert (finding.kind, finding.venue_symbol) == ("SWAP", "SKYUSDT")
    assert (finding.from_venue_symbol, finding.rate) == ("MKRUSDT", Decimal(24_000))
    assert finding.proposed_asset_id == sky.asset_id
    assert base_of(registry, "binance", "SKYUSDT") not in (mkr, sky)


def test_a_name_that_stands_under_a_new_code_while_the_old_one_is_gone_is_a_rename() -> None:
    registry = Registry()
    old = a_market("STRKUSDT", base=Code("STRK", "STRK", "Strike"))
    new = a_market("STRIKEUSDT", base=Code("STRIKE", "STRIKE", "Strike"))
    registry.imported(a_market(), old, coin("SOL"), coin("ADA"), coin("DOT"), coin("XLM"))
    rest = (a_market(), coin("SOL"), coin("ADA"), coin("DOT"), coin("XLM"))
    strike = base_of(registry, "binance", "STRKUSDT")
    both = registry.plan(*rest, old, new, at=NOW + DAY)
    assert [f.kind for f in both.findings] == ["DUPLICATE"]
    plan = registry.plan(*rest, new, at=NOW + DAY)
    renamed = [f for f in plan.findings if f.kind == "RENAMED"]
    assert [(f.venue_symbol, f.from_venue_symbol) for f in renamed] == [("STRIKEUSDT", "STRKUSDT")]
    assert renamed[0].proposed_asset_id == strike.asset_id


def test_a_longer_ticker_of_the_same_price_may_be_listed_twice() -> None:
    """RAYSOL is what RAY is, by its price; that is proposed, and not taken."""
    ray = a_major("RAY")
    perpetual: dict[str, Any] = {
        "symbol_type": SymbolTypeCode.PERPETUAL,
        "settlement": Code("USDT"),
    }
    registry = Registry(ray, a_price(ray.asset_id, "5.01", "binance"))
    registry.imported(a_market(), coin("RAY"))
    prices = {"RAYSOLUSDT": Decimal("5.011")}
    plan = registry.plan(a_market(), coin("RAY"), coin("RAYSOL", **perpetual), prices=prices)
    (finding,) = plan.findings
    assert (finding.kind, finding.proposed_asset_id) == ("DUPLICATE", ray.asset_id)


def test_an_undecided_code_is_asked_about_again_when_something_says_what_it_is() -> None:
    registry = Registry()
    registry.imported(a_market(), coin("LIT"))
    own = base_of(registry, "binance", "LITUSDT")
    litentry = an_asset("LIT", name="Litentry")
    registry.entities["asset", litentry.asset_id] = (ASSET, litentry)
    silent = registry.plan(a_market(), coin("LIT"), at=NOW + DAY)
    assert silent.findings == []
    named = a_market("LITUSDT", base=Code("LIT", "LIT", "Litentry"))
    plan = registry.imported(a_market(), named, at=NOW + DAY)
    (finding,) = plan.findings
    assert (finding.asset_id, finding.proposed_asset_id) == (own.asset_id, litentry.asset_id)
    assert base_of(registry, "binance", "LITUSDT") == own
    assert registry.plan(a_market(), named, at=NOW + 2 * DAY).findings == []


def test_small_units_are_codes_of_their_coin() -> None:
    bitmex = a_venue("bitmex")
    held = a_venue_asset(venue_id="bitmex", venue_asset_symbol="XBT")
    sol = a_major("SOL")
    registry = Registry(bitmex, held, sol)
    currencies = {
        "XBT": Currency(code="XBT", units=("XBt",)),
        "SOL": Currency(code="SOL", units=("LAMp",)),
        "WEN": Currency(code="WEN", units=("wen",)),
    }
    market = a_market("XBTUSDT", base=Code("XBT", "BTC"))
    registry.imported(market, venue="bitmex", currencies=currencies)
    codes = {
        e.asset_id: e.codes
        for k, e in registry.entities.values()
        if k is VENUE_ASSET and e.venue_id == "bitmex"
    }
    assert codes[an_asset().asset_id] == ("XBT", "XBt")
    assert codes[sol.asset_id] == ("SOL", "LAMp")
    assert all("WEN" not in held for held in codes.values())


def test_a_namesake_that_only_a_list_knows_is_no_candidate_until_a_venue_trades_it() -> None:
    listed_only = an_asset("SOL", name="Sollama", asset_type=None, unverified=True)
    assert Registry(listed_only).plan(coin("SOL")).findings == []
    other = coin("SOL", spelling="SOLUSDC")
    registry = Registry(listed_only, a_symbol_of(listed_only.asset_id))
    (finding,) = registry.plan(other).findings
    assert {e.asset_id for e in finding.evidence or ()} == {listed_only.asset_id}


def a_symbol_of(asset_id: str) -> Any:
    return a_symbol(symbol_id=an_id("another"), base_asset_id=asset_id)


@pytest.mark.parametrize("ticker", ["BTC", "NEW"])
@pytest.mark.parametrize("codes", [("{}", "{}F0"), ("{}F0", "{}")])
def test_forms_of_a_code_are_of_one_coin_in_any_order(ticker: str, codes: tuple[str, str]) -> None:
    def plain(code: str) -> str:
        return code.removesuffix("F0")

    registry = Registry(a_major("BTC"))
    bases = []
    for code in (code.format(ticker) for code in codes):
        market = a_market(f"{code}USDT", base=Code(code, ticker))
        registry.imported(market, plain_code=plain, allow_mass_change=True)
        bases.append(base_of(registry, "binance", f"{code}USDT"))
    assert bases[0] == bases[1]


def test_a_testnets_code_means_what_the_operators_own_code_means() -> None:
    testnet = a_venue("binance-testnet", operator="binance-testnet")
    registry = Registry(testnet)
    registry.imported(a_market(), coin("SPELL"), coin("MANTA"))
    plan = registry.imported(a_market(), coin("SPELL"), coin("TESTS"), venue="binance-testnet")
    assert plan.findings == []
    assert bound_by(plan, "SPELL") == ("OPERATOR_CODE",)
    spell = base_of(registry, "binance", "SPELLUSDT")
    assert base_of(registry, "binance-testnet", "SPELLUSDT") == spell
    # What the production does not trade is a coin of its own there.
    assert base_of(registry, "binance-testnet", "TESTSUSDT").unverified
    # And the testnet says nothing of the production's codes.
    other = Registry(testnet)
    other.imported(a_market(), coin("SPELL"), venue="binance-testnet")
    plan = other.imported(a_market(), coin("SPELL"))
    assert bound_by(plan, "SPELL") == ()


def test_an_operator_and_its_test_environment_have_one_asset_whichever_is_read_first() -> None:
    venues = ("binance", "binance-testnet")
    made = []
    for order in (venues, venues[::-1]):
        registry = Registry(a_venue("binance-testnet", operator="binance-testnet"))
        for venue in order:
            registry.imported(a_market(), coin("SPELL"), venue=venue)
        made.append({base_of(registry, venue, "SPELLUSDT").asset_id for venue in venues})
    assert made[0] == made[1]
    assert len(made[0]) == 1


def a_renamed(until: dt.datetime, **more: Any) -> Any:
    return a_major(
        "USDP",
        name="Pax Dollar",
        former_names=(FormerName(symbol="PAX", name="Paxos Standard", until=until),),
        **more,
    )


@pytest.mark.parametrize(("until", "is_bound"), [(NOW + DAY, True), (NOW, False)])
def test_a_former_ticker_is_the_catalogues_while_the_asset_had_it(
    until: dt.datetime, *, is_bound: bool
) -> None:
    plan = Registry(a_renamed(until)).imported(coin("PAX"))
    assert bound_by(plan, "PAX") == (("CATALOGUE_TICKER",) if is_bound else ())
    namesake = an_asset("PAX", name="Pax World")
    plan = Registry(a_renamed(until), namesake).imported(coin("PAX"))
    assert bound_by(plan, "PAX") == ()


def test_an_assets_ticker_and_its_former_one_are_no_rivals_at_a_venue() -> None:
    registry = Registry(a_renamed(NOW + DAY))
    plan = registry.imported(coin("PAX"), coin("USDP"))
    assert bound_by(plan, "PAX") == bound_by(plan, "USDP") == ("CATALOGUE_TICKER",)


def test_a_listing_that_never_left_is_parted_on_the_day_that_a_person_gave() -> None:
    old = an_asset("GALA", name="Gala V1")
    new = an_asset("GALA", name="Gala", asset_id=an_id("gala-2"))
    since = NOW + DAY
    meant = a_venue_asset(asset_id=old.asset_id, venue_asset_symbol="GALA")
    registry = Registry(old, new, meant)
    registry.imported(coin("GALA"))
    said = (
        a_venue_asset(asset_id=old.asset_id, venue_asset_symbol="GALA", delisted_at=since),
        a_venue_asset(asset_id=new.asset_id, venue_asset_symbol="GALA", listed_at=since),
    )
    registry.entities |= {
        (VENUE_ASSET.name, VENUE_ASSET.key_of(held)): (VENUE_ASSET, held) for held in said
    }
    plan = registry.imported(coin("GALA"), at=NOW + 3 * DAY)
    assert plan.rejected == []
    (ended,) = (o.after for o in plan.delisted)
    assert ended.delisted_at == since
    (listed,) = (o.after for o in plan.listed)
    assert listed.listed_at == since
    assert registry.entities["symbol", listed.symbol_id][1].base_asset_id == new.asset_id
