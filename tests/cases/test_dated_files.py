"""Real answers of three years, imported in any order: the same as-of answers."""

from __future__ import annotations

import datetime as dt
import zlib
from itertools import permutations
from typing import Any

import msgspec
import pytest
from cqc.resolver.v1 import resolver_pb2
from google.protobuf.json_format import MessageToDict
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.finding_policy import FindingRule
from cqar_shared.domain.kinds.finding import FindingAction
from cqar_writer.relays.change_relay import ChangeRelay
from tests.cases.case_files import Case, Step
from tests.cases.known_before import known_before
from tests.cases.story import Story, pb, telling
from tests.readers.listing_files import VENUES
from tests.support.commits import head_of
from tests.support.follower_setup import NEVER_S

FILES = {
    dt.datetime(2021, 10, 12, tzinfo=dt.UTC): "spot_exchangeInfo_2021-10-12.json",
    dt.datetime(2022, 11, 28, tzinfo=dt.UTC): "spot_exchangeInfo_2022-11-28.json",
    dt.datetime(2024, 9, 8, tzinfo=dt.UTC): "spot_exchangeInfo_2024-09-08.json",
}
MOMENTS = [at + dt.timedelta(days=days) for at in FILES for days in (-1, 1, 90)]
#: One spelling of so many is taken: 18 imports are made.
ONE_OF = 16
Answers = dict[tuple[str, dt.datetime], Any]

_wanted: Answers = {}


def answer_of(name: str) -> dict[str, Any]:
    """A file with a part of its symbols, the same ones in each file."""
    answer: dict[str, Any] = msgspec.json.decode((VENUES / "binance" / name).read_bytes())
    symbols = answer["symbols"]
    answer["symbols"] = [s for s in symbols if zlib.crc32(s["symbol"].encode()) % ONE_OF == 0]
    return answer


def step_of(at: dt.datetime) -> Step:
    raw = msgspec.Raw(msgspec.json.encode(answer_of(FILES[at])))
    return Step(at=at, venue="binance", answers={"exchangeInfo": raw})


def told(found: resolver_pb2.Resolution) -> dict[str, Any]:
    """What is said of a spelling, without ids of its period and what an import notes."""
    listing = found.venue_symbol
    for field in ("listing_id", "metadata", "doubts", "terms_since", "terms_stated_at"):
        listing.ClearField(field)
    terms = MessageToDict(listing) | MessageToDict(found.specs)
    return {"resolution": found.status, "symbol": found.symbol.symbol_id, **terms}


async def as_of(story: Story, spellings: list[str]) -> Answers:
    keys = [pb.VenueSymbolKey(venue_id="binance", venue_symbol=name) for name in spellings]
    answers: Answers = {}
    for at in MOMENTS:
        request = pb.ResolveBatchRequest(keys=keys, as_of=at)
        found = (await story.ask(story.resolver.ResolveBatch, request)).resolutions
        answers |= {(name, at): told(one) for name, one in zip(spellings, found, strict=True)}
    return answers


@pytest.mark.parametrize("order", list(permutations(range(len(FILES)))), ids=str)
async def test_three_years_in_any_order(
    order: tuple[int, ...],
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
) -> None:
    steps = [step_of(list(FILES)[place]) for place in order]
    names = [s["symbol"] for name in FILES.values() for s in answer_of(name)["symbols"]]
    known = known_before(Case(registry=[], steps=steps, expect=[]), steps[0].at)
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.5, stale_after_s=NEVER_S
    )
    async with telling(known, steps[0].at, config, engine) as (story, resolver):
        # What people leave as it was depends on the order in which they are asked.
        story.rules = (FindingRule(name="all", action=FindingAction.APPLY),)
        for step in steps:
            # The file of 2024 lacks most symbols of 2022: it was taken for one permission.
            await story.take(step, allow_mass_change=True)
        await story.catch_up(resolver, relay)
        found = await as_of(story, sorted(set(names)))
        revision = (await head_of(engine)).revision
        await story.take(steps[0], allow_mass_change=True)
        assert (await head_of(engine)).revision == revision
    if not _wanted:
        _wanted.update(found)
    wrong = [
        (*key, name, found[key].get(name), wanted.get(name))
        for key, wanted in _wanted.items()
        for name in sorted(wanted.keys() | found[key].keys())
        if found[key].get(name) != wanted.get(name)
    ]
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"
