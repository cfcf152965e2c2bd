"""The table of faults: what is done, what users may see of it, and how it heals.

A fault is a function of the cluster, which does the damage and returns the instant from which
healing counts: when the fault was over, or, where the victim is started again at once, when it
was killed. One more is such a function and a row in `FAULTS`; the tests, the random mix, the soak
and docs/RELIABILITY.md follow the table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from cqar_shared.messaging.jetstream import CHANGES, EVENTS
from tests.chaos.cluster import Cluster
from tests.chaos.convergence import until_last_good, until_stale
from tests.support.service_processes import Running

STOPPED_S: Final = 3.0
UNTOLD_S: Final = 0.5

Strike = Callable[[Cluster], Awaitable[float]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row.

    Attributes:
        name: Of the test.
        title: What happens, in an operator's words.
        seen: What users see of it.
        heals: What makes it good, by itself.
        victim: Words; faults that share one are never struck at the same time.
        long: Only `make soak` and `make reliability` have the time for it.
    """

    name: str
    title: str
    seen: str
    heals: str
    victim: str
    strike: Strike
    long: bool = False


def _now_s() -> float:
    return asyncio.get_running_loop().time()


# ---------------------------------------------------------------- our own services


async def _kill(victim: Running) -> float:
    """SIGKILL, and a start at once; healing counts from the kill, and does not wait for it."""
    await victim.kill()
    killed_s = _now_s()
    await victim.start_again()
    return killed_s


async def kill_other_writer(cluster: Cluster) -> float:
    return await _kill(await cluster.other_writer())


async def kill_leader(cluster: Cluster) -> float:
    return await _kill(await cluster.leader())


async def kill_resolver(cluster: Cluster) -> float:
    return await _kill(cluster.resolvers[0])


async def stop_leader(cluster: Cluster) -> float:
    """It keeps the leader's lock, its connections, and whatever row it has locked."""
    leader = await cluster.leader()
    leader.pause()
    try:
        await asyncio.sleep(STOPPED_S)
    finally:
        leader.resume()
    return _now_s()


async def lose_answers(cluster: Cluster) -> float:
    """What clients send arrives and is done; the answers are lost with their connections."""
    for link in cluster.links:
        link.answers.clear()
    await asyncio.sleep(UNTOLD_S)
    for link in cluster.links:
        link.cut()
        link.answers.set()
    return _now_s()


# ---------------------------------------------------------------- servers


def _kill_server(name: str) -> Strike:
    async def strike(cluster: Cluster) -> float:
        await cluster.servers.kill(name)
        killed_s = _now_s()
        await cluster.servers.restart(name)
        return killed_s

    return strike


def _away_until_stale(name: str) -> Strike:
    async def strike(cluster: Cluster) -> float:
        await cluster.servers.kill(name)
        try:
            await until_stale(cluster)
        finally:
            await cluster.servers.restart(name)
        return _now_s()

    return strike


def _start_without(*names: str, source: str) -> Strike:
    """Start a resolver while servers are away; it answers from `source` before they are back."""

    async def strike(cluster: Cluster) -> float:
        resolver = cluster.resolvers[0]
        for name in names:
            await cluster.servers.kill(name)
        try:
            await resolver.kill()
            if source == "redis":
                Path(resolver.settings["last_good_file"]).unlink(missing_ok=True)
            await resolver.start_again()
            await until_last_good(cluster, resolver, source)
        finally:
            for name in names:
                await cluster.servers.restart(name)
        return _now_s()

    return strike


# ---------------------------------------------------------------- what they hold


async def purge_changes(cluster: Cluster) -> float:
    async with cluster.jetstream() as (_, js):
        await js.purge_stream(CHANGES)
    return _now_s()


def _delete_stream(stream: str) -> Strike:
    async def strike(cluster: Cluster) -> float:
        async with cluster.jetstream() as (_, js):
            await js.delete_stream(stream)
        return _now_s()

    return strike


async def flush_redis(cluster: Cluster) -> float:
    async with Redis.from_url(cluster.servers.redis) as redis:
        await redis.flushall()
    return _now_s()


