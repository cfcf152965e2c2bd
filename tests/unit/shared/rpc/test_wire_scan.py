"""What is looked at before a request is built: counts, lengths and depths, from bytes alone."""

from __future__ import annotations

from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.errors import FieldViolation, Invalid, TooLarge
from cqar_shared.rpc import message_shapes, request_limits, request_reader, wire_scan
from tests.support.entity_strategies import entities

KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
#: Fields of messages that are stated as bytes here, by their tags.
KINDS_TAG, VENUE_IDS_TAG = 0x1A, 0x22
ITEMS_TAG, GROUP_TAG, LISTING_TAG, CODES_TAG = 0x0A, 0x32, 0x62, b"\xaa\x06"


class Watched(bytes):
    """Bytes that count how often they are read."""

    reads = 0

    def __getitem__(self, place: Any) -> Any:
        self.reads += 1
        return super().__getitem__(place)


def sized(tag: int | bytes, content: bytes) -> bytes:
    """A field of that content."""
    length, left = bytearray(), len(content)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return (bytes([tag]) if isinstance(tag, int) else tag) + bytes(length) + content


def refused(raw: bytes, message: Any = registry_admin_pb2.ApplyRequest) -> FieldViolation:
    with pytest.raises(Invalid) as caught:
        wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))
    (violation,) = caught.value.violations
    return violation


def undecodable(raw: bytes, message: Any = registry_admin_pb2.ApplyRequest) -> None:
    with pytest.raises(wire_scan.Undecodable):
        wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))


# ---------------------------------------------------------------- what passes


@KIND
@given(data=st.data())
def test_whatever_a_kind_can_say_passes_and_is_read_as_it_was_written(
    kind: AnyKind, data: st.DataObject
) -> None:
    entity = data.draw(entities(kind))
    message = entity_codec.to_message(kind, entity)
    raw = message.SerializeToString()
    wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))
    read = kind.message()
    for piece in wire_scan.pieces(raw):
        read.MergeFromString(piece)
    assert read == message


def test_a_large_request_is_read_in_pieces_to_what_it_is() -> None:
    request = registry_admin_pb2.ApplyRequest(skip_rejected=True)
    for number in range(request_limits.ITEMS_MAX):
        request.items.add(if_revision=number).asset.name = "x" * 100
    raw = request.SerializeToString()
    found = list(wire_scan.pieces(raw))
    assert b"".join(found) == raw
    assert max(map(len, found)) < 2 * wire_scan.PIECE_BYTES
    assert request_reader.parsed(registry_admin_pb2.ApplyRequest, raw, len(raw)) == request


# ---------------------------------------------------------------- what is too many


@pytest.mark.parametrize(("tag", "field"), [(KINDS_TAG, "kinds"), (VENUE_IDS_TAG, "venue_ids")])
def test_four_million_empty_names_are_refused_after_some_hundred(tag: int, field: str) -> None:
    raw = Watched(bytes([tag, 0]) * 4_000_000)
    found = refused(raw, resolver_pb2.WatchRequest)
    assert (found.field, found.reason) == (field, "TOO_MANY")
    assert raw.reads <= 4 * request_limits.ELEMENTS_MAX


