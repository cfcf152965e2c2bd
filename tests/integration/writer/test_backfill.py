"""Dated statements in any order give the same history; older ones go behind the present."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.audit import verify_registry
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol
from cqar_shared.domain.listing_term_rules import ScheduledTerm
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import (
    ETH,
    NOW,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.writer_server import Client, serving

DAY = dt.timedelta(days=1)
OTHER = a_symbol(base_asset_id=ETH)
BASE = (an_asset(), an_asset("ETH"), an_asset("USDT"), a_venue(), a_symbol(), OTHER)
S = MarketStatusCode
#: Few, so that one comes again after another.
TERMS = (("1", S.ONLINE), ("1", S.HALTED), ("2", S.ONLINE))


class Statement(NamedTuple):
    """The terms of a listing as of so many days ago."""

    days: int
    tick: str
    status: MarketStatusCode


def a_listing(spelling: str = "BTCUSDT", **changes: Any) -> VenueSymbol:
    given = {"listing_id": an_id(spelling), "venue_symbol": spelling, "is_primary": False}
    return a_venue_symbol(**{**given, **changes})


async def state(
    mutations: Mutations, spelling: str, said: Statement, *, confirms: bool = True
) -> Result:
    listing = a_listing(spelling, tick_size=Decimal(said.tick), status=said.status)
    applied = await mutations.apply(
        [upsert(listing)],
        CAUSE,
        historical=True,
        as_of=NOW - said.days * DAY,
        confirms=confirms,
    )
    (outcome,) = applied.outcomes
    assert outcome.error is None
    assert applied.committed == outcome.changes
    return outcome.result


async def told(client: Client, spelling: str, days: float | None = None) -> tuple[str, int]:
    """Tick and status as of so many days ago, or now."""
    request = rpb.GetVenueSymbolRequest(venue_id="binance", venue_symbol=spelling)
    if days is not None:
        request.as_of.FromDatetime(NOW - days * DAY)
    found = (await client.call(client.registry.GetVenueSymbol, request)).venue_symbol
    return found.exact.tick_size, found.status


def history(seed: int, count: int = 9) -> list[Statement]:
    chance = random.Random(seed)
    days = chance.sample(range(1, 99), count)
    return [Statement(day, *chance.choice(TERMS)) for day in sorted(days, reverse=True)]


def by_replay(statements: list[Statement], days: float) -> tuple[str, int]:
    """What the latest statement of then or before says."""
    before = [one for one in statements if one.days >= days]
    return (before[-1].tick, before[-1].status) if before else ("", 0)


@pytest.mark.parametrize("seed", range(8))
async def test_statements_in_any_order_give_the_same_answers(
    seed: int, engine: AsyncEngine, mutations: Mutations, database: str
) -> None:
    await commit(mutations, *BASE)
    statements = history(seed)
    shuffled = random.Random(seed).sample(statements, len(statements))
    for spelling, order in (("ORDERED", statements), ("SHUFFLED", shuffled)):
        for one in order:
            await state(mutations, spelling, one)
            # Once more: it is known, whatever came since.
            assert await state(mutations, spelling, one) is Result.UNCHANGED
    instants = [None, *(one.days + by for one in statements for by in (-0.5, 0, 0.5))]
    async with serving(engine, NOW) as client:
        for days in instants:
            expected = by_replay(statements, days or 0)
            for spelling in ("ORDERED", "SHUFFLED"):
                assert await told(client, spelling, days) == expected, (spelling, days)
    await verify_registry(database)


@pytest.mark.parametrize("seed", range(4))
async def test_without_confirming_each_change_still_finds_its_place(
    seed: int, engine: AsyncEngine, mutations: Mutations
) -> None:
    """What no two statements say alike needs no confirmation."""
    await commit(mutations, *BASE)
    statements = [Statement(day, str(day), S.ONLINE) for day in (90, 60, 30, 9, 1)]
    shuffled = random.Random(seed).sample(statements, len(statements))
    for one in shuffled:
        await state(mutations, "X", one, confirms=False)
    async with serving(engine, NOW) as client:
        for days in (None, 0.5, 1, 5, 9, 20, 30, 45, 60, 90, 95):
            assert await told(client, "X", days) == by_replay(statements, days or 0)


async def test_the_past_changes_nothing_of_now(
    engine: AsyncEngine, mutations: Mutations, database: str
) -> None:
    """Resolvers hold what they held, and no event is told; the history has it."""
    await commit(mutations, *BASE)
    await state(mutations, "X", Statement(1, "1", S.ONLINE), confirms=False)
    before = await RegistryDatabase(database).hydrate()
    old = Statement(9, "2", S.HALTED)
    assert await state(mutations, "X", old, confirms=False) is Result.UPDATED
    assert await state(mutations, "X", old, confirms=False) is Result.UNCHANGED
    after = await RegistryDatabase(database).hydrate()
    assert after.set_hash == before.set_hash
    assert after.head.revision == before.head.revision + 1
    async with serving(engine, NOW) as client:
        assert await told(client, "X", 5) == ("2", S.HALTED)
        assert await told(client, "X") == ("1", S.ONLINE)
        ref = pb.EntityRef(kind="venue_symbol", key=an_id("X"))
        answer = await client.call(client.admin.History, pb.HistoryRequest(entity=ref), Role.READ)
    newest = answer.entries[0]
    assert newest.before == newest.after
    (past,) = newest.past
    assert b"2" in past
    await verify_registry(database)


async def test_what_is_said_of_a_period_that_is_over_stays_in_it(
    engine: AsyncEngine, mutations: Mutations, database: str
) -> None:
    """An old answer neither reopens the old meaning nor speaks of the new one."""
    await commit(mutations, *BASE)
    old = a_listing(listing_id=an_id("old"), listed_at=NOW - 90 * DAY, delisted_at=NOW - 50 * DAY)
    new = a_listing(listing_id=an_id("new"), symbol_id=OTHER.symbol_id, listed_at=NOW - 20 * DAY)
    applied = await mutations.apply([upsert(old), upsert(new)], CAUSE, historical=True)
    assert applied.committed
    spelled = a_listing(listing_id="", tick_size=Decimal(7), status=S.POST_ONLY)
    applied = await mutations.apply([upsert(spelled)], CAUSE, historical=True, as_of=NOW - 60 * DAY)
    assert [o.key for o in applied.outcomes] == [an_id("old")]
    async with serving(engine, NOW) as client:
        assert await told(client, "BTCUSDT", 55) == ("7", S.POST_ONLY)
        assert await told(client, "BTCUSDT", 45) == ("7", S.DELISTED)
        assert await told(client, "BTCUSDT") == ("0.01", S.ONLINE)
    await verify_registry(database)


async def test_an_older_answer_ends_nothing_that_is_known_to_be_listed_later(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    """It may be of an earlier market of that spelling, of which nothing else is known."""
    await commit(mutations, *BASE)
    await state(mutations, "X", Statement(1, "1", S.ONLINE))
    gone = a_listing("X", tick_size=Decimal(1), status=S.DELISTED)
    applied = await mutations.apply([upsert(gone)], CAUSE, historical=True, as_of=NOW - 9 * DAY)
    (outcome,) = applied.outcomes
    assert [(v.field, v.reason) for v in outcome.violations] == [("status", "NOT_ENDED")]
    async with serving(engine, NOW) as client:
        assert await told(client, "X") == ("1", S.ONLINE)


@pytest.mark.parametrize("days", [(9, 5), (5, 9)])
async def test_the_period_is_as_the_newest_answer_says(
    days: tuple[int, int], engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, *BASE)
    for day in days:
        announced = a_listing("X", listed_at=None, delisted_at=NOW + (20 - day) * DAY)
        applied = await mutations.apply(
            [upsert(announced)], CAUSE, historical=True, as_of=NOW - day * DAY
        )
        assert applied.outcomes[0].error is None
    request = rpb.GetVenueSymbolRequest(venue_id="binance", venue_symbol="X")
    async with serving(engine, NOW) as client:
        found = (await client.call(client.registry.GetVenueSymbol, request)).venue_symbol
    assert found.ends_at.ToDatetime(dt.UTC) == NOW + 15 * DAY


async def test_terms_of_before_are_checked_like_those_of_now(mutations: Mutations) -> None:
    await commit(mutations, *BASE)
    await state(mutations, "X", Statement(1, "1", S.ONLINE))
    wrong = a_listing("X", tick_size=Decimal(0))
    applied = await mutations.apply([upsert(wrong)], CAUSE, historical=True, as_of=NOW - 9 * DAY)
    (outcome,) = applied.outcomes
    assert [(v.field, v.reason) for v in outcome.violations] == [
        ("exact.tick_size", "NOT_POSITIVE")
    ]


async def test_what_was_announced_then_turns_in_the_past(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, *BASE)
    await state(mutations, "X", Statement(1, "1", S.ONLINE))
    change = ScheduledTerm(effective_at=NOW - 5 * DAY, field="tick_size", value="3")
    listing = a_listing("X", tick_size=Decimal(2), status=S.ONLINE, scheduled=(change,))
    await mutations.apply([upsert(listing)], CAUSE, historical=True, as_of=NOW - 9 * DAY)
    async with serving(engine, NOW) as client:
        found = [(await told(client, "X", days))[0] for days in (9, 6, 5, 2, 1)]
    assert found == ["2", "2", "3", "3", "1"]


async def test_apply_notes_what_is_so_already_where_it_is_asked_to(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    """So an older answer of another state goes between, and not over the present."""
    await commit(mutations, *BASE)
    await state(mutations, "X", Statement(9, "1", S.ONLINE))
    stamp = Timestamp()
    stamp.FromDatetime(NOW - DAY)
    listing = a_listing("X", tick_size=Decimal(1), status=S.ONLINE)
    async with serving(engine, NOW) as client:
        item: Any = entity_codec.to_message(VENUE_SYMBOL, listing)
        request = pb.ApplyRequest(
            items=[pb.ApplyItem(venue_symbol=item)], historical=True, as_of=stamp, confirms=True
        )
        answer = await client.call(client.admin.Apply, request, Role.WRITE)
        assert (answer.committed, answer.outcomes[0].differences[:]) == (True, [])
        await state(mutations, "X", Statement(5, "2", S.ONLINE))
        found = [(await told(client, "X", days))[0] for days in (9, 5, 2, 1, None)]
    assert found == ["1", "2", "2", "1", "1"]
