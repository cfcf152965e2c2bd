"""Each method takes the largest request that its rules allow, and none much larger."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from cqar_resolver.queries.resolution import KEYS_MAX
from cqar_resolver.services import watch_stream
from cqar_shared.codec import entity_codec
from cqar_shared.domain import decimals, listing_term_rules, rules
from cqar_shared.domain.kinds import asset_group, venue_asset
from cqar_shared.domain.kinds.finding import FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import SpellingChannelCode
from cqar_shared.errors import Invalid, TooLarge
from cqar_shared.rpc import message_shapes, request_limits, request_reader, wire_scan
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX
from cqar_writer.mutations import ITEMS_MAX
from cqar_writer.services import admin
from tests.support.entity_builders import an_id

FILES: Final = (asset_registry_pb2, registry_admin_pb2, resolver_pb2)
METHODS: Final = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
#: What rules allow of lists, by field.
COUNTS: Final = {
    "items": ITEMS_MAX,
    "keys": KEYS_MAX,
    "members": asset_group.MEMBERS_MAX,
    "rpc_urls": rules.URLS_MAX,
    "other_codes": venue_asset.OTHER_CODES_MAX,
    "networks": venue_asset.NETWORKS_MAX,
    "tick_bands": listing_term_rules.TICK_BANDS_MAX,
    "phases": listing_term_rules.PHASES_MAX,
    "scheduled": listing_term_rules.SCHEDULED_MAX,
    "permission_groups": listing_term_rules.PERMISSION_SETS_MAX,
    "groups": listing_term_rules.PERMISSION_GROUPS_MAX,
    **dict.fromkeys(
        ("quote_alternatives", "order_types", "time_in_force"), listing_term_rules.WORDS_MAX
    ),
    "legs": listing_term_rules.LEGS_MAX,
    "doubts": listing_term_rules.DOUBTS_MAX,
    "channels": len(SpellingChannelCode),
    "kinds": watch_stream.NAMES_MAX,
    "actors": request_limits.FILTERS_MAX,
    "states": len(FindingState),
    "actions": len(FindingAction),
}
SLUGS: Final = ("venue_id", "venue_ids", "chain_id", "kinds", "region")
DECIMALS: Final = (
    *("weight_exact", "from_price", "tick_size", "conversion_rate"),
    *("price", "quantity", "reference_price", "ratio"),
    *("min_deposit", "min_withdrawal", "withdrawal_fee"),
)
#: Words and names of at most 64 ASCII characters.
WORDS: Final = ("groups", "order_types", "time_in_force", "doubts", "field", "value", "channels")
SPELLED: Final = (
    *("symbol", "venue_symbol", "external_id", "query", "underlying", "code"),
    *("network", "contract_address", "quote_alternatives"),
)
TEXTS: Final = ("description", "reason", "resolution_notes")


def count_of(field: FieldDescriptor) -> int:
    if field.name == "venue_ids":
        few = {
            "WatchRequest": watch_stream.NAMES_MAX,
            "ListChangesRequest": request_limits.FILTERS_MAX,
            "ListVenueFactsRequest": request_limits.FILTERS_MAX,
        }
        return few.get(field.containing_type.name, KEYS_MAX)
    return COUNTS[field.name]


def text_of(field: FieldDescriptor) -> str:
    """The longest that its rule allows, in characters of four bytes where it allows those."""
    if field.name in (*SLUGS, *WORDS):
        return "x" * 64
    if field.name.endswith("_id"):
        return an_id("x")
    if field.containing_type.name.endswith("Decimals") or field.name in DECIMALS:
        return "1" * decimals.CHARS_MAX
    if "url" in field.name or field.name == "api_endpoint":
        return "𒀀" * rules.URL_CHARS_MAX
    if field.name in TEXTS:
        return "𒀀" * rules.TEXT_CHARS_MAX
    spelled = field.name in SPELLED
    return "𒀀" * (rules.SYMBOL_CHARS_MAX if spelled else rules.NAME_CHARS_MAX)


def fill(message: Any) -> Any:
    """All that a message can say, each as large as its rule allows."""
    for field in message.DESCRIPTOR.fields:
        count = count_of(field) if field.is_repeated else 1
        if field.message_type is not None:
            if field.message_type.full_name == "google.protobuf.Struct":
                getattr(message, field.name)["text"] = "x" * (entity_codec.METADATA_BYTES_MAX - 100)
            elif field.is_repeated:
                getattr(message, field.name).extend(
                    [fill(message_type(field)()) for _ in range(count)]
                )
            elif field.message_type.full_name == "google.protobuf.Timestamp":
                getattr(message, field.name).seconds = 2**35
            else:
                fill(getattr(message, field.name))
        elif field.type == FieldDescriptor.TYPE_STRING:
            value = text_of(field)
            if field.is_repeated:
                getattr(message, field.name).extend([value] * count)
            else:
                setattr(message, field.name, value)
        elif field.is_repeated:
            getattr(message, field.name).extend([1] * count)
        elif field.type == FieldDescriptor.TYPE_ENUM:
            setattr(message, field.name, 1)
        else:
            setattr(message, field.name, 2**31 - 1 if field.type != field.TYPE_BOOL else True)
    return message


def message_type(field: FieldDescriptor) -> Any:
    return field.message_type._concrete_class


def request_of(method: MethodDescriptor) -> Any:
    return method.input_type._concrete_class


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_the_largest_request_that_its_rules_allow(name: str) -> None:
    message = request_of(METHODS[name])
    if name.endswith(("/Apply", "/Propose")):
        # Larger ones are split: 16 MiB are what any message has.
        assert request_limits.bytes_max(name) == MESSAGE_BYTES_MAX
        return
    request = fill(message())
    raw = request.SerializeToString()
    most = request_limits.bytes_max(name)
    assert len(raw) <= most, name
    assert request_reader.parsed(message, raw, most) == request
    wire_scan.require_bounded(raw, message_shapes.shape_of(message.DESCRIPTOR))
    assert "writer" in name or most <= request_limits.RESOLVER_BYTES_MAX
    named = name in request_limits.BYTES_MAX
    assert not named or len(raw) > max(most // 4, request_limits.REQUEST_BYTES_MAX), name


@pytest.mark.parametrize("name", METHODS)
def test_a_request_larger_than_its_methods_is_refused_unread(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_at(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("cqar_shared.rpc.wire_scan.require_bounded", looked_at)
    most = request_limits.bytes_max(name)
    with pytest.raises(TooLarge, match=f"at most {most} of this method"):
        request_reader.parsed(request_of(METHODS[name]), bytes(most + 1), most)


def test_every_name_in_the_table_is_a_method_a_message_or_a_field() -> None:
    assert request_limits.BYTES_MAX.keys() <= METHODS.keys()
    known: dict[str, message_shapes.Shape] = {}
    for method in METHODS.values():
        message_shapes._shape(method.input_type, known)
    for message, field in {*request_limits.COUNTS_MAX, *request_limits.SPLITTABLE}:
        assert field in {step.name for step in known[message].steps.values()}
    assert request_limits.SMALL_BYTES_OF.keys() <= known.keys()
    assert request_limits.MESSAGES_BYTES_MAX.keys() <= known.keys()


def test_what_an_export_tells_an_apply_takes_however_dense() -> None:
    assert request_limits.FIELDS_MAX >= admin.EXPORT_BYTES // 2
    assert admin.EXPORT_ITEMS <= request_limits.ITEMS_MAX


def test_a_hundred_violations_are_told_and_each_in_brief() -> None:
    group = asset_group.ASSET_GROUP.message()
    for _ in range(1_000):
        group.members.add(weight_exact="x" * 5_000)
    _, found = entity_codec.read(asset_group.AssetGroup, group)
    assert len(found) == 100
    long = [found[0]._replace(field="f" * 9_999, message="m" * 9_999)] * 1_000
    error = Invalid(long)
    assert len(error.violations) == 100
    assert len(str(error)) < 100 * 1_000
