"""A watch survives a lost connection and a restarted resolver without gap or repetition."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import msgspec
import pytest

import cqar
from cqar.embedded.ports import pick_ports
from cqar.sdk.session_position import MinRevision
from cqar_resolver.config import ResolverConfig
from cqar_resolver.services.watch_stream import HEARTBEAT_S
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import Served, served
from tests.support.sdk_setup import WAIT_S, ready_client
from tests.support.tcp_proxy import link_to

#: (epoch, revision, is a change).
Received = tuple[int, int, bool]


class Seen:
    """What two watches of one target received, with both forms of the client."""

    def __init__(self, target: str, min_revision: MinRevision) -> None:
        self._target = target
        self._min_revision: MinRevision = min_revision
        self.venues: tuple[list[str], list[str]] = ([], [])
        self.positions: tuple[list[Received], list[Received]] = ([], [])
        self.begun: set[int] = set()
        self.errors: list[Exception] = []

    async def watch_async(self, *, kinds: tuple[str, ...]) -> None:
        async with cqar.AsyncClient(self._target, min_revision=self._min_revision) as client:
            try:
                async for update in client.watch(kinds=kinds):
                    self._note(0, update)
            except cqar.CqarError as error:
                self.errors.append(error)

    def watch_sync(self, *, kinds: tuple[str, ...]) -> None:
        with cqar.Client(self._target, min_revision=self._min_revision) as client:
            try:
                for update in client.watch(kinds=kinds):
                    self._note(1, update)
                    if self.venues[1][-1:] == ["last"]:
                        return
            except cqar.CqarError as error:
                self.errors.append(error)

    def _note(self, form: int, update: cqar.Update) -> None:
        self.begun.add(form)
        changes = update.change_set.changes if update.change_set else ()
        self.venues[form].extend(change.message().venue_id for change in changes)
        position = update.change_set or update.freshness
        self.positions[form].append(
            (position.epoch, position.revision, update.change_set is not None)
        )

    @property
    def misplaced(self) -> list[tuple[Received, Received]]:
        """Pairs that went back, or repeated a change; heartbeats may repeat a revision."""
        return [
            (before, after)
            for received in self.positions
            for before, after in pairwise(received)
            if before[:2] > after[:2] or (before[:2] == after[:2] and after[2])
        ]

    def both(self, *venues: str) -> bool:
        return self.venues == ([*venues], [*venues])


@asynccontextmanager
async def watching(target: str, min_revision: MinRevision = "seen") -> AsyncIterator[Seen]:
    """Both watch venues, from now on, until `last` or an error was received."""
    seen = Seen(target, min_revision)
    thread = threading.Thread(target=seen.watch_sync, kwargs={"kinds": ("venue",)}, daemon=True)
    task = asyncio.create_task(seen.watch_async(kinds=("venue",)))
    thread.start()
    try:
        await eventually(lambda: len(seen.begun) == 2, WAIT_S)
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(thread.join, WAIT_S)
        assert not thread.is_alive()


async def reached(at: Served, revision: int) -> None:
    view = at.resolver.view
    await eventually(lambda: view.is_complete and view.snapshot.position[1] >= revision, WAIT_S)


@asynccontextmanager
async def a_process(config: ResolverConfig, port: int, http: int) -> AsyncIterator[None]:
    """A resolver as users run it, until it is killed."""
    settings = {
        "CQAR_RESOLVER_DATABASE_URL": config.database_url,
        "CQAR_RESOLVER_NATS_URL": config.nats_url,
        "CQAR_RESOLVER_GRPC_LISTEN": f"127.0.0.1:{port}",
        "CQAR_RESOLVER_HTTP_LISTEN": f"127.0.0.1:{http}",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar_resolver", "serve"),
        env={**os.environ, **settings},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ready_client(f"127.0.0.1:{port}"):
            yield
    finally:
        process.kill()
        await process.wait()


async def test_a_watch_survives_a_killed_and_restarted_resolver(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    ports = pick_ports({"grpc": 9091, "http": 8081})
    at = (ports["grpc"], ports["http"])
    async with AsyncExitStack() as stack:
        async with a_process(config, *at):
            seen = await stack.enter_async_context(watching(f"127.0.0.1:{at[0]}"))
            await commit(mutations, a_venue("v0"))
            await eventually(lambda: seen.both("v0"), WAIT_S)
        async with a_process(config, *at):
            for venue in ("v1", "v2", "last"):
                await commit(mutations, a_venue(venue))
            await eventually(lambda: seen.both("v0", "v1", "v2", "last"), WAIT_S)
    assert seen.errors == []


async def test_changes_made_while_disconnected_are_received_in_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        ready_client(at.target),  # until it is loaded
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://")) as seen,
    ):
        for number in range(3):
            link.go_down()
            revision = await commit(mutations, a_venue(f"away{number}"))
            await reached(at, revision)
            link.come_back()
            await commit(mutations, a_venue(f"back{number}"))
        await commit(mutations, a_venue("last"))
        expected = [f"{when}{number}" for number in range(3) for when in ("away", "back")]
        await eventually(lambda: seen.both(*expected, "last"), WAIT_S)
    assert seen.errors == []
    assert seen.misplaced == []


async def test_a_resolver_that_lags_takes_no_watch_back(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        link_to(config.database_url) as (database, database_url),
        link_to(config.nats_url) as (nats, nats_url),
        served(
            msgspec.structs.replace(config, database_url=database_url, nats_url=nats_url)
        ) as behind,
        served(config) as at,
        ready_client(at.target),  # until it is loaded
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://"), min_revision="told") as seen,
    ):
        await reached(behind, 1)
        for lost in (database, nats):
            lost.go_down()
        revision = await commit(mutations, a_venue("v0"), a_venue("v1"))
        await commit(mutations, a_venue("v2"))
        await eventually(lambda: seen.both("v0", "v1", "v2"), WAIT_S)
        link.go_down()
        host, _, port = behind.target.rpartition(":")
        link.to(host, int(port))
        link.come_back()
        asked = link.asked
        await eventually(lambda: link.asked > asked + 1, WAIT_S)
        await asyncio.sleep(HEARTBEAT_S * 2)
        assert behind.resolver.view.snapshot.position.revision < revision
        for lost in (database, nats):
            lost.come_back()
        await commit(mutations, a_venue("last"))
        await eventually(lambda: seen.both("v0", "v1", "v2", "last"), WAIT_S)
    assert seen.errors == []
    assert seen.misplaced == []


async def test_a_revision_that_is_not_kept_ends_the_watch_with_not_kept(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        ready_client(at.target),  # until it is loaded
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://")) as seen,
    ):
        link.go_down()
        revision = await commit(mutations, a_venue("missed"))
        view = at.resolver.view
        await eventually(lambda: view.snapshot.position.revision == revision, WAIT_S)
        view.change_log.restart()  # as where it was loaded anew
        link.come_back()
        await eventually(lambda: len(seen.errors) == 2, WAIT_S)
    assert [type(error) for error in seen.errors] == [cqar.NotKept] * 2
    assert seen.both()


async def test_a_new_epoch_ends_the_watch_with_epoch_changed(
    config: ResolverConfig, mutations: Mutations
) -> None:
    revision = await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        ready_client(at.target),  # until it is loaded
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://")) as seen,
    ):
        link.go_down()
        assert await mutations.bump_epoch(1, 1, revision)
        view = at.resolver.view
        await eventually(lambda: view.snapshot.position.epoch == 2, WAIT_S)
        link.come_back()
        await eventually(lambda: len(seen.errors) == 2, WAIT_S)
    assert [type(error) for error in seen.errors] == [cqar.EpochChanged] * 2


async def test_a_watch_without_a_resolver_raises_not_ready(mutations: Mutations) -> None:
    async with cqar.AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(cqar.NotReady):
            await anext(client.watch())
