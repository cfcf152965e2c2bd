"""Changes as they become visible, in every form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import cqar
from cqar.sdk.async_api import AsyncApi
from cqar_resolver.config import ResolverConfig
from cqar_writer.mutations.pipeline import Mutations
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import WAIT_S, ready_client


def venues_in(update: cqar.Update) -> list[str]:
    changes = update.change_set.changes if update.change_set else ()
    return [change.message().venue_id for change in changes]


async def test_both_forms_see_each_change_once_and_in_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with (
        served(config) as at,
        ready_client(at.target) as asked,
        cqar.Replica(*here) as replica,
    ):
        await replica.wait_ready(WAIT_S)

        begun: set[int] = set()

        async def awaited(answers: AsyncApi) -> list[str]:
            seen: list[str] = []
            async for update in answers.watch(2, epoch=1, kinds=["venue"], timeout_s=WAIT_S):
                begun.add(id(seen))
                seen += venues_in(update)
                if len(seen) == 3:
                    break
            # What it was told of here it will not be denied by another resolver.
            assert answers.position == (1, 4)
            return seen

        def waited(context: Any) -> list[str]:
            seen: list[str] = []
            with context as answers:
                answers.wait_ready(WAIT_S)
                for update in answers.watch(2, epoch=1, kinds=["venue"], timeout_s=WAIT_S):
                    begun.add(id(seen))
                    seen += venues_in(update)
                    if len(seen) == 3:
                        break
            assert answers.position == (1, 4)
            return seen

        watching = [
            asyncio.ensure_future(awaited(asked)),
            asyncio.ensure_future(awaited(replica)),
            asyncio.ensure_future(asyncio.to_thread(waited, cqar.Client(at.target))),
            asyncio.ensure_future(asyncio.to_thread(waited, cqar.Replica(*here))),
        ]
        await eventually(lambda: len(begun) == len(watching), WAIT_S)
        for number in range(3):
            await commit(mutations, a_venue(f"v{number}"))
        for seen in await asyncio.gather(*watching):
            assert seen == ["v0", "v1", "v2"]


async def until_the_end(updates: AsyncIterator[cqar.Update]) -> None:
    async for _ in updates:
        pass


async def test_a_watch_ends_with_its_time_or_with_what_cannot_be_watched(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with (
        served(config) as at,
        ready_client(at.target) as asked,
        cqar.Replica(*here) as replica,
    ):
        await replica.wait_ready(WAIT_S)
        both: list[AsyncApi] = [asked, replica]
        for answers in both:
            updates = answers.watch(timeout_s=0.5)
            assert (await anext(updates)).change_set is None
            with pytest.raises(cqar.TimedOut):
                await until_the_end(updates)
            with pytest.raises(cqar.NotReady):
                await anext(answers.watch(1, epoch=9))
            with pytest.raises(cqar.InvalidRequest, match="nonsense"):
                await anext(answers.watch(kinds=["nonsense"]))
