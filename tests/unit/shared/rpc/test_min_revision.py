"""A minimum revision: what it means, and that a resolver waits for it, or says no."""

from __future__ import annotations

import asyncio

import pytest

from cqar_resolver.replication.freshness import StalenessBound
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_shared.errors import EpochEnded, Invalid, ServiceNotReady
from cqar_shared.replication.positions import NUMBER_MAX, is_reached
from cqar_shared.rpc.min_revision import parse
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import NOW, a_venue


def test_it_is_epoch_and_revision() -> None:
    assert parse("1:42") == (1, 42)
    assert parse(f"1:{NUMBER_MAX}") == (1, NUMBER_MAX)
    for text in ("", "42", "1:", "1:x", "-1:2", "1:2:3", f"1:{NUMBER_MAX + 1}", "1:" + "9" * 20):
        with pytest.raises(Invalid):
            parse(text)


def test_an_older_epoch_is_over_and_a_later_one_not_reached() -> None:
    assert is_reached((2, 5), 2, 5)
    assert is_reached((2, 5), 2, 6)
    assert not is_reached((2, 5), 2, 4)
    assert not is_reached((3, 1), 2, 9)
    with pytest.raises(EpochEnded):
        is_reached((1, 1), 2, 9)


async def test_a_resolver_waits_for_it_and_answers_no_past() -> None:
    view = ReplicaState(StalenessBound(5.0))
    snapshot = hydrated(encoded(a_venue()))
    epoch, revision, _ = snapshot.position
    waiting = asyncio.create_task(view.reach(epoch, revision, 5.0))
    await asyncio.sleep(0)
    assert not waiting.done()
    view.replace(snapshot, "postgres", NOW)
    view.announce_revision()
    await waiting
    with pytest.raises(ServiceNotReady, match="was not reached"):
        await view.reach(epoch, revision + 1, 0.01)
