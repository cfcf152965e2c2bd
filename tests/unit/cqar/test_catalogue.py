"""The bundled catalogue: one truth with the readers, and valid by the kinds' rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from cqar import catalogue
from cqar.catalogue.updates import updated
from cqar.importer.apply import batches, item_of
from cqar.importer.identity import looks_multiplied
from cqar.importer.listing_proposals import upsert
from cqar.importer.multipliers import MULTIPLES, stated_multipliers
from cqar.importer.plan import make_plan
from cqar.importer.readers.registry import product_lines
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Batch, Result
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE, EnvironmentCode, VenueType
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, OrderUnitCode
from tests.readers.test_readers import FILES, reading_of
from tests.support.entity_builders import NOW

_CONTRACTS = (SymbolTypeCode.PERPETUAL, SymbolTypeCode.FUTURE)


@pytest.fixture(scope="module")
def loaded() -> RegistryState:
    """A registry that has the catalogue alone, as the writer's rules let it in."""
    state = RegistryState(NOW)
    items = [upsert(*entity) for entity in catalogue.changes(state, listings=True).entities]
    fresh = RegistryState(NOW)
    outcomes = Batch(items).judge(fresh)
    assert [(o.key, o.violations) for o in outcomes if o.result is not Result.CREATED] == []
    registry = RegistryState(NOW)
    for outcome in outcomes:
        registry.add(outcome.kind, outcome.after)  # type: ignore[arg-type]
    return registry


def test_every_product_line_is_a_venue_with_what_its_reader_knows(loaded: RegistryState) -> None:
    for line in product_lines().values():
        venue: Any = loaded.get(VENUE.name, line.venue_id)
        known = (venue.name, venue.operator, venue.environment, venue.region)
        assert known == (line.name, line.operator, line.environment, line.region)
        assert venue.website_url
        assert venue.api_endpoint == f"https://{line.requests[0].path.split('/')[0]}"
        assert venue.is_active
        is_test = venue.environment is not EnvironmentCode.PRODUCTION
        assert is_test == venue.venue_id.endswith("-testnet") == venue.operator.endswith("-testnet")
    other: Any = loaded.get(VENUE.name, "uniswap-v3")
    assert (other.venue_type, other.chain_id) == (VenueType.DEX, "ethereum")


def test_a_row_of_venues_says_only_what_no_reader_knows() -> None:
    lines = product_lines()
    for row in catalogue.read_table("venues"):
        line = lines.get(row["id"])
        if line is not None:
            assert (row["name"], row["operator"], row["api_endpoint"]) == (None, None, None)
            assert row["website_url"] != line.website


def test_every_asset_says_what_it_is_and_no_code_is_of_two_coins(loaded: RegistryState) -> None:
    assert all(asset.asset_class is not None for asset in loaded.all(ASSET))
    codes = [code for row in catalogue.read_table("assets") for code in row["multiples"]]
    assert len(codes) == len(set(codes)) == len(stated_multipliers(loaded))


def test_every_code_of_the_venues_files_that_looks_multiplied_is_stated(
    loaded: RegistryState,
) -> None:
    stated = stated_multipliers(loaded)
    bases = {market.base for listing in FILES for market in reading_of(listing).markets}
    unstated = sorted(base.venue for base in bases if looks_multiplied(base))
    assert len(unstated) >= 35
    assert [code for code in unstated if code not in stated] == []


@pytest.mark.parametrize(
    ("venue_id", "file", "spellings"),
    [
        (
            "binance-usdm",
            "binance/usdm_exchangeInfo_2025-08-22.json",
            {"1000SHIBUSDT": "SHIB", "1000XUSDT": "X", "1MBABYDOGEUSDT": "BABYDOGE"},
        ),
        (
            "bybit-linear",
            "bybit/linear_instruments_2025-09-21.json",
            {"SHIB1000USDT": "SHIB", "1000000CHEEMSUSDT": "CHEEMS", "10000QUBICUSDT": "QUBIC"},
        ),
    ],
)
def test_a_plan_names_no_multiple_that_nobody_has_stated(
    loaded: RegistryState, venue_id: str, file: str, spellings: dict[str, str]
) -> None:
    state = RegistryState(NOW)
    for kind in (ASSET, VENUE):
        for entity in loaded.all(kind):
            state.add(kind, entity)
    reading = reading_of(next(listing for listing in FILES if listing.file == file))
    venue: Any = state.get(VENUE.name, venue_id)
    plan = make_plan(state, venue, reading, NOW, {})
    assert (plan.multiples, plan.rejected) == ([], [])
    listed: Any = {o.after.venue_symbol: o.after for o in plan.listed}  # type: ignore[union-attr]
    symbols: Any = {outcome.key: outcome.after for outcome in plan.new_symbols}
    coins = {catalogue.asset_id(row["slug"]): row for row in catalogue.read_table("assets")}
    for spelling, ticker in spellings.items():
        coin = coins[symbols[listed[spelling].symbol_id].base_asset_id]
        units = coin["multiples"][spelling.removesuffix("USDT")]
        assert coin["symbol"] == ticker
        assert listed[spelling].unit_multiplier == Decimal(units)


def test_a_second_load_changes_nothing(loaded: RegistryState) -> None:
    found = catalogue.changes(loaded, listings=True)
    stored = sum(1 for kind in KIND_BY_NAME.values() for _ in loaded.all(kind))
    assert (found.entities, found.unchanged) == ([], stored)


