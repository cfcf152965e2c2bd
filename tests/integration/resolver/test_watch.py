"""Watch: every change set from a revision on, or an error; never a hole."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication import change_log
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.services import watch_stream
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.rpc import min_revision
from cqar_shared.rpc.grpc_server import OPTIONS
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, commit, eventually
from tests.support.entity_builders import (
    a_key,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.follower_setup import stands_at, writing
from tests.support.resolver_client import served

LIVE = pb.SNAPSHOT_STATE_LIVE
WAIT_S = 60
A_CONNECTION_OF_ITS_OWN = [("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Watched:
    """A resolver that follows a writer, and what its clients see."""

    view: ReplicaState
    own: Any
    mutations: Mutations
    target: str

    async def see(
        self, request: pb.WatchRequest, until: Callable[[pb.WatchResponse], bool]
    ) -> list[pb.WatchResponse]:
        """All responses up to one."""
        call = self.own.Watch(request)
        found = []
        try:
            async with asyncio.timeout(WAIT_S):
                async for response in call:
                    found.append(response)
                    if until(response):
                        return found
        finally:
            call.cancel()
        pytest.fail("it ended")

    async def code(self, request: pb.WatchRequest) -> tuple[grpc.StatusCode, str]:
        """How a watch ends that is refused, or told that it cannot go on."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.see(request, lambda _: False)
        return caught.value.code(), caught.value.details() or ""


@pytest.fixture
async def watched(
    servers: EmbeddedServers, database: str, client: Client
) -> AsyncIterator[Watched]:
    assert client.is_connected
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    config = ResolverConfig(database_url=database, nats_url=servers.nats, probe_every_s=0.1)
    async with (
        writing(settings) as writer,
        served(config) as (resolver, target),
        grpc.aio.insecure_channel(target, options=OPTIONS) as channel,
    ):
        await eventually(lambda: resolver.view.state == LIVE, WAIT_S)
        yield Watched(resolver.view, ResolverStub(channel), writer.mutations, target)


@asynccontextmanager
async def connections(target: str, number: int) -> AsyncIterator[list[Any]]:
    """Stubs, each by a connection of its own."""
    async with AsyncExitStack() as stack:
        stubs: list[Any] = []
        for _ in range(number):
            channel = grpc.aio.insecure_channel(target, options=A_CONNECTION_OF_ITS_OWN)
            stubs.append(ResolverStub(await stack.enter_async_context(channel)))
        yield stubs


def revisions(responses: list[pb.WatchResponse]) -> list[int]:
    return [r.change_set.revision for r in responses if r.HasField("change_set")]


def reached(revision: int) -> Callable[[pb.WatchResponse], bool]:
    return lambda response: response.change_set.revision == revision


def idle() -> Callable[[pb.WatchResponse], bool]:
    """The second heartbeat: a second after all that there is was told."""
    heartbeats = itertools.count(1)
    return lambda response: not response.HasField("change_set") and next(heartbeats) == 2


async def at(watched: Watched, revision: int) -> None:
    await eventually(lambda: stands_at(watched.view, 1, revision), WAIT_S)


async def test_a_watch_resumes_where_it_was_and_misses_nothing(watched: Watched) -> None:
    for number in range(5):
        await commit(watched.mutations, a_venue(f"v{number}"))
    await at(watched, 5)
    seen = await watched.see(pb.WatchRequest(from_revision=3, epoch=1), reached(5))
    assert revisions(seen) == [3, 4, 5]
    assert [seen[0].change_set.changes[0].key] == ["v2"]
    assert seen[0].freshness.state == LIVE


async def test_the_largest_change_set_is_told_whole(watched: Watched) -> None:
    large = [an_asset(f"A{n}", metadata={"note": "x" * 15_500}) for n in range(530)]
    await commit(watched.mutations, *large)
    await commit(watched.mutations, a_venue())
    await at(watched, 2)
    found = await watched.see(pb.WatchRequest(from_revision=1, epoch=1), reached(2))
    assert revisions(found) == [1, 2]
    (size,) = (len(r.change_set.changes) for r in found if r.change_set.revision == 1)
    assert size == len(large)


async def test_from_now_on_each_change_comes_as_it_is_applied_and_heartbeats_in_between(
    watched: Watched,
) -> None:
    await commit(watched.mutations, a_venue("before"))
    await at(watched, 1)
    heard = asyncio.Event()

    def until(response: pb.WatchResponse) -> bool:
        heard.set()
        return response.change_set.revision == 3

    seeing = asyncio.create_task(watched.see(pb.WatchRequest(), until))
    await heard.wait()
    await asyncio.sleep(watch_stream.HEARTBEAT_S * 1.5)
    for name in ("first", "second"):
        await commit(watched.mutations, a_venue(name))
    seen = await seeing
    assert revisions(seen) == [2, 3]
    assert sum(not response.HasField("change_set") for response in seen) >= 2


