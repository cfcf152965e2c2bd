"""What is held of an entity is all of it, but for the key."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from resolver.cutting import cut, whole
from shared import codec
from shared.entities import KINDS
from tests.lives import LIVES
from tests.registry_in_memory import completed

KEYS = st.text(max_size=50) | st.text(min_size=36, max_size=36) | st.uuids().map(str)


@given(KEYS, st.binary(max_size=300), st.data())
def test_any_bytes_come_back_as_they_were(key: str, some: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(some)))
    for payload in (some, some[:at] + key.encode() + some[at:], key.encode() * 2 + some):
        assert whole(key, cut(key, payload)) == payload


def test_a_key_that_is_far_behind_is_left_where_it_is() -> None:
    key = "2e21f199-26c1-5112-96c2-b1ebf9286e1f"
    for before in (0xFFFE, 0xFFFF, 0x10000):
        payload = bytes(before) + key.encode()
        assert whole(key, cut(key, payload)) == payload


def test_entities_whose_key_is_a_uuid_are_held_without_it() -> None:
    for kind in KINDS:
        if kind.name not in LIVES or not kind.keyed_by_uuid:
            continue
        entity = completed(LIVES[kind.name].born)
        payload, key = codec.encode(kind, entity), kind.key_of(entity)
        held = cut(key, payload)
        assert held.count(key.encode()) == payload.count(key.encode()) - 1
        assert whole(key, held) == payload
        assert sys.getsizeof(payload) - sys.getsizeof(held) == len(key) - 2
