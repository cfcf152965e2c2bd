"""Results decoded from responses: every field, exact, frozen, and encodable as JSON."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

import cqar
from cqar.sdk import changes, decoding, enums
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
    assert sorted(cqar._MODULE_BY_NAME) == cqar.__all__
    for name in cqar.__all__:
        assert getattr(cqar, name) is not None
    assert set(cqar.__all__) <= set(dir(cqar))
    with pytest.raises(AttributeError, match="nonsense"):
        cqar.nonsense  # noqa: B018