async def test_heartbeats_come_also_while_all_that_changes_is_none_of_the_watchers(
    watched: Watched,
) -> None:
    seeing = asyncio.create_task(watched.see(pb.WatchRequest(kinds=["quality_flag"]), idle()))
    for number in itertools.count():
        await commit(watched.mutations, a_venue(f"v{number}"))
        if seeing.done():
            break
    assert revisions(await seeing) == []


async def test_kinds_and_venues_choose_and_keys_are_never_told(watched: Watched) -> None:
    await commit(watched.mutations, a_key(), an_asset(), an_asset("USDT"), a_symbol())
    await commit(watched.mutations, a_venue("binance"), a_venue("kraken"))
    for venue_id in ("binance", "kraken"):
        own = {"venue_id": venue_id, "listing_id": an_id(venue_id)}
        await commit(watched.mutations, a_venue_asset(venue_id=venue_id), a_venue_symbol(**own))
    await at(watched, 4)

    async def told(**chosen: list[str]) -> set[tuple[int, str]]:
        request = pb.WatchRequest(from_revision=1, epoch=1, **chosen)
        seen = await watched.see(request, idle())
        return {(r.change_set.revision, c.kind) for r in seen for c in r.change_set.changes}

    market = {"venue_asset", "venue_symbol"}
    assert await told() == {
        *((1, "asset"), (1, "symbol"), (2, "venue")),
        *((revision, kind) for revision in (3, 4) for kind in market),
    }
    assert await told(kinds=["venue"]) == {(2, "venue")}
    assert await told(kinds=["venue_symbol"], venue_ids=["kraken"]) == {(4, "venue_symbol")}
    assert await told(venue_ids=["kraken"]) == {(2, "venue"), *((4, kind) for kind in market)}
    with_assets = await told(venue_ids=["kraken"], kinds=["venue_symbol", "asset"])
    assert with_assets == {(1, "asset"), (4, "venue_symbol")}
    void = Item(kind=VENUE_SYMBOL, intent=ChangeIntent.REMOVE, key=an_id("kraken"))
    assert (await watched.mutations.apply([void], CAUSE)).committed
    await at(watched, 5)
    assert (5, "venue_symbol") in await told(venue_ids=["kraken"])
    assert await told(venue_ids=["binance"]) == {(2, "venue"), *((3, kind) for kind in market)}


async def test_a_venue_that_is_not_there_is_refused_by_its_name(watched: Watched) -> None:
    await commit(watched.mutations, a_venue("binance"))
    await at(watched, 1)
    request = pb.WatchRequest(venue_ids=["binance", "binanse"])
    code, details = await watched.code(request)
    assert code is grpc.StatusCode.NOT_FOUND
    assert "no venue 'binanse' (did you mean 'binance'?) to watch: register it first" in details
    await commit(watched.mutations, a_venue("binanse"))
    await at(watched, 2)
    assert await watched.see(request, lambda _: True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kinds": ["api_key"]}, "kinds"),
        ({"kinds": ["no"]}, "kinds"),
        ({"venue_ids": ["A"]}, "venue_ids"),
    ],
)
async def test_a_filter_that_can_choose_nothing_is_refused(
    watched: Watched, fields: dict[str, list[str]], named: str
) -> None:
    code, details = await watched.code(pb.WatchRequest(**fields))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert named in details


async def test_what_is_not_kept_any_more_is_out_of_range(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "CHANGE_SETS_MAX", 3)
    for number in range(6):
        await commit(watched.mutations, a_venue(f"v{number}"))
    await at(watched, 6)
    code, details = await watched.code(pb.WatchRequest(from_revision=2, epoch=1))
    assert (code, "read anew" in details) == (grpc.StatusCode.OUT_OF_RANGE, True)
    seen = await watched.see(pb.WatchRequest(from_revision=4, epoch=1), reached(6))
    assert revisions(seen) == [4, 5, 6]


async def test_no_heartbeat_names_a_revision_before_all_up_to_it_is_told(
    watched: Watched,
) -> None:
    for number in range(3):
        await commit(watched.mutations, a_venue(f"v{number}"))
    await at(watched, 3)
    for chosen, told in (({}, [2, 3]), ({"kinds": ["asset"]}, [])):
        request = pb.WatchRequest(from_revision=2, epoch=1, **chosen)
        seen = await watched.see(request, lambda response: not response.HasField("change_set"))
        assert revisions(seen) == told
        assert seen[-1].freshness.revision == 3


async def test_a_resolver_that_is_behind_the_watcher_tells_nothing_from_before_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(watched.mutations, a_venue("a"))
    await at(watched, 1)
    seeing = asyncio.create_task(
        watched.see(pb.WatchRequest(from_revision=4, epoch=1), lambda _: True)
    )
    await asyncio.sleep(0.2)
    for name in ("b", "c"):
        await commit(watched.mutations, a_venue(name))
    assert [response.freshness.revision for response in await seeing] == [3]
    monkeypatch.setattr(watch_stream, "REACH_S", 0.2)
    for place in ({"from_revision": 9, "epoch": 1}, {"from_revision": 1, "epoch": 7}):
        code, details = await watched.code(pb.WatchRequest(**place))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "was not reached" in details


