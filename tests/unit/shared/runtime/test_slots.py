"""One caller has a bounded part of what goes on at once, and waits behind nobody's crowd."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from cqar_shared.errors import TooMany
from cqar_shared.rpc.middleware import peer_of
from cqar_shared.runtime.fair_queue import FairQueue
from cqar_shared.runtime.slots import Slots


def test_one_caller_cannot_take_all_places_and_gives_back_what_it_had() -> None:
    places = Slots("exports", 3, 2)
    with ExitStack() as loud:
        for _ in range(2):
            loud.enter_context(places.held("loud"))
        with pytest.raises(TooMany, match="one caller may have 2 exports at once"):
            loud.enter_context(places.held("loud"))
        with places.held("quiet"):
            with (
                pytest.raises(TooMany, match="all 3 places for exports are taken"),
                places.held("third"),
            ):
                pass
            assert places.taken == 3
    assert places.taken == 0
    assert not places._taken
    with places.held("loud"):
        pass


async def test_a_crowd_waits_among_itself_and_others_come_at_once() -> None:
    turns = FairQueue(Slots("searches", 100, 50), 2, 1)
    running: list[str] = []
    order: list[str] = []
    go_on = asyncio.Event()

    async def ask(who: str) -> None:
        async with turns.of(who):
            running.append(who)
            order.append(who)
            await go_on.wait()
            running.remove(who)

    crowd = [asyncio.create_task(ask("loud")) for _ in range(20)]
    await asyncio.sleep(0)
    quiet = asyncio.create_task(ask("quiet"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert running == ["loud", "quiet"]
    go_on.set()
    await asyncio.gather(quiet, *crowd)
    assert order.count("loud") == 20
    assert not turns._own
    assert not turns._users


async def test_who_gives_up_while_waiting_leaves_no_trace() -> None:
    turns = FairQueue(Slots("searches", 2, 2), 1, 1)
    async with turns.of("a"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), turns.of("a"):
                pass
        waiting = asyncio.create_task(has_a_turn(turns, "a"))
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            async with turns.of("a"):
                pass
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with turns.of("b"):
        pass
    assert not turns._own


async def has_a_turn(turns: FairQueue, who: str) -> None:
    async with turns.of(who):
        pass


def test_without_a_key_one_is_a_connection_on_loopback_and_an_address_beyond() -> None:
    assert peer_of("ipv4:127.0.0.1:5000") == "ipv4:127.0.0.1:5000"
    assert peer_of("ipv6:%5B::1%5D:5000") == "ipv6:%5B::1%5D:5000"
    assert peer_of("ipv4:10.1.2.3:5000") == peer_of("ipv4:10.1.2.3:6000") == "ipv4:10.1.2.3"
    assert peer_of("ipv6:%5Bfe80::1%5D:5000") == "ipv6:%5Bfe80::1%5D"
    assert peer_of("unix:") == "unix:"
