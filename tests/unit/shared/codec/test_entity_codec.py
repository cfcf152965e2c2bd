"""Entities, messages and bytes say the same; what does not parse is refused, field by field."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from cqc.assets.v1 import asset_pb2, relationship_pb2
from cqc.markets.v1 import symbol_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.venues.v1 import venue_asset_pb2, venue_symbol_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqar_shared.codec import entity_codec
from cqar_shared.domain import decimals, entity_diff
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetType
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP, AssetRelationship
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol
from cqar_shared.errors import Invalid
from tests.support.entity_builders import NOW, a_symbol, a_venue_symbol
from tests.support.entity_strategies import entities

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
bounded = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def refused(kind: AnyKind, message: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        entity_codec.from_message(kind, message)
    return {(v.field, v.reason) for v in caught.value.violations}


# ---------------------------------------------------------------- round trips


@each_kind
@bounded
@given(data=st.data())
def test_an_entity_comes_back_from_its_message_and_its_bytes(
    kind: AnyKind, data: st.DataObject
) -> None:
    entity = data.draw(entities(kind))
    assert entity_codec.from_message(kind, entity_codec.to_message(kind, entity)) == entity
    assert entity_codec.decode(kind, entity_codec.encode(kind, entity)) == entity


@each_kind
@bounded
@given(data=st.data())
def test_equal_entities_have_equal_bytes(kind: AnyKind, data: st.DataObject) -> None:
    entity = data.draw(entities(kind))
    encoded = entity_codec.encode(kind, entity)
    assert entity_codec.encode(kind, entity_codec.decode(kind, encoded)) == encoded
    reordered = type(entity)(
        **{
            name: dict(reversed(value.items())) if isinstance(value, dict) else value
            for name, value in ((n, getattr(entity, n)) for n in entity.__struct_fields__)
        }
    )
    assert entity_codec.encode(kind, reordered) == encoded


def test_a_number_of_another_scale_has_the_same_bytes() -> None:
    one, other = a_symbol(tick_size=Decimal("1E-8")), a_symbol(tick_size=Decimal("0.000000010"))
    assert entity_codec.encode(SYMBOL, one) == entity_codec.encode(SYMBOL, other)


@bounded
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_double_alone_is_read_as_its_shortest_decimal(value: float) -> None:
    message = symbol_pb2.Symbol(tick_size=value)
    if len(format(Decimal(repr(value)), "f")) > decimals.CHARS_MAX:
        assert refused(SYMBOL, message) == {("tick_size", "NOT_A_DECIMAL")}
    else:
        entity = entity_codec.from_message(SYMBOL, message)
        assert isinstance(entity, Symbol)
        assert entity.tick_size == Decimal(repr(value))


def test_an_exact_one_that_is_cleared_leaves_the_double_beside_it() -> None:
    message = symbol_pb2.Symbol(tick_size=0.5)
    message.exact.tick_size = ""
    entity = entity_codec.from_message(SYMBOL, message)
    assert isinstance(entity, Symbol)
    assert entity.tick_size == Decimal("0.5")


# ---------------------------------------------------------------- decimals


def test_a_tenth_stays_a_tenth_and_is_mirrored_as_a_double() -> None:
    entity = entity_codec.from_message(SYMBOL, symbol_pb2.Symbol(tick_size=0.1))
    assert isinstance(entity, Symbol)
    assert str(entity.tick_size) == "0.1"
    message: Any = entity_codec.to_message(SYMBOL, entity)
    assert (message.exact.tick_size, message.tick_size) == ("0.1", 0.1)


def test_both_forms_that_agree_are_one_value_and_that_differ_are_refused() -> None:
    message = symbol_pb2.Symbol(tick_size=0.1, lot_size=0.5)
    message.exact.tick_size, message.exact.lot_size = "0.10", "0.25"
    assert refused(SYMBOL, message) == {("exact.lot_size", "TWO_VALUES")}
    message.exact.lot_size = "0.5"
    entity = entity_codec.from_message(SYMBOL, message)
    assert isinstance(entity, Symbol)
    assert (entity.tick_size, entity.lot_size) == (Decimal("0.1"), Decimal("0.5"))


def test_the_exact_string_wins_where_a_double_cannot_hold_it() -> None:
    text = "0.1234567890123456789"
    message = symbol_pb2.Symbol(tick_size=float(text))
    message.exact.tick_size = text
    entity = entity_codec.from_message(SYMBOL, message)
    assert isinstance(entity, Symbol)
    assert str(entity.tick_size) == text


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "nan", "Infinity", "-inf", "1e3", "1E-8", "1_000", "+1", " 1", "1 ", "1\n"),
        *(".5", "5.", "--1", "0x10", "01", "1,5", "\u0661", "1" * 65, "-", "."),
    ],
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    message = symbol_pb2.Symbol()
    message.exact.tick_size = text
    assert refused(SYMBOL, message) == {("exact.tick_size", "NOT_A_DECIMAL")}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_double_that_is_no_number_is_refused(value: float) -> None:
    message = symbol_pb2.Symbol(tick_size=value)
    assert refused(SYMBOL, message) == {("tick_size", "NOT_A_DECIMAL")}


def test_every_bad_field_is_reported_at_once() -> None:
    message = venue_symbol_pb2.VenueSymbol(maker_fee=float("nan"), venue_id="a\0b", status=99)  # type: ignore[arg-type]
    message.exact.tick_size, message.exact.lot_size = "1e3", "+1"
    message.tick_bands.add(from_price="x", tick_size="1")
    message.tick_bands.add(from_price="1", tick_size="NaN")
    message.tick_bands.add(from_price="", tick_size="")
    message.listed_at.seconds = 10**12
    assert refused(VENUE_SYMBOL, message) == {
        ("maker_fee", "NOT_A_DECIMAL"),
        ("venue_id", "NUL"),
        ("status", "UNKNOWN"),
        ("exact.tick_size", "NOT_A_DECIMAL"),
        ("exact.lot_size", "NOT_A_DECIMAL"),
        ("tick_bands[0].from_price", "NOT_A_DECIMAL"),
        ("tick_bands[1].tick_size", "NOT_A_DECIMAL"),
        ("tick_bands[2].from_price", "NOT_A_DECIMAL"),
        ("tick_bands[2].tick_size", "NOT_A_DECIMAL"),
        ("listed_at", "OUT_OF_RANGE"),
    }


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        *(("1.50", "1.5"), ("2.000", "2"), ("0.0", "0"), ("-0", "0"), ("-0.00", "0")),
        *(("100", "100"), ("-1.20", "-1.2"), ("0.00000001", "0.00000001")),
    ],
)
def test_trailing_zeros_are_dropped_and_the_notation_is_plain(text: str, plain: str) -> None:
    assert decimals.plain(decimals.parse(text)) == plain
    message = relationship_pb2.AssetRelationship(conversion_rate=text)
    entity = entity_codec.from_message(ASSET_RELATIONSHIP, message)
    assert isinstance(entity, AssetRelationship)
    written: Any = entity_codec.to_message(ASSET_RELATIONSHIP, entity)
    assert written.conversion_rate == plain


# ---------------------------------------------------------------- other fields


def test_an_empty_string_clears_an_optional_field_and_stays_in_a_required_one() -> None:
    message = symbol_pb2.Symbol(settlement_asset_id="", base_asset_id="")
    message.exact.tick_size = ""
    given_fields, _ = entity_codec.read(Symbol, message)
    assert given_fields == {"settlement_asset_id": None, "tick_size": None, "base_asset_id": ""}


def test_what_a_message_leaves_unset_is_not_given() -> None:
    assert entity_codec.read(Symbol, symbol_pb2.Symbol()) == ({}, [])


def test_the_number_zero_of_an_enum_is_no_value() -> None:
    message = asset_pb2.Asset(asset_type=asset_pb2.ASSET_TYPE_UNSPECIFIED)
    assert entity_codec.read(Asset, message) == ({"asset_type": None}, [])


def test_an_unknown_enum_number_is_refused() -> None:
    message = asset_pb2.Asset(asset_type=4711)  # type: ignore[arg-type]
    assert refused(ASSET, message) == {("asset_type", "UNKNOWN")}


def test_an_unknown_enum_number_is_said_by_the_name_that_the_contract_has() -> None:
    message = venue_symbol_pb2.VenueSymbol(status=99)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=r"99 is no MarketStatus$"):
        entity_codec.from_message(VENUE_SYMBOL, message)


def test_a_nul_is_refused_wherever_text_may_stand() -> None:
    message = venue_asset_pb2.VenueAsset(venue_id="a\0", other_codes=["X", "\0"])
    message.metadata["key"] = "\0"
    assert refused(VENUE_ASSET, message) == {
        ("venue_id", "NUL"),
        ("other_codes", "NUL"),
        ("metadata", "NUL"),
    }
    in_key = asset_pb2.Asset()
    in_key.metadata["a\0b"] = 1
    assert refused(ASSET, in_key) == {("metadata", "NUL")}


def test_metadata_has_a_bound_and_holds_only_what_json_holds() -> None:
    message = asset_pb2.Asset()
    message.metadata["text"] = "x" * (entity_codec.METADATA_BYTES_MAX - 64)
    entity = entity_codec.from_message(ASSET, message)
    assert isinstance(entity, Asset)
    assert entity_codec.decode(ASSET, entity_codec.encode(ASSET, entity)) == entity
    message.metadata["text"] = "x" * entity_codec.METADATA_BYTES_MAX
    assert refused(ASSET, message) == {("metadata", "TOO_LONG")}
    nan = asset_pb2.Asset()
    nan.metadata["x"] = float("nan")
    assert refused(ASSET, nan) == {("metadata", "NOT_JSON")}


@pytest.mark.parametrize("number", [1e15, 1e16, 2.0**53, 2.0**64, -1e19, 1e30, 1e308, 0.1, -0.0])
def test_a_number_in_metadata_comes_back_as_it_was(number: float) -> None:
    message = asset_pb2.Asset()
    message.metadata["x"] = number
    entity = entity_codec.from_message(ASSET, message)
    assert isinstance(entity, Asset)
    assert entity.metadata == {"x": number}
    assert entity_codec.decode(ASSET, entity_codec.encode(ASSET, entity)) == entity


def test_empty_metadata_is_not_the_same_as_none() -> None:
    message = asset_pb2.Asset()
    message.metadata.SetInParent()
    entity = entity_codec.from_message(ASSET, message)
    assert isinstance(entity, Asset)
    assert entity.metadata == {}
    assert entity_codec.decode(ASSET, entity_codec.encode(ASSET, entity)) == entity


def _seconds(message: Any) -> None:
    message.created_at.seconds = 2**62


def _year_1(message: Any) -> None:
    message.created_at.seconds = -62_135_596_800


def _year_9999(message: Any) -> None:
    message.created_at.seconds = 253_402_300_799


def _nanos(message: Any) -> None:
    message.created_at.nanos = -1


@pytest.mark.parametrize("spoil", [_seconds, _year_1, _year_9999, _nanos])
def test_an_instant_that_cannot_be_stored_is_refused(spoil: Callable[[Any], None]) -> None:
    message = asset_pb2.Asset()
    spoil(message)
    assert refused(ASSET, message) == {("created_at", "OUT_OF_RANGE")}


# ---------------------------------------------------------------- derived fields, like, words


@pytest.mark.parametrize("status", MarketStatusCode)
def test_a_derived_field_may_be_echoed_and_not_contradicted(status: MarketStatusCode) -> None:
    message: Any = entity_codec.to_message(VENUE_SYMBOL, VenueSymbol(status=status))
    assert message.HasField("is_active")
    entity_codec.from_message(VENUE_SYMBOL, message)
    message.is_active = not message.is_active
    assert refused(VENUE_SYMBOL, message) == {("is_active", "DERIVED")}


def test_a_delisted_venue_asset_is_not_active() -> None:
    message: Any = entity_codec.to_message(VENUE_ASSET, VenueAsset(delisted_at=NOW))
    assert message.is_active is False
    message.is_active = True
    assert refused(VENUE_ASSET, message) == {("is_active", "DERIVED")}


def test_like_copies_fields_of_the_same_name_and_type_and_no_others() -> None:
    request = asset_registry_pb2.CreateVenueSymbolRequest(
        venue_id="binance", maker_fee=-0.0001, is_primary=False, venue_symbol=""
    )
    request.exact.tick_size = "0.1"
    request.tick_bands.add(from_price="0", tick_size="1")
    request.listed_at.seconds = 7
    message: Any = entity_codec.like(VENUE_SYMBOL, request)
    assert (message.venue_id, message.maker_fee) == ("binance", -0.0001)
    assert message.HasField("is_primary")
    assert message.HasField("venue_symbol")
    assert not message.HasField("status")
    assert (message.exact.tick_size, message.listed_at.seconds) == ("0.1", 7)
    assert [band.tick_size for band in message.tick_bands] == ["1"]


def test_like_renames_and_tells_fields_of_one_name_apart_by_type() -> None:
    request = asset_registry_pb2.CreateChainRequest(name="Ethereum", chain_id=1, id="ethereum")
    # Its chain_id is a number, the kind's a slug: without a new name it goes nowhere.
    assert not entity_codec.like(CHAIN, request).HasField("chain_id")
    renamed = {"id": "chain_id", "name": "chain_name", "chain_id": "network_id"}
    message: Any = entity_codec.like(CHAIN, request, renamed)
    assert (message.chain_id, message.chain_name, message.network_id) == ("ethereum", "Ethereum", 1)


def test_like_keeps_an_empty_message_that_was_given() -> None:
    request = asset_registry_pb2.UpdateVenueRequest(venue_id="binance")
    request.metadata.SetInParent()
    kind = next(kind for kind in KINDS if kind.name == "venue")
    assert entity_codec.like(kind, request).HasField("metadata")


def test_differences_are_told_field_by_field_in_plain_words() -> None:
    before = a_venue_symbol(tick_size=Decimal("1E-8"), status=MarketStatusCode.ONLINE)
    after = a_venue_symbol(tick_size=None, status=MarketStatusCode.HALTED, listed_at=NOW)
    assert set(entity_diff.differences(before, after)) == {
        ("tick_size", "0.00000001", ""),
        ("status", "ONLINE", "HALTED"),
        ("listed_at", "", "2026-11-24T12:00:00Z"),
    }
    assert list(entity_diff.differences(before, before)) == []


def test_a_long_text_is_cut_and_says_how_long_it_is() -> None:
    assert entity_diff.shortened("x" * 500) == "x" * 500
    assert entity_diff.shortened("x" * 501) == "x" * 500 + "… (501 characters)"

    assert entity_diff.value_text({"a": 1}) == '{"a":1}'
    assert entity_diff.value_text(AssetType.ERC20) == "ERC20"