def test_a_registry_of_an_older_catalogue_gets_what_it_lacks(loaded: RegistryState) -> None:
    coin: Any = loaded.get(ASSET.name, catalogue.asset_id("terra-classic"))
    shared: Any = loaded.get(ASSET.name, catalogue.asset_id("first-neiro"))
    code: Any = loaded.get(VENUE_ASSET.name, f"kraken/{catalogue.asset_id('ether')}")
    older = RegistryState(NOW)
    for kind in KIND_BY_NAME.values():
        for entity in loaded.all(kind):
            older.add(kind, entity)
    plain = {"former_names": None, "unambiguous_ticker": False}
    older.replace(ASSET, replace(coin, **plain, metadata=None, website_url="https://example.com"))
    older.replace(ASSET, replace(shared, asset_type=None, unverified=True))
    older.replace(VENUE_ASSET, replace(code, evidence=None, other_codes=()))
    found = catalogue.changes(older, listings=True)
    ours = replace(coin, website_url="https://example.com")
    assert found.entities == [(ASSET, shared), (ASSET, ours), (VENUE_ASSET, code)]


def test_what_somebody_stated_stays(loaded: RegistryState) -> None:
    coin: Any = loaded.get(ASSET.name, catalogue.asset_id("pepe"))
    merged: Any = loaded.get(ASSET.name, catalogue.asset_id("floki"))
    code: Any = loaded.get(VENUE_ASSET.name, f"binance/{catalogue.asset_id('ether')}")
    stated = RegistryState(NOW)
    for kind in KIND_BY_NAME.values():
        for entity in loaded.all(kind):
            stated.add(kind, entity)
    multiples = {**coin.metadata[MULTIPLES], "kPEPE": "1", "PEPE1000": "1000"}
    ours = replace(coin, name="The Frog", category="animals", metadata={MULTIPLES: multiples})
    stated.replace(ASSET, ours)
    stated.replace(ASSET, replace(merged, merged_into=coin.asset_id, name="Gone", website_url=None))
    stated.replace(VENUE_ASSET, replace(code, venue_asset_symbol="WETH", evidence=None))
    assert catalogue.changes(stated, listings=True).entities == []


def test_a_name_that_the_catalogue_knows_as_a_former_one_becomes_the_present_one(
    loaded: RegistryState,
) -> None:
    coin: Any = loaded.get(ASSET.name, catalogue.asset_id("viction"))
    before = replace(coin, symbol="TOMO", name="TomoChain", former_names=None)
    assert updated(before, coin) == coin
    bittorrent: Any = loaded.get(ASSET.name, catalogue.asset_id("bittorrent"))
    text = "BitTorrent (since 2022; BTTC at Binance)"
    assert updated(replace(bittorrent, name=text), bittorrent) == bittorrent


def test_a_name_that_others_give_too_stays(loaded: RegistryState) -> None:
    ether: Any = loaded.get(ASSET.name, catalogue.asset_id("ether"))
    assert "Ethereum" in [former.name for former in ether.former_names]
    stated = replace(ether, name="Ethereum")
    assert updated(stated, ether) == stated


def test_every_code_of_a_venue_says_that_the_catalogue_stated_it(loaded: RegistryState) -> None:
    for held in loaded.all(VENUE_ASSET):
        said = [(one.kind, one.code, one.detail) for one in held.evidence]
        assert said == [("REVIEWED", code, "catalogue") for code in held.codes]


def test_a_code_that_came_back_is_two_assets_one_after_the_other(loaded: RegistryState) -> None:
    for code, assets in {
        "BNX": ("binaryx-old", "binaryx"),
        "GALA": ("gala-v1", "gala"),
        "LIT": ("litentry", "lighter"),
    }.items():
        before, after = (
            loaded.get(VENUE_ASSET.name, f"binance/{catalogue.asset_id(slug)}") for slug in assets
        )
        assert before is not None
        assert after is not None
        assert (before.venue_asset_symbol, after.venue_asset_symbol) == (code, code)
        assert before.delisted_at == after.listed_at


def test_a_load_is_a_few_requests_within_the_limits(loaded: RegistryState) -> None:
    found = catalogue.changes(RegistryState(NOW), listings=True)
    items = [item_of(kind, entity, None) for kind, entity in found.entities]
    assert len(items) > 2_000
    assert len(list(batches(items))) <= 5


def test_orders_of_bundled_contracts_count_what_their_readers_say(loaded: RegistryState) -> None:
    markets = {
        (listing.venue_id, market.spelling): market
        for listing in FILES
        for market in reading_of(listing).markets
    }
    compared = 0
    for listing in loaded.all(VENUE_SYMBOL):
        market = markets.get((listing.venue_id, listing.venue_symbol))
        if listing.alias_of or listing.venue_id == "uniswap-v3":
            continue
        assert listing.order_unit is not None
        is_contracts = listing.order_unit is OrderUnitCode.CONTRACT
        assert (listing.contract_size is not None) == is_contracts
        if market is not None:
            stated = (market.order_unit, market.contract_size)
            assert (listing.order_unit, listing.contract_size) == stated
            compared += market.symbol_type in _CONTRACTS
    assert compared > 40


def test_deribits_inverse_perpetuals_are_ordered_in_dollars(loaded: RegistryState) -> None:
    for spelling in ("BTC-PERPETUAL", "ETH-PERPETUAL"):
        (listing,) = loaded.find(VENUE_SYMBOL.name, "spelling", "deribit", spelling)
        symbol: Any = loaded.get("symbol", listing.symbol_id)
        assert symbol.contract_kind is ContractKindCode.INVERSE
        assert (listing.order_unit, listing.contract_size) == (OrderUnitCode.QUOTE, None)
