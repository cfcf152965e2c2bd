"""Every case of `../shared/cases`: the right conclusions from a venue's answers.

Claims are judged after the step that they name, be it an import, a list or a decision.
"""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_writer.relays.change_relay import ChangeRelay
from tests.cases.case_files import Case, case_names, kind_of, read_case
from tests.cases.claims import CHECKS, faults
from tests.cases.known_before import known_before
from tests.cases.story import Story, telling
from tests.support.follower_setup import NEVER_S


@pytest.mark.parametrize("name", case_names())
async def test_what_a_case_claims_holds(
    name: str,
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
) -> None:
    case = read_case(name)
    # What one of its probes confirms stays good for the case's time.
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.5, stale_after_s=NEVER_S
    )
    begin = case.steps[0].at
    wrong: dict[int, list[str]] = {}
    async with telling(known_before(case, begin), begin, config, engine) as (story, resolver):
        for number, step in enumerate(case.steps, 1):
            await story.take(step)
            await story.catch_up(resolver, relay)
            wrong |= await wrong_claims(story, case, number)
    texts = [f"{place} {case.expect[place]}: {'; '.join(said)}" for place, said in wrong.items()]
    assert not wrong, "\n".join(["", *texts])


async def wrong_claims(story: Story, case: Case, number: int) -> dict[int, list[str]]:
    """The claims after so many steps that do not hold: place -> what is wrong."""
    found = {
        place: await faults(story, claim)
        for place, claim in enumerate(case.expect)
        if claim["after"] == number
    }
    return {place: said for place, said in found.items() if said}


def test_there_are_cases_and_every_kind_of_claim_has_a_checker() -> None:
    cases = {name: read_case(name) for name in case_names()}
    assert len(cases) >= 48
    kinds = {kind_of(claim) for case in cases.values() for claim in case.expect}
    assert kinds <= CHECKS.keys()
