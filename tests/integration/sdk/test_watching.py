"""Changes as they become visible, in every form."""

from __future__ import annotations

import asyncio

import pytest

import cqar
from cqar_resolver.config import ResolverConfig
from cqar_writer.mutations import Mutations
from tests.support.commits import commit
from tests.support.entity_builders import a_venue
from tests.support.kind_lifecycles import one_of_each
from tests.support.resolver_client import served
from tests.support.sdk_setup import FORMS, WAIT_S, surface


def venues_in(update: cqar.Update) -> list[str]:
    changes = update.change_set.changes if update.change_set else ()
    return [change.message().venue_id for change in changes]


@pytest.mark.parametrize("form", FORMS)
async def test_every_change_is_seen_once_and_in_order(
    config: ResolverConfig, mutations: Mutations, form: str
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, surface(form, config, at.target) as opened:
        seen: list[str] = []
        is_begun = asyncio.Event()

        async def watch() -> None:
            async for update in opened.watch(
                from_revision=2, epoch=1, kinds=["venue"], timeout_s=WAIT_S
            ):
                is_begun.set()
                seen.extend(venues_in(update))
                if len(seen) == 3:
                    break

        watching = asyncio.create_task(watch())
        await asyncio.wait_for(is_begun.wait(), WAIT_S)
        for number in range(3):
            await commit(mutations, a_venue(f"v{number}"))
        await watching
        assert seen == ["v0", "v1", "v2"]
        # What a watch has seen, another resolver will not deny.
        assert opened.api.position == (1, 4)


@pytest.mark.parametrize("form", FORMS)
async def test_a_watch_ends_with_its_time_or_with_what_cannot_be_watched(
    config: ResolverConfig, mutations: Mutations, form: str
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, surface(form, config, at.target) as opened:
        updates = opened.watch(timeout_s=0.5)
        assert (await anext(updates)).change_set is None
        with pytest.raises(cqar.TimedOut):
            assert [update async for update in updates]
        with pytest.raises(cqar.NotReady):
            await anext(opened.watch(from_revision=1, epoch=9))
        with pytest.raises(cqar.InvalidRequest, match="nonsense"):
            await anext(opened.watch(kinds=["nonsense"]))
