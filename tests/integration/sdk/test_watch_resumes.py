"""A watch outlives the connection and the resolver: no change twice, and none left out."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

import cqar
from cqar.embedded.ports import pick_ports
from resolver.config import ResolverConfig
from tests.asking import served
from tests.builders import a_venue
from tests.changes import commit, eventually
from tests.links import link_to
from tests.lives import one_of_each
from tests.sdk import WAIT_S, asking
from writer.mutations import Mutations


class Seen:
    """What two watchers of one target were told, in both forms of the client."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.venues: tuple[list[str], list[str]] = ([], [])
        self.begun: set[int] = set()
        self.errors: list[Exception] = []

    async def awaited(self, *, kinds: tuple[str, ...]) -> None:
        async with cqar.AsyncClient(self._target) as asked:
            try:
                async for update in asked.watch(kinds=kinds):
                    self._take(0, update)
            except cqar.CqarError as error:
                self.errors.append(error)

    def waited(self, *, kinds: tuple[str, ...]) -> None:
        with cqar.Client(self._target) as asked:
            try:
                for update in asked.watch(kinds=kinds):
                    self._take(1, update)
                    if self.venues[1][-1:] == ["last"]:
                        return
            except cqar.CqarError as error:
                self.errors.append(error)

    def _take(self, form: int, update: cqar.Update) -> None:
        self.begun.add(form)
        changes = update.change_set.changes if update.change_set else ()
        self.venues[form].extend(change.message().venue_id for change in changes)

    def both(self, *venues: str) -> bool:
        return self.venues == ([*venues], [*venues])


@asynccontextmanager
async def watching(target: str) -> AsyncIterator[Seen]:
    """Both watch venues, from now on, until `last` came or an error."""
    seen = Seen(target)
    thread = threading.Thread(target=seen.waited, kwargs={"kinds": ("venue",)}, daemon=True)
    task = asyncio.create_task(seen.awaited(kinds=("venue",)))
    thread.start()
    try:
        await eventually(lambda: len(seen.begun) == 2, WAIT_S)
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(thread.join, WAIT_S)
        assert not thread.is_alive()


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
        *(sys.executable, "-m", "resolver", "serve"),
        env={**os.environ, **settings},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asking(f"127.0.0.1:{port}"):
            yield
    finally:
        process.kill()
        await process.wait()


async def test_a_resolver_that_is_killed_and_comes_back_is_watched_on(
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


async def test_what_was_changed_while_nobody_was_connected_is_told_in_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://")) as seen,
    ):
        for number in range(3):
            link.go_down()
            await commit(mutations, a_venue(f"away{number}"))
            link.come_back()
            await commit(mutations, a_venue(f"back{number}"))
        await commit(mutations, a_venue("last"))
        told = [f"{when}{number}" for number in range(3) for when in ("away", "back")]
        await eventually(lambda: seen.both(*told, "last"), WAIT_S)
    assert seen.errors == []


async def test_what_no_resolver_keeps_any_more_ends_the_watch_by_its_name(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        link_to(f"grpc://{at.target}") as (link, url),
        watching(url.removeprefix("grpc://")) as seen,
    ):
        link.go_down()
        revision = await commit(mutations, a_venue("missed"))
        view = at.resolver.view
        await eventually(lambda: view.snapshot.position.revision == revision, WAIT_S)
        view.recent.restart()  # as where it was loaded anew
        link.come_back()
        await eventually(lambda: len(seen.errors) == 2, WAIT_S)
    assert [type(error) for error in seen.errors] == [cqar.NotKept] * 2
    assert seen.both()


async def test_a_new_history_ends_the_watch_by_its_name(
    config: ResolverConfig, mutations: Mutations
) -> None:
    revision = await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
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


async def test_where_nobody_ever_was_a_watch_says_so(mutations: Mutations) -> None:
    async with cqar.AsyncClient("127.0.0.1:1") as asked:
        with pytest.raises(cqar.NotReady):
            await anext(asked.watch())
