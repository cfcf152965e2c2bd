"""The table of the lab: failovers, and each link between a service and a server in trouble.

An outage is a function of the lab, which does the damage, lets it last, and ends it. One more is
such a function and a row here; `make chaos`, its short form and docs/RELIABILITY.md follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from cqar_resolver.replication.freshness import boot_clock_s
from tests.chaos.failover_cluster import OPERATOR, FailoverCluster
from tests.support.standby_servers import Server
from tests.support.tcp_proxy import Link

#: Longer than a resolver that hears nothing stays LIVE.
LASTS_S: Final = 6.0
#: From a primary's end until somebody promotes its standby.
NOTICED_S: Final = 1.0
#: Less than any deadline of a connection.
SOON_S: Final = 0.3
#: What a slow link adds to every message, each way.
SLOW_S: Final = 0.4
LAG_S: Final = 4.0


class OutageEnd(NamedTuple):
    """When it was over, and when before that a standby was promoted and reachable, if one was."""

    ended_s: float
    promoted_s: float | None = None


Strike = Callable[[FailoverCluster], Awaitable[OutageEnd]]


@dataclass(frozen=True, kw_only=True)
class Outage:
    """One row.

    Attributes:
        name: Of the test.
        title: What happens, in an operator's words.
        keeps: Nothing acknowledged may be lost. It may where two databases acknowledge, or
            where one goes back.
        short: Part of the short form.
    """

    name: str
    title: str
    strike: Strike
    keeps: bool = True
    short: bool = False


# ---------------------------------------------------------------- failovers


async def _promote(lab: FailoverCluster, *services: str, keep: bool = False) -> OutageEnd:
    """Promote the standby, and lead services' links there; the primary stays as it is."""
    standby = lab.standbys[0]
    await standby.promote()
    lab.lead(standby, *services, keep=keep)
    lab.promoted(standby)
    now_s = boot_clock_s()
    return OutageEnd(now_s, now_s)


async def kill_primary(lab: FailoverCluster) -> OutageEnd:
    await lab.primary.kill()
    await asyncio.sleep(NOTICED_S)
    return await _promote(lab)


async def wake_primary(lab: FailoverCluster, slept_s: float = LASTS_S) -> OutageEnd:
    """Who had connections to the primary keeps them: they speak again when it wakes."""
    old = lab.primary
    old.pause()
    await asyncio.sleep(NOTICED_S)
    promoted = await _promote(lab, keep=True)
    await asyncio.sleep(slept_s)
    old.wake()
    woken_s = boot_clock_s()
    await asyncio.sleep(LASTS_S)
    return promoted._replace(ended_s=woken_s)


async def wake_soon(lab: FailoverCluster) -> OutageEnd:
    """Before anybody gives up: what was asked of the old primary is answered late."""
    return await wake_primary(lab, SOON_S)


async def wake_asynchronous_primary(lab: FailoverCluster) -> OutageEnd:
    """The same where the old primary waits for no standby, and so can acknowledge when it wakes."""
    await lab.primary.waits_for()
    await asyncio.sleep(NOTICED_S)
    return await wake_soon(lab)


async def wake_primary_and_writer(lab: FailoverCluster) -> OutageEnd:
    """A writer sleeps through the failover: it wakes over connections to the old primary."""
    old, writer = lab.primary, await lab.cluster.leader()
    writer.pause()
    old.pause()
    await asyncio.sleep(NOTICED_S)
    promoted = await _promote(lab, keep=True)
    await asyncio.sleep(LASTS_S)
    old.wake()
    writer.resume()
    woken_s = boot_clock_s()
    await asyncio.sleep(LASTS_S)
    return promoted._replace(ended_s=woken_s)


async def promote_unfenced(lab: FailoverCluster) -> OutageEnd:
    """Nobody stops the primary, and whoever has connections to it keeps them."""
    return await _promote(lab, keep=True)