FAULTS: Final = (
    Fault(
        name="SIGKILL_of_the_other_writer",
        title="SIGKILL of the writer that does not lead",
        seen="Calls to it end UNAVAILABLE, some changes without an answer: sent again under their"
        " `idempotency-key`, to any writer, they are made once. Reads notice nothing.",
        heals="Clients use the other writer. It is ready again once PostgreSQL answers it.",
        victim="writers",
        strike=kill_other_writer,
    ),
    Fault(
        name="SIGKILL_of_the_relays_leader",
        title="SIGKILL of the writer whose relay leads",
        seen="As above; changes reach resolvers a moment later.",
        heals="PostgreSQL frees the leader's lock with its session, and the other relay takes it;"
        " what was committed and not published is in the outbox.",
        victim="writers",
        strike=kill_leader,
    ),
    Fault(
        name="SIGSTOP_of_the_relays_leader_for_3_s",
        title="SIGSTOP of the leader for 3 s: it keeps its lock, and answers nobody",
        seen="Calls to it end at their deadline. If it was stopped inside a transaction, changes"
        " through the others wait for its locks, 5 s at the most, and are UNAVAILABLE then.",
        heals="A relay that sees the stream behind for half a second publishes without leading;"
        " compare-and-set makes that safe, also when the leader wakes.",
        victim="writers",
        strike=stop_leader,
    ),
    Fault(
        name="answers_of_both_writers_lost",
        title="Answers of both writers lost on their way to clients",
        seen="Calls end UNAVAILABLE, though the change was made: sent again under its"
        " `idempotency-key` it gets the first answer. Without a key it would be made twice.",
        heals="Clients connect anew.",
        victim="clients",
        strike=lose_answers,
    ),
    Fault(
        name="SIGKILL_of_a_resolver",
        title="SIGKILL of a resolver",
        seen="Its clients see UNAVAILABLE; behind one address they are answered by another, and"
        " one that carries its revision is not taken back by it.",
        heals="It starts over: loads all of `current`, checks count and hash, and follows.",
        victim="resolvers",
        strike=kill_resolver,
    ),
    Fault(
        name="SIGKILL_of_NATS",
        title="SIGKILL of NATS, started again at once",
        seen="Nothing is refused. Changes reach resolvers later; whoever asks for one by"
        " `cqar-min-revision` waits up to 5 s for it, then UNAVAILABLE.",
        heals="Everybody tries to reconnect twice a second; relays publish what waits in the"
        " outbox, resolvers ask for what they missed and compare the stream with what they noted.",
        victim="nats",
        strike=_kill_server("nats"),
    ),
    Fault(
        name="NATS_away_until_resolvers_are_stale",
        title="NATS away, until every resolver says STALE",
        seen="As above; after 5 s resolvers say STALE and nothing may be opened, with the reason"
        " `STALE_SNAPSHOT`. What they tell of steps and symbols goes on.",
        heals="As above.",
        victim="nats",
        strike=_away_until_stale("nats"),
        long=True,
    ),
    Fault(
        name="SIGKILL_of_Redis",
        title="SIGKILL of Redis, started again at once",
        seen="Nothing; the writer's Get methods take PostgreSQL's time.",
        heals="After five failures it is left alone for a second at a time; when it is back and"
        " empty, a new generation of cached values begins.",
        victim="redis",
        strike=_kill_server("redis"),
    ),
    Fault(
        name="SIGKILL_of_PostgreSQL",
        title="SIGKILL of PostgreSQL, started again at once",
        seen="Changes and the writer's reads are UNAVAILABLE until it has recovered. Resolvers"
        " answer from memory all the while.",
        heals="PostgreSQL replays its log; connections are made anew, the relay's session too.",
        victim="postgres",
        strike=_kill_server("postgres"),
    ),
    Fault(
        name="PostgreSQL_away_until_resolvers_are_stale",
        title="PostgreSQL away, until every resolver says STALE",
        seen="As above; after 5 s, since no writer can tell the head, resolvers say STALE and"
        " nothing may be opened.",
        heals="As above.",
        victim="postgres",
        strike=_away_until_stale("postgres"),
        long=True,
    ),
    Fault(
        name="a_resolver_starts_without_PostgreSQL",
        title="A resolver is killed and starts while PostgreSQL is away, its file lost",
        seen="It loads the image in Redis, follows the stream from there, and says LAST_GOOD: what"
        " it tells of steps and symbols is as of the revision it names, and nothing may be opened.",
        heals="It catches up from the outbox, and is LIVE once a writer confirms the head.",
        victim="postgres resolvers redis",
        strike=_start_without("postgres", source="redis"),
        long=True,
    ),
    Fault(
        name="a_resolver_starts_without_PostgreSQL_and_Redis",
        title="The same with Redis away too: only its own file is left",
        seen="As above; it is behind by what was committed since the file was written"
        " (`last_good_every_s`) and is no longer in the stream.",
        heals="As above. A new image is published in Redis within seconds.",
        victim="postgres redis resolvers",
        strike=_start_without("postgres", "redis", source="file"),
        long=True,
    ),
    Fault(
        name="the_stream_of_changes_purged",
        title="Stream CQAR_CHANGES purged",
        seen="Nothing.",
        heals="The relay finds it empty and publishes RESET; resolvers catch up from the outbox.",
        victim="nats",
        strike=purge_changes,
    ),
    Fault(
        name="the_stream_of_changes_deleted",
        title="Stream CQAR_CHANGES deleted",
        seen="Changes reach resolvers later, by the probe.",
        heals="The writer makes it anew and publishes RESET; resolvers see another stream under"
        " the name and start over.",
        victim="nats",
        strike=_delete_stream(CHANGES),
    ),
    Fault(
        name="the_stream_of_events_deleted",
        title="Stream CQC_EVENTS deleted",
        seen="Consumers of domain events get all that the outbox keeps again, under the same"
        " event ids. The registry's own users notice nothing.",
        heals="The writer makes it anew and publishes events from the oldest outbox row kept.",
        victim="nats",
        strike=_delete_stream(EVENTS),
    ),
    Fault(
        name="Redis_flushed",
        title="Redis FLUSHALL",
        seen="Nothing; the writer's Get methods take PostgreSQL's time once.",
        heals="A new generation of cached values begins.",
        victim="redis",
        strike=flush_redis,
    ),
)
