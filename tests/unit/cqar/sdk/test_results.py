"""Results decoded from responses: every field, exact, frozen, and encodable as JSON."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_pb2, venue_symbol_pb2

import cqar
from cqar.sdk import changes, decoding, enums, product_decoding
from cqar_resolver.replication.freshness import STALE_REASON
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.symbol import ContractKindCode, OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import ListingTickBand, MarketStatusCode
from tests.support.entity_builders import NOW, a_flag, a_symbol, an_asset
from tests.support.sdk_setup import FRESHNESS, LISTING, a_listing, resolve_btcusdt


def test_a_resolution_has_every_field_of_the_response() -> None:
    found = resolve_btcusdt(a_listing(taker_fee=Decimal("0.001"), listed_at=NOW))
    assert (found.status, found.market_status) == (cqar.Status.FOUND, cqar.MarketStatus.ONLINE)
    assert (found.venue_id, found.venue_symbol) == ("binance", "BTCUSDT")
    assert (found.listing_id, found.alias_of, found.listed_at) == (LISTING, None, NOW)
    assert (found.maker_fee, found.taker_fee) == (None, Decimal("0.001"))
    assert (found.symbol.symbol_id, found.symbol.symbol) == (a_symbol().symbol_id, "BTC/USDT")
    assert found.symbol.symbol_type is cqar.SymbolType.SPOT
    assert (found.base.symbol, found.quote.symbol) == ("BTC", "USDT")
    assert found.settlement == found.quote
    assert (found.specs.tick_size, found.specs.lot_size) == (Decimal("0.01"), Decimal("0.00001"))
    assert found.specs.min_order_size is None
    assert found.specs.source is cqar.SpecsSource.VENUE
    assert found.tradeable.allowed
    assert found.freshness == cqar.Freshness(1, 7, cqar.State.LIVE, 12)


def test_a_listing_of_an_unreviewed_reader_says_so() -> None:
    read_by_ccxt = {"reader": "ccxt, unreviewed", "note": "kept"}
    assert resolve_btcusdt(a_listing(metadata=read_by_ccxt)).reader == "ccxt, unreviewed"
    assert resolve_btcusdt(a_listing(metadata={"note": "kept"})).reader is None
    assert resolve_btcusdt(a_listing()).reader is None


#: What a venue may state of a listing's steps, as text.
STATED = {
    "market_lot_size": "0.5",
    "market_min_size": "1",
    "market_max_size": "97.09521512",
    "market_min_notional": "5",
    "market_max_notional": "500",
    "min_price": "0.01",
    "max_price": "1000000",
    "bid_multiplier_up": "5",
    "bid_multiplier_down": "0.2",
    "ask_multiplier_up": "4",
    "ask_multiplier_down": "0.5",
    "initial_margin_rate": "0.05",
    "maintenance_margin_rate": "0.025",
    "max_leverage": "20",
    "maker_fee": "-0.0001",
    "taker_fee": "0.001",
}


def test_the_specs_have_every_field_of_the_contract() -> None:
    fields = {field.name for field in pb.Specs.DESCRIPTOR.fields}
    assert {field.name for field in msgspec.structs.fields(cqar.Specs)} == fields
    unit = venue_symbol_pb2.ORDER_UNIT_CONTRACT
    message = pb.Specs(order_unit=unit, funding_interval_s=28_800)
    message.order_types.append("LIMIT")
    message.time_in_force.extend(["GTC", "GTX"])
    for name, text in STATED.items():
        setattr(message, name, text)
    told = decoding.specs(message)
    assert {name: getattr(told, name) for name in STATED} == {
        name: Decimal(text) for name, text in STATED.items()
    }
    assert (told.order_unit, told.funding_interval_s) == (cqar.OrderUnit.CONTRACT, 28_800)
    assert (told.order_types, told.time_in_force) == (("LIMIT",), ("GTC", "GTX"))
    silent = decoding.specs(pb.Specs())
    assert all(getattr(silent, name) is None for name in STATED)
    assert (silent.order_unit, silent.funding_interval_s, silent.order_types) == (None, None, ())


def test_a_resolution_has_what_the_venue_announces_and_who_may_trade() -> None:
    later = NOW + dt.timedelta(days=3)
    listing = venue_symbol_pb2.VenueSymbol(
        channels=["WS"],
        permission_groups=[venue_symbol_pb2.PermissionSet(groups=["SPOT", "MARGIN"])],
        quote_alternatives=["USDC"],
        legs=[venue_symbol_pb2.ListingLeg(venue_symbol="BTC-PERPETUAL", ratio="-1")],
        doubts=["SOURCE_MISSING"],
    )
    listing.ends_at.FromDatetime(later)
    listing.trading_starts_at.FromDatetime(NOW)
    listing.phases.add(status=venue_symbol_pb2.MARKET_STATUS_AUCTION).starts_at.FromDatetime(NOW)
    change = listing.scheduled.add(field="tick_size", value="0.1")
    change.effective_at.FromDatetime(later)
    message = pb.Resolution(
        status=pb.RESOLUTION_STATUS_FOUND, venue_symbol=listing, specs=pb.Specs(maker_fee="0.01")
    )
    message.tradeable.until.FromDatetime(later)
    message.projected = True
    found = decoding.resolution(message, decoding.freshness(FRESHNESS))
    assert (found.ends_at, found.trading_starts_at) == (later, NOW)
    assert found.phases == (cqar.TradingPhase(cqar.MarketStatus.AUCTION, NOW, None),)
    assert found.scheduled == (cqar.ScheduledChange(later, "tick_size", "0.1"),)
    assert (found.channels, found.permission_groups) == (("WS",), (("SPOT", "MARGIN"),))
    assert (found.quote_alternatives, found.doubts) == (("USDC",), ("SOURCE_MISSING",))
    assert found.legs == (cqar.ComboLeg("BTC-PERPETUAL", Decimal(-1)),)
    assert found.tradeable.until == later
    # An alias has the fees of the spelling that it stands for.
    assert (found.maker_fee, found.taker_fee) == (Decimal("0.01"), None)
    then = decoding.past_resolution(message, decoding.freshness(FRESHNESS))
    assert (then.projected, then.scheduled) == (True, found.scheduled)
    spelling = decoding.spelling(listing)
    assert (spelling.channels, spelling.ends_at) == (("WS",), later)


def test_a_product_an_asset_and_a_venue_say_what_they_are() -> None:
    option = symbol_pb2.Symbol(
        underlying_class=symbol_pb2.UNDERLYING_CLASS_EQUITY,
        underlying="TSLA",
        settlement_method=symbol_pb2.SETTLEMENT_METHOD_CASH,
        exercise_style=symbol_pb2.EXERCISE_STYLE_EUROPEAN,
    )
    option.last_trade_at.FromDatetime(NOW)
    told = product_decoding.symbol(option)
    assert told.underlying_class is cqar.UnderlyingClass.EQUITY
    assert (told.underlying, told.last_trade_at) == ("TSLA", NOW)
    assert told.settlement_method is cqar.SettlementMethod.CASH
    assert told.exercise_style is cqar.ExerciseStyle.EUROPEAN
    share = asset_pb2.Asset(asset_class=asset_pb2.ASSET_CLASS_EQUITY)
    assert product_decoding.asset(share).asset_class is cqar.AssetClass.EQUITY
    testnet = venue_pb2.Venue(
        venue_id="binance-testnet",
        environment=venue_pb2.ENVIRONMENT_TESTNET,
        region="eu",
        venue_type=venue_pb2.VENUE_TYPE_CEX,
    )
    venue = product_decoding.venue(testnet)
    assert (venue.environment, venue.region) == (cqar.Environment.TESTNET, "eu")
    assert venue.venue_type == "CEX"
    unknown = product_decoding.venue(venue_pb2.Venue())
    assert (unknown.environment, unknown.region) == (None, None)


def test_a_word_of_a_later_release_is_not_known() -> None:
    listing = venue_symbol_pb2.VenueSymbol(status=99)  # type: ignore[arg-type]
    assert decoding.spelling(listing).market_status is cqar.MarketStatus.UNSPECIFIED
    assert decoding.specs(pb.Specs(order_unit=99)).order_unit is None  # type: ignore[arg-type]


def test_an_option_keeps_its_expiry_strike_and_side() -> None:
    expiry = NOW + dt.timedelta(days=31)
    option = a_symbol(
        symbol_type=SymbolTypeCode.OPTION,
        settlement_asset_id=a_symbol().quote_asset_id,
        contract_kind=ContractKindCode.LINEAR,
        expiry=expiry,
        strike_price=Decimal(100_000),
        option_type=OptionTypeCode.CALL,
    )
    found = resolve_btcusdt(a_listing(symbol_id=option.symbol_id), symbol=option)
    assert (found.symbol.expiry, found.symbol.strike_price) == (expiry, Decimal(100_000))
    assert found.symbol.option_type is cqar.OptionType.CALL
    assert found.symbol.contract_kind is cqar.ContractKind.LINEAR


def test_bands_and_significant_digits_replace_a_single_tick() -> None:
    bands = (
        ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.1")),
        ListingTickBand(from_price=Decimal(100), tick_size=Decimal(1)),
    )
    found = resolve_btcusdt(a_listing(tick_size=None, tick_bands=bands, price_significant_digits=5))
    assert found.specs.tick_size is None
    bands_read = [(band.from_price, band.tick_size) for band in found.specs.tick_bands]
    assert bands_read == [(Decimal(0), Decimal("0.1")), (Decimal(100), Decimal(1))]
    assert found.specs.price_significant_digits == 5


def test_a_denied_permission_says_why_and_is_false() -> None:
    found = resolve_btcusdt(a_listing(status=MarketStatusCode.HALTED), a_flag(), stale=STALE_REASON)
    assert not found.tradeable.open
    codes = [reason.code for reason in found.tradeable.reasons]
    assert codes == ["LISTING_HALTED", "FLAG_CRITICAL_BASE", "STALE_SNAPSHOT"]
    assert not found.tradeable.reduce
    assert found.tradeable.cancel


def test_a_miss_of_a_batch_names_its_key_and_the_reason() -> None:
    reason = pb.Reason(code="VENUE_NOT_FOUND", message="no venue 'nowhere'")
    missed = pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND, not_found=reason)
    found = decoding.resolution_or_miss(
        missed, ("nowhere", "X"), decoding.freshness(FRESHNESS), decoding.resolution
    )
    assert isinstance(found, cqar.Miss)
    assert (found.venue_id, found.venue_symbol, found.status) == ("nowhere", "X", "NOT_FOUND")
    assert found.reason.code == "VENUE_NOT_FOUND"


def test_an_unset_bound_on_staleness_is_none_and_zero_is_zero() -> None:
    assert decoding.freshness(pb.Freshness(epoch=1)).staleness_ms is None
    assert decoding.freshness(pb.Freshness(epoch=1, staleness_ms=0)).staleness_ms == 0


def test_results_are_frozen_equal_by_value_and_survive_json() -> None:
    found = resolve_btcusdt()
    assert found == resolve_btcusdt()
    found.specs.round_size("1")  # what a helper keeps is no part of the value
    assert found == resolve_btcusdt()
    with pytest.raises(AttributeError):
        found.venue_id = "kraken"  # type: ignore[misc]
    text = msgspec.json.encode(found)
    assert b'"tick_size":"0.01"' in text
    assert msgspec.json.decode(text, type=cqar.Resolution) == found


@pytest.mark.parametrize(
    ("enum", "prefix", "of"),
    [
        (pb.SnapshotState, "SNAPSHOT_STATE_", enums.State),
        (pb.SpecsSource, "SPECS_SOURCE_", enums.SpecsSource),
        (venue_symbol_pb2.MarketStatus, "MARKET_STATUS_", enums.MarketStatus),
        (symbol_pb2.SymbolType, "SYMBOL_TYPE_", enums.SymbolType),
        (symbol_pb2.ContractKind, "CONTRACT_KIND_", enums.ContractKind),
        (symbol_pb2.OptionType, "OPTION_TYPE_", enums.OptionType),
        (symbol_pb2.UnderlyingClass, "UNDERLYING_CLASS_", enums.UnderlyingClass),
        (symbol_pb2.SettlementMethod, "SETTLEMENT_METHOD_", enums.SettlementMethod),
        (symbol_pb2.ExerciseStyle, "EXERCISE_STYLE_", enums.ExerciseStyle),
        (venue_symbol_pb2.OrderUnit, "ORDER_UNIT_", enums.OrderUnit),
        (asset_pb2.AssetClass, "ASSET_CLASS_", enums.AssetClass),
        (venue_pb2.Environment, "ENVIRONMENT_", enums.Environment),
        (quality_flag_pb2.FlagSeverity, "FLAG_SEVERITY_", enums.Severity),
    ],
)
def test_enum_words_are_the_contracts(enum: object, prefix: str, of: type) -> None:
    names = {name.removeprefix(prefix) for name in enum.keys()}  # type: ignore[attr-defined] # noqa: SIM118
    assert {word.value for word in of} == names  # type: ignore[attr-defined]


def test_a_change_is_decoded_by_its_kind_for_every_exported_kind() -> None:
    exported = {kind.name: kind.message for kind in KINDS if kind.exported and kind.resident}
    assert exported == changes.MESSAGES
    asset = asset_pb2.Asset(asset_id=an_asset().asset_id, symbol="BTC")
    payload = asset.SerializeToString()
    created = cqar.Change("asset", asset.asset_id, payload, deleted=False, archived=False)
    assert created.message() == asset
    deleted = cqar.Change("asset", asset.asset_id, b"", deleted=True, archived=False)
    with pytest.raises(ValueError, match="is deleted"):
        deleted.message()


def test_every_public_name_can_be_imported() -> None:
    assert sorted([*cqar._MODULE_BY_NAME, "__version__"]) == cqar.__all__
    for name in cqar.__all__:
        assert getattr(cqar, name) is not None
    assert set(cqar.__all__) <= set(dir(cqar))
    with pytest.raises(AttributeError, match="nonsense"):
        cqar.nonsense  # noqa: B018
