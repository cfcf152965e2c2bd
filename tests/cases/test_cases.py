"""Every case of `../shared/cases`: the right conclusions from a venue's answers."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_writer.relays.change_relay import ChangeRelay
from tests.cases.case_files import Case, case_names, read_case
from tests.cases.claims import faults
from tests.cases.known_before import known_before
from tests.cases.story import telling
from tests.support.follower_setup import NEVER_S

@pytest.mark.parametrize("name", case_names())
async def test_case(
    name: str,
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
) -> None:
    case = read_case(name)
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.5, stale_after_s=NEVER_S
    )
    begin = case.steps[0].at
    failed = {}
    async with telling(known_before(case, begin), begin, config, engine) as (story, resolver):
        for number, step in enumerate(case.steps, 1):
            if not step.is_import:
                break
            await story.take(step)
            await story.catch_up(resolver, relay)
            for place, claim in enumerate(case.expect):
                if claim["after"] == number:
                    found = await faults(story, claim)
                    if found:
                        failed[place] = found
    for place, found in failed.items():
        print("CLAIM", name, place, json.dumps(case.expect[place])[:150], "->", found)
    assert not failed