async def split(lab: FailoverCluster) -> OutageEnd:
    """One writer and one resolver stay with the old primary, which lives."""
    services = {name.partition(" ")[0] for name in lab.links} - {"writer-1", "resolver-1"}
    promoted = await _promote(lab, *services)
    await asyncio.sleep(LASTS_S)
    lab.lead(lab.primary)
    return promoted._replace(ended_s=boot_clock_s())


async def split_asynchronously(lab: FailoverCluster) -> OutageEnd:
    await lab.primary.waits_for()
    return await split(lab)


async def promote_twice(lab: FailoverCluster) -> OutageEnd:
    """Two standbys are promoted beside each other; in the end the later one's is the registry."""
    first, second = lab.standbys[0], await lab.add_standby()
    await lab.primary.waits_for(first, second, of="FIRST 2")
    await lab.primary.kill()
    await asyncio.gather(first.promote(), second.promote())
    lab.lead(first, "writer-1", "resolver-1")
    lab.lead(second, "writer-2", "resolver-2", "resolver-3", OPERATOR)
    promoted_s = boot_clock_s()
    await asyncio.sleep(LASTS_S)
    lab.promoted(max([(await _promoted_at(one), one.name, one) for one in (first, second)])[2])
    lab.lead(lab.primary)
    return OutageEnd(boot_clock_s(), promoted_s)


async def _promoted_at(server: Server) -> int:
    found: int = await server.value("SELECT promoted_at_us FROM registry_head")
    return found


async def go_back_on_one_timeline(lab: FailoverCluster) -> OutageEnd:
    """The primary is lost, and a copy of some seconds ago takes its place, promoted by nobody."""
    copy = await lab.servers.copy(lab.primary, f"copy_of_{lab.primary.name}")
    await asyncio.sleep(NOTICED_S)
    await lab.primary.kill()
    lab.promoted(copy)
    lab.lead(copy)
    now_s = boot_clock_s()
    return OutageEnd(now_s, now_s)


async def pause_standby(lab: FailoverCluster) -> OutageEnd:
    lab.standbys[0].pause()
    await asyncio.sleep(LASTS_S)
    lab.standbys[0].wake()
    return OutageEnd(boot_clock_s())


async def start_from_lagging_replica(lab: FailoverCluster) -> OutageEnd:
    """A resolver starts from a replica that is behind, and has no other PostgreSQL."""
    replica = await lab.add_standby(lag_s=LAG_S)
    resolver = lab.cluster.resolvers[0]
    lab.lead(replica, "resolver-1")
    await resolver.kill()
    await resolver.start_again()
    await resolver.until_ready()
    await asyncio.sleep(LASTS_S)
    lab.lead(lab.primary)
    return OutageEnd(boot_clock_s())


async def pause_writer(lab: FailoverCluster) -> OutageEnd:
    leader = await lab.cluster.leader()
    leader.pause()
    await asyncio.sleep(LASTS_S)
    leader.resume()
    return OutageEnd(boot_clock_s())


# ---------------------------------------------------------------- links


@asynccontextmanager
async def _lost(link: Link) -> AsyncIterator[None]:
    link.go_down()
    try:
        yield
    finally:
        link.come_back()


@asynccontextmanager
async def _frozen(link: Link) -> AsyncIterator[None]:
    link.open.clear()
    try:
        yield
    finally:
        link.open.set()


@asynccontextmanager
async def _slow(link: Link) -> AsyncIterator[None]:
    link.delay_s = SLOW_S
    try:
        yield
    finally:
        link.delay_s = 0.0


async def _link_of(lab: FailoverCluster, service: str, peer: str) -> Link:
    """Of the writer that leads, or of one resolver."""
    name = (await lab.cluster.leader()).log.stem if service == "writer" else "resolver-1"
    return lab.links[f"{name} {peer}"]