def test_parts_of_an_entity_are_refused_with_their_path_before_they_are_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def built(_: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr("cqar_shared.rpc.wire_scan.pieces", built)
    members = sized(ITEMS_TAG, sized(GROUP_TAG, b"\x22\x00" * 10_000))
    bands = sized(ITEMS_TAG, sized(LISTING_TAG, b"\xc2\x06\x00" * 10_000))
    codes = sized(ITEMS_TAG, sized(0x5A, CODES_TAG + b"\x00")) + sized(
        ITEMS_TAG, sized(0x5A, (CODES_TAG + b"\x00") * 10_000)
    )
    for raw, path in (
        (members, "items[0].asset_group.members"),
        (bands, "items[0].venue_symbol.tick_bands"),
        (codes, "items[1].venue_asset.other_codes"),
    ):
        with pytest.raises(Invalid) as caught:
            request_reader.parsed(registry_admin_pb2.ApplyRequest, raw, len(raw))
        assert [v[:2] for v in caught.value.violations] == [(path, "TOO_MANY")]


def test_what_is_stated_twice_is_counted_together() -> None:
    half = sized(LISTING_TAG, b"\xc2\x06\x00" * (request_limits.ELEMENTS_MAX // 2 + 1))
    assert refused(sized(ITEMS_TAG, half + half)).field == "items[0].venue_symbol.tick_bands"


@pytest.mark.parametrize(
    ("message", "raw", "field"),
    [
        (registry_admin_pb2.ApplyRequest, b"\x0a\x00" * 5_001, "items"),
        (resolver_pb2.ResolveBatchRequest, b"\x0a\x00" * 2_001, "keys"),
        (resolver_pb2.FindVenueSymbolsRequest, b"\x12\x00" * 2_001, "venue_ids"),
    ],
)
def test_what_can_be_sent_in_parts_is_too_large(message: Any, raw: bytes, field: str) -> None:
    with pytest.raises(TooLarge, match=f"{field}: at most [25]000: split them"):
        wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))


@pytest.mark.parametrize("unknown", [b"\xf8\x3f\x00", b"\xfa\x3f\x00"], ids=["number", "bytes"])
def test_fields_of_all_messages_are_counted_unknown_ones_too(unknown: bytes) -> None:
    raw = sized(ITEMS_TAG, sized(LISTING_TAG, unknown * (request_limits.FIELDS_MAX + 1)))
    with pytest.raises(TooLarge, match="the request holds more than 1048576 fields: split it"):
        wire_scan.require_bounded(
            raw, message_shapes.shape_of(registry_admin_pb2.ApplyRequest.DESCRIPTOR)
        )


# ---------------------------------------------------------------- numbers of many


def numbers() -> Any:
    """A message of ours has no list of numbers; one that comes is counted like all else."""
    file = descriptor_pb2.FileDescriptorProto(name="numbers.proto", package="t", syntax="proto3")
    made = file.message_type.add(name="Numbers")
    types = descriptor_pb2.FieldDescriptorProto
    for number, kind in enumerate((types.TYPE_INT64, types.TYPE_DOUBLE, types.TYPE_FIXED32), 1):
        field = made.field.add(name=f"f{number}", number=number, type=kind)
        field.label = types.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Numbers"))


@pytest.mark.parametrize(
    ("tag", "one", "width"),
    [(0x08, b"\x80\x01", 2), (0x11, bytes(8), 8), (0x1D, bytes(4), 4)],
    ids=["varint", "double", "fixed"],
)
def test_numbers_are_counted_packed_and_not(tag: int, one: bytes, width: int) -> None:
    most, message = request_limits.ELEMENTS_MAX, numbers()
    shape = message_shapes.shape_of(message.DESCRIPTOR)
    unpacked, packed = bytes([tag]) + one, tag & ~7 | 2
    for raw in (unpacked * most, sized(packed, one * most)):
        wire_scan.require_bounded(raw, shape)
        assert sum(len(value) for _, value in message.FromString(raw).ListFields()) == most
    for raw in (
        unpacked * (most + 1),
        sized(packed, one * (most + 1)),
        sized(packed, one * most) + unpacked,
        sized(packed, one * (most * 10)),
        sized(packed, one * (most * 100 // width)),
    ):
        assert refused(raw, message).reason == "TOO_MANY"


# ---------------------------------------------------------------- what is too long or too deep


@pytest.mark.parametrize(
    ("message", "raw", "field"),
    [
        (asset_registry_pb2.CreateAssetRequest, sized(0x12, bytes(16_385)), "name"),
        (asset_registry_pb2.CreateAssetRequest, sized(b"\xfa\x3f", bytes(16_385)), ""),
        (resolver_pb2.WatchRequest, sized(KINDS_TAG, bytes(16_385)), "kinds[0]"),
        (
            resolver_pb2.ResolveBatchRequest,
            sized(0x0A, b"") + sized(0x0A, sized(0x12, bytes(16_385))),
            "keys[1].venue_symbol",
        ),
        (
            asset_registry_pb2.UpdateVenueRequest,
            sized(0x42, bytes(70_000)),
            "metadata",
        ),
    ],
    ids=["a text", "an unknown field", "one of many", "in a part", "metadata"],
)
def test_a_text_that_is_too_long_is_named(message: Any, raw: bytes, field: str) -> None:
    found = refused(raw, message)
    assert (found.field, found.reason) == (field, "TOO_LONG")


def test_what_is_too_deep_is_refused() -> None:
    inner = b""
    for _ in range(40):  # a list of lists
        inner = sized(0x32, sized(0x0A, inner))
    struct = sized(0x0A, sized(0x0A, b"a") + sized(0x12, inner))
    assert refused(sized(ITEMS_TAG, sized(ITEMS_TAG, sized(0x5A, struct)))).reason == "TOO_DEEP"


# ---------------------------------------------------------------- what is no message


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\x0a\x04\x62\x05ab" + b"c" * 9,
        b"\x10",
        b"\x09\x00",
        b"\x0b\x0c",
        b"\x0f",
        b"\x10" + b"\x80" * 11,
        b"\x80" * 11,
    ],
)
def test_what_is_no_message_is_found_out(raw: bytes) -> None:
    undecodable(raw)


def test_a_number_that_does_not_end_is_not_looked_for_long() -> None:
    raw = Watched(b"\x10" + b"\x80" * 1_000_000)
    undecodable(raw)
    assert raw.reads < 20


@given(st.binary(max_size=400))
def test_any_bytes_pass_or_are_refused(raw: bytes) -> None:
    shape = message_shapes.shape_of(registry_admin_pb2.ApplyRequest.DESCRIPTOR)
    try:
        wire_scan.require_bounded(raw, shape)
    except (wire_scan.Undecodable, Invalid, TooLarge):
        return
    assert b"".join(wire_scan.pieces(raw)) == raw