async def test_a_history_that_ended_is_told(watched: Watched) -> None:
    await commit(watched.mutations, a_venue("a"))
    await at(watched, 1)
    ending = asyncio.create_task(watched.code(pb.WatchRequest()))
    await asyncio.sleep(0.2)
    assert await watched.mutations.bump_epoch(1, 1, 1)
    assert (await ending)[0] is grpc.StatusCode.ABORTED
    code, _ = await watched.code(pb.WatchRequest(from_revision=1, epoch=1))
    assert code is grpc.StatusCode.ABORTED


async def test_more_than_one_caller_may_watch_are_refused(watched: Watched) -> None:
    calls = [watched.own.Watch(pb.WatchRequest()) for _ in range(watch_stream.WATCHERS_EACH)]
    for call in calls:
        await call.read()
    assert (await watched.code(pb.WatchRequest()))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    for call in calls:
        call.cancel()

    async def is_free() -> bool:
        again = watched.own.Watch(pb.WatchRequest())
        try:
            return await again.read() is not grpc.aio.EOF
        except grpc.aio.AioRpcError:
            return False
        finally:
            again.cancel()

    await eventually(is_free, WAIT_S)


async def test_an_old_watch_is_told_to_begin_anew_from_where_it_was(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_stream, "WATCH_S_MAX", 0.1)
    code, said = await watched.code(pb.WatchRequest())
    assert code is grpc.StatusCode.UNAVAILABLE
    assert said == "this watch is old: watch again, from where it was"


@pytest.mark.parametrize(
    ("least", "code"),
    [("1:99", grpc.StatusCode.UNAVAILABLE), ("0:1", grpc.StatusCode.ABORTED)],
)
async def test_nobody_watches_or_is_told_the_state_of_what_is_before_his_revision(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, least: str, code: grpc.StatusCode
) -> None:
    monkeypatch.setattr(min_revision, "WAIT_MAX_S", 0.2)
    metadata = (("cqar-min-revision", least),)
    watch = watched.own.Watch(pb.WatchRequest(), metadata=metadata, timeout=WAIT_S)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch.read()
    assert caught.value.code() is code
    status = watched.own.GetStatus(pb.GetStatusRequest(), metadata=metadata)
    assert await status.code() is code


async def test_a_watch_that_is_told_a_revision_begins_there(watched: Watched) -> None:
    waiting = watched.own.Watch(pb.WatchRequest(), metadata=(("cqar-min-revision", "1:2"),))
    for name in ("a", "b"):
        await commit(watched.mutations, a_venue(name))
    async with asyncio.timeout(WAIT_S):
        assert (await waiting.read()).freshness.revision >= 2
    waiting.cancel()


# ---------------------------------------------------------------- a thousand


async def test_a_thousand_watch_and_the_slow_lose_nothing_without_being_told(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in ten reads nothing until all is over: it gets all, or is told that it was slow.

    They come by ten connections, since one caller may not have as many watches.
    """
    monkeypatch.setattr(change_log, "CHANGE_SETS_MAX", 40)
    last = 60
    over, begun = asyncio.Event(), asyncio.Semaphore(0)

    place = dict.fromkeys(range(1_000), 0)

    def quick_place() -> int:
        return min(at for number, at in place.items() if number // 10 % 10)

    async def follow(number: int) -> tuple[list[int], grpc.StatusCode | None]:
        slow = number // 10 % 10 == 0
        call = stubs[number % len(stubs)].Watch(pb.WatchRequest(from_revision=1, epoch=1))
        seen: list[int] = []
        try:
            await call.read()
            begun.release()
            if slow:
                await over.wait()
            while not seen or seen[-1] < last:
                response = await call.read()
                if response.HasField("change_set"):
                    seen.append(response.change_set.revision)
                    place[number] = seen[-1]
        except grpc.aio.AioRpcError as error:
            return seen, error.code()
        finally:
            call.cancel()
        return seen, None

    async with asyncio.timeout(WAIT_S * 2), connections(watched.target, 20) as stubs:
        following = [asyncio.create_task(follow(number)) for number in range(1_000)]
        for _ in following:
            await begun.acquire()
        for number in range(last):
            # The quick keep up; those who read nothing hold up nobody.
            await eventually(lambda n=number: quick_place() >= n - 20, WAIT_S)
            # Large enough that a slow reader's window of HTTP/2 is full soon.
            await commit(watched.mutations, a_venue(f"v{number}", name="x" * 190))
        over.set()
        ended = await asyncio.gather(*following)
    for seen, code in ended:
        assert seen == list(range(1, len(seen) + 1)), "a hole"
        assert code in (None, grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert (code is None) == (len(seen) == last)
    quick = [code for number, (_, code) in enumerate(ended) if number // 10 % 10]
    assert quick.count(None) == len(quick)