async def _trouble(service: str, peer: str, how: str, lab: FailoverCluster) -> OutageEnd:
    link = await _link_of(lab, service, peer)
    # Nothing ends what is halved, but whoever notices.
    if how == "halved at the service":
        link.halve("client")
    elif how == "halved at the server":
        link.halve("server")
    else:
        async with {"lost": _lost, "frozen": _frozen, "slow": _slow}[how](link):
            await asyncio.sleep(LASTS_S)
    return OutageEnd(boot_clock_s())


_PEERS: Final = {"database": "PostgreSQL", "nats": "NATS", "redis": "Redis"}
_HOW: Final = {
    "lost": "cut, and refused for 6 s",
    "halved at the service": "half-open: the service's end is gone, the server learns nothing",
    "halved at the server": "half-open: the server's end is gone, the service learns nothing",
    "frozen": "frozen for 6 s: what is sent waits",
    "slow": "slow for 6 s: each message takes 0.4 s each way",
}
_SHORT: Final = {("writer", "database", "frozen"), ("resolver", "nats", "halved at the server")}


def _matrix() -> list[Outage]:
    found = []
    for service, who in (("writer", "the leading writer"), ("resolver", "a resolver")):
        for peer, server in _PEERS.items():
            for how, words in _HOW.items():
                one = Outage(
                    name=f"{service} {peer} {how}".replace(" ", "_"),
                    title=f"The link of {who} to {server} {words}",
                    strike=partial(_trouble, service, peer, how),
                    short=(service, peer, how) in _SHORT,
                )
                found.append(one)
    return found


FAILOVERS: Final = (
    Outage(
        name="primary_killed",
        title="The primary is killed, its synchronous standby promoted",
        strike=kill_primary,
    ),
    Outage(
        name="primary_paused_and_woken",
        title="The primary is paused, its synchronous standby promoted, and the old primary wakes"
        " over the connections that were kept",
        strike=wake_primary,
    ),
    Outage(
        name="primary_paused_and_woken_soon",
        title="The same, and it wakes 0.3 s after the promotion",
        strike=wake_soon,
        short=True,
    ),
    Outage(
        name="primary_and_writer_paused_and_woken",
        title="The same after 6 s, and the leading writer is stopped all the while",
        strike=wake_primary_and_writer,
    ),
    Outage(
        name="asynchronous_primary_paused_and_woken",
        title="The primary is paused, an asynchronous standby promoted, and the old primary, which"
        " can acknowledge, wakes 0.3 s later",
        strike=wake_asynchronous_primary,
        keeps=False,
    ),
    Outage(
        name="standby_promoted_beside_its_primary",
        title="The standby is promoted while the primary lives, and connections are kept",
        strike=promote_unfenced,
    ),
    Outage(
        name="split_for_6_s",
        title="The same, and for 6 s one writer and one resolver reach the old primary only",
        strike=split,
    ),
    Outage(
        name="asynchronous_split_for_6_s",
        title="The same with an asynchronous standby: both can acknowledge",
        strike=split_asynchronously,
        keeps=False,
    ),
    Outage(
        name="two_standbys_promoted",
        title="The primary is killed, and two standbys are promoted: each has a writer for 6 s",
        strike=promote_twice,
        keeps=False,
    ),
    Outage(
        name="back_on_the_same_timeline",
        title="The primary is lost, and a copy of a second ago takes its place, unpromoted",
        strike=go_back_on_one_timeline,
        keeps=False,
    ),
    Outage(
        name="synchronous_standby_paused",
        title="The synchronous standby is paused for 6 s",
        strike=pause_standby,
    ),
    Outage(
        name="a_resolver_starts_from_a_replica_that_lags",
        title="A resolver starts with a replica 4 s behind as its only PostgreSQL",
        strike=start_from_lagging_replica,
    ),
    Outage(
        name="leading_writer_stopped",
        title="The leading writer is stopped (SIGSTOP) for 6 s",
        strike=pause_writer,
    ),
)
OUTAGES: Final = (*FAILOVERS, *_matrix())
