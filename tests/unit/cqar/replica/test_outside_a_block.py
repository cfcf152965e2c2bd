"""A Replica outside a `with` block says what to do."""

from __future__ import annotations

import copy

import pytest

import cqar


def a_replica() -> cqar.Replica:
    return cqar.Replica("postgresql://127.0.0.1/registry", "nats://127.0.0.1:4222")


def test_it_names_what_a_block_can_be_asked() -> None:
    assert {"resolve", "check_order", "markets", "watch"} <= set(dir(a_replica()))


def test_a_call_outside_a_block_says_how_it_is_made() -> None:
    replica = a_replica()
    with pytest.raises(AttributeError, match=r"with Replica\(…\) as replica: replica.resolve"):
        _ = replica.resolve
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = replica.nonsense
    assert not hasattr(copy.copy(replica), "__wrapped__")
