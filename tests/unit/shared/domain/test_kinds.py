"""A kind's struct, message and table agree, and what it names exists."""

from __future__ import annotations

import re
import typing
from decimal import Decimal
from typing import Any, Final

import pytest
import sqlalchemy as sa
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.descriptor import FieldDescriptor

from cqar_shared.codec import entity_codec, events
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.sql import schema
from cqar_shared.sql.tables import (
    child_tables_of,
    metadata,
    table_of,
    table_of_lookup,
    tables_of,
)
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    a_chain,
    a_deployment,
    a_finding,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_identifier,
)

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)

#: Message fields that no struct has: the exact decimals' home, and what is derived.
NOT_OF_THE_STRUCT: Final = {
    "asset_deployment": {"chain_name"},
    "symbol": {"exact"},
    "venue_asset": {"exact", "is_active"},
    "venue_symbol": {"exact", "is_active", "ends_at"},
}
#: Struct fields that stand in `exact` alone: CQC has no double for them.
ONLY_EXACT: Final = {
    "venue_symbol": {
        "tick_size",
        "lot_size",
        "min_order_size",
        "max_order_size",
        "contract_size",
        "unit_multiplier",
        "market_lot_size",
        "market_min_size",
        "market_max_size",
        "min_price",
        "max_price",
        "bid_multiplier_up",
        "bid_multiplier_down",
        "ask_multiplier_up",
        "ask_multiplier_down",
        "market_min_notional",
        "market_max_notional",
        "initial_margin_rate",
        "maintenance_margin_rate",
    },
}
#: Parts that are rows of a child table, not a column.
PARTS: Final = {"asset_group": {"members"}, "archive": {"entities"}}
#: Kinds that announce nothing.
SILENT: Final = {
    *("api_key", "archive", "asset_price", "listing_source", "signing_key", "venue_facts"),
}
DELISTED: Final = {"delisted_at": NOW}
EXAMPLES: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "asset": (an_asset(), {"name": "Bitcoin"}),
    "chain": (a_chain(), {"chain_name": "Ether"}),
    "asset_relationship": (a_relationship(ETH, BTC), {"protocol": "x"}),
    "venue": (a_venue(), {"name": "B"}),
    "asset_deployment": (a_deployment(), {"decimals": 8}),
    "asset_identifier": (an_identifier(), {"is_primary": True}),
    "asset_group": (a_group(ETH), {"description": "x"}),
    "quality_flag": (a_flag(), {"resolved_at": NOW}),
    "symbol_identifier": (a_symbol_identifier(), {"is_primary": True}),
    "symbol": (a_symbol(), {"is_active": False}),
    "venue_asset": (a_venue_asset(), DELISTED),
    "venue_symbol": (a_venue_symbol(), DELISTED),
    "finding": (a_finding(), {"decided_at": NOW}),
}


@each_kind
def test_message_and_struct_have_the_same_fields_but_for_named_exceptions(kind: AnyKind) -> None:
    struct = set(kind.entity.__struct_fields__)
    message = set(kind.message.DESCRIPTOR.fields_by_name)
    assert message - struct == NOT_OF_THE_STRUCT.get(kind.name, set())
    assert struct - message == ONLY_EXACT.get(kind.name, set())


@each_kind
def test_every_decimal_has_an_exact_form_on_the_wire(kind: AnyKind) -> None:
    hints = typing.get_type_hints(kind.entity)
    fields = kind.message.DESCRIPTOR.fields_by_name
    decimals: Any = fields["exact"].message_type if "exact" in fields else None
    exact = decimals.fields_by_name if decimals else {}
    found = {n for n in hints if Decimal in (hints[n], *typing.get_args(hints[n]))}
    for name in found:
        own = fields.get(name)
        assert name in exact or (own is not None and own.type == FieldDescriptor.TYPE_STRING)
    assert set(exact) <= found


@each_kind
def test_table_and_struct_have_the_same_fields(kind: AnyKind) -> None:
    parts = PARTS.get(kind.name, set())
    assert {c.name for c in table_of(kind).c} == set(kind.entity.__struct_fields__) - parts


@each_kind
def test_column_types_fit_the_fields(kind: AnyKind) -> None:
    for name, hint in typing.get_type_hints(kind.entity).items():
        if Decimal in (hint, *typing.get_args(hint)):
            assert isinstance(table_of(kind).c[name].type, sa.Numeric), name
            assert not isinstance(table_of(kind).c[name].type, sa.Float), name
        if hint is str and name in kind.key:
            assert not table_of(kind).c[name].nullable


@each_kind
def test_what_of_a_key_is_no_slug_is_a_uuid(kind: AnyKind) -> None:
    uuids = {name for name in kind.key if isinstance(table_of(kind).c[name].type, sa.Uuid)}
    assert kind.slugs == {*kind.key} - uuids


@each_kind
def test_the_key_is_the_primary_key(kind: AnyKind) -> None:
    assert kind.key == tuple(c.name for c in table_of(kind).primary_key)


