"""What is held of an entity is all of it, but for the key."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar_resolver.snapshot.uuid_packing import GAP_MAX, UUIDS_MAX, pack, unpack
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds import KINDS
from tests.support.kind_lifecycles import LIVES
from tests.support.memory_registry_view import completed

KEYS = st.text(max_size=50) | st.text(min_size=36, max_size=36) | st.uuids().map(str)
KEY = "2e21f199-26c1-5112-96c2-b1ebf9286e1f"
OTHERS = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) for number in range(40)]
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: As protobuf writes a key, or almost.
PARTS = st.binary(max_size=60) | st.sampled_from(
    [b"$" + text.encode() for text in (KEY, *OTHERS[:3], KEY.upper(), KEY[:35], "$" * 36)]
)


def parted(*texts: str) -> bytes:
    return b"".join(b"\x12$" + text.encode() for text in texts)


@given(KEYS, st.binary(max_size=300), st.data())
def test_any_bytes_come_back_as_they_were(key: str, some: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(some)))
    for payload in (some, some[:at] + key.encode() + some[at:], key.encode() * 2 + some):
        assert unpack(key, pack(key, payload)) == payload


@given(st.lists(PARTS, max_size=40).map(b"".join))
def test_and_so_do_any_keys_among_them(payload: bytes) -> None:
    assert unpack(KEY, pack(KEY, payload)) == payload


@pytest.mark.parametrize("gap", range(GAP_MAX - 4, GAP_MAX + 4))
def test_a_key_that_is_far_behind_is_left_where_it_is(gap: int) -> None:
    payload = parted(OTHERS[0]) + bytes(gap - 1) + parted(KEY)
    held = pack(KEY, payload)
    assert unpack(KEY, held) == payload
    assert (KEY.encode() in held) == (gap > GAP_MAX)


def test_so_many_are_cut_and_no_more() -> None:
    payload = parted(*OTHERS, KEY)
    held = pack(KEY, payload)
    assert unpack(KEY, held) == payload
    assert [text for text in OTHERS if text.encode() in held] == OTHERS[UUIDS_MAX:]


def test_entities_are_held_without_uuids() -> None:
    for kind in KINDS:
        if kind.name not in LIVES or not kind.keyed_by_uuid:
            continue
        entity = completed(LIVES[kind.name].born)
        payload, key = entity_codec.encode(kind, entity), kind.key_of(entity)
        held, others = pack(key, payload), len(UUID.findall(payload)) - 1
        assert not UUID.findall(held)
        assert unpack(key, held) == payload
        # Of the key one byte is left, of each other seventeen, and one in all.
        assert len(payload) - len(held) == 37 - 1 + (37 - 17) * others - 1
