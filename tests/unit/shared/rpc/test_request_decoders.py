"""Whatever bytes come, a method's decoder reads them or says what is wrong with them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from tests.support import hostile_requests, request_decoding

EACH = pytest.mark.parametrize("name", request_decoding.METHODS)


@EACH
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), tail=st.binary(max_size=20))
def test_a_hostile_request_is_read_or_refused(name: str, seed: int, tail: bytes) -> None:
    chance = Random(seed)
    raw = hostile_requests.request_of(request_decoding.METHODS[name].input_type, chance)
    request_decoding.refused(name, raw + tail)


@EACH
@settings(max_examples=40)
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, raw: bytes) -> None:
    request_decoding.refused(name, raw)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_what_can_be_read_of_an_entity_can_be_written(kind: AnyKind, seed: int) -> None:
    raw = hostile_requests.request_of(kind.message.DESCRIPTOR, Random(seed))
    try:
        message = kind.message.FromString(raw)
    except Exception:  # noqa: BLE001  (which bytes are a message is protobuf's own business)
        return
    entity, violations = entity_codec.parse(kind, message)
    if not violations:
        again = entity_codec.decode(kind, entity_codec.encode(kind, entity))
        assert entity_codec.encode(kind, again) == entity_codec.encode(kind, entity)