@each_kind
def test_fields_with_a_presence_of_their_own_can_be_told_from_unset_ones(kind: AnyKind) -> None:
    for field in kind.message.DESCRIPTOR.fields:
        assert field.has_presence or field.is_repeated, field.full_name


@each_kind
def test_derived_fields_stand_in_the_message_and_nowhere_else(kind: AnyKind) -> None:
    for name in kind.derived:
        assert name in kind.message.DESCRIPTOR.fields_by_name
        assert name not in kind.entity.__struct_fields__


@each_kind
def test_referents_name_known_kinds_and_the_table_has_the_foreign_key(kind: AnyKind) -> None:
    for name, target in kind.referents.items():
        part, _, inner = name.rpartition(".")
        assert (part or inner) in kind.entity.__struct_fields__
        (key,) = (child_tables_of(kind)[0] if part else table_of(kind)).c[inner].foreign_keys
        table, column = key.target_fullname.split(".")
        assert KIND_BY_NAME[target].table == table
        assert KIND_BY_NAME[target].key == (column,)
    declared = {c.name for c in table_of(kind).c if c.foreign_keys}
    assert declared == {name for name in kind.referents if "." not in name}


def test_a_kind_stands_after_the_kinds_it_refers_to() -> None:
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)
    for place, kind in enumerate(KINDS):
        assert set(kind.referents.values()) <= {*names[: place + 1]}, kind.name


@each_kind
def test_columns_of_lookups_are_of_a_table_that_the_kind_writes(kind: AnyKind) -> None:
    for name, lookup in kind.lookups.items():
        table = table_of_lookup(kind, lookup)
        assert table in tables_of(kind), name
        assert set(lookup.columns) <= {c.name for c in table.c}, name
        # A row of the child table says whose it is.
        assert set(kind.key) <= {c.name for c in table.c}, name
        for values in lookup.values_of(kind.entity()):
            assert len(values) == len(lookup.columns)


@each_kind
def test_names_are_snake_case_and_the_kinds_field_of_apply_item(kind: AnyKind) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.name)
    fields = registry_admin_pb2.ApplyItem.DESCRIPTOR.fields_by_name
    assert (kind.name in fields) == kind.client_writable
    assert not kind.client_writable or fields[kind.name].message_type is kind.message.DESCRIPTOR


def test_every_table_is_one_kinds_or_declared_for_none() -> None:
    of_kinds = [table.name for kind in KINDS for table in tables_of(kind)]
    assert len(set(of_kinds)) == len(of_kinds)
    others = {table.name for table in vars(schema).values() if isinstance(table, sa.Table)}
    assert set(metadata.tables) == {*of_kinds, *others}


@each_kind
def test_every_event_of_a_kinds_life_is_a_message_that_carries_it(kind: AnyKind) -> None:
    if kind.name in SILENT:
        entity = kind.entity()
        assert {kind.event(None, entity), kind.event(entity, None)} == {None}
        return
    before, changes = EXAMPLES[kind.name]
    after = type(before)(**{**{f: getattr(before, f) for f in before.__struct_fields__}, **changes})
    moment = events.EventContext(1, 2, NOW, "tester", "because")
    seen = set()
    for one, other in ((None, before), (before, before), (before, after), (after, before)):
        seen.add(_announced(kind, one, other, moment))
    seen.add(_announced(kind, after, None, moment))
    # A finding is made and decided, and never removed.
    assert len(seen) >= (2 if kind.name == "finding" else 3)


def _announced(kind: AnyKind, before: Any, after: Any, moment: events.EventContext) -> str:
    name = kind.event(before, after)
    assert name is not None
    payload = entity_codec.encode(kind, after or before)
    event = events.event_of(kind, before, after, payload, moment, 0)
    assert event is not None
    assert event.subject == events.SUBJECT_PREFIX + name
    message: Any = events.message_type(name).FromString(event.payload)
    assert (message.epoch, message.revision, message.actor_id) == (1, 2, "tester")
    carried = [f for f in message.DESCRIPTOR.fields if f.message_type is kind.message.DESCRIPTOR]
    for field in carried:
        found = entity_codec.from_message(kind, getattr(message, field.name))
        assert found == (after or before)
    if not carried:
        # CQC's delisting events name the entity instead of carrying it.
        assert message.venue_id == before.venue_id
    return name


def test_an_events_id_is_of_its_place_in_history_and_nothing_else() -> None:
    def event_id(epoch: int, revision: int, index: int) -> str:
        moment = events.EventContext(epoch, revision, NOW, "tester", "")
        asset = KIND_BY_NAME["asset"]
        payload = entity_codec.encode(asset, an_asset())
        event = events.event_of(asset, None, an_asset(), payload, moment, index)
        assert event is not None
        message: Any = events.message_type("asset_created").FromString(event.payload)
        return str(message.event_id)

    assert event_id(1, 2, 3) == event_id(1, 2, 3)
    places = [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (1, 23, 0), (12, 3, 0)]
    assert len({event_id(*place) for place in places}) == len(places)
