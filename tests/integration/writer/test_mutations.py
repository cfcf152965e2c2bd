"""Mutations against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from functools import partial

import asyncpg
import pytest
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item, Result
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.kinds.finding import FindingDifference
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, VenueSymbol, delist
from cqar_shared.errors import Conflict, EntityNotFound, Exists, TooLarge
from cqar_shared.replication import hash_chain, positions
from cqar_shared.runtime.event_loop import INLINE_ITEMS_MAX
from cqar_shared.sql import schema
from cqar_shared.sql.schema import current
from cqar_shared.sql.tables import table_of
from cqar_writer.mutations import AppliedMutation, Cause, Mutations
from cqar_writer.store import entity_rows, head_rows, outbox
from tests.support.commits import CAUSE, apply, removal, upsert
from tests.support.entity_builders import (
    BTC,
    ETH,
    MARKET,
    NOW,
    a_chain,
    a_finding,
    a_relationship,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.table_checks import row_of


async def test_concurrent_mutations_take_gapless_revisions(mutations: Mutations) -> None:
    names = "abcdefgh"
    results = await asyncio.gather(
        *(mutations.change(upsert(a_venue(name)), CAUSE) for name in names)
    )
    assert sorted(applied.revision for _, applied in results) == list(range(1, 9))


async def test_a_request_that_changes_nothing_takes_no_revision(mutations: Mutations) -> None:
    first = await apply(mutations, MARKET)
    again = await apply(mutations, MARKET)

    assert (first.committed, first.revision) == (True, 1)
    assert (again.committed, again.revision) == (False, 1)
    # The builder leaves the listing's id open: it is found by its spelling.
    assert {o.result for o in again.outcomes} == {Result.UNCHANGED}


async def test_a_rejected_item_rejects_all_unless_skipped(mutations: Mutations) -> None:
    items = [upsert(a_venue()), upsert(a_venue("DEX!"))]

    refused = await mutations.apply(items, CAUSE)
    assert [o.result for o in refused.outcomes] == [Result.CREATED, Result.REJECTED]
    assert (refused.committed, refused.revision) == (False, 0)

    skipped = await mutations.apply(items, CAUSE, skip_rejected=True)
    assert (skipped.committed, skipped.revision) == (True, 1)


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    planned = await apply(mutations, MARKET, dry_run=True)
    assert {o.result for o in planned.outcomes} == {Result.CREATED}
    async with engine.connect() as tx:
        assert (await head_rows.read_head(tx)).revision == 0
        assert await entity_rows.counts(tx) == {}


@pytest.mark.parametrize("dry_run", [False, True])
async def test_what_packs_well_and_is_large_unpacked_is_refused_before_it_is_committed(
    mutations: Mutations, *, dry_run: bool
) -> None:
    many = [an_asset(f"A{n}", metadata={"note": "x" * 15_500}) for n in range(600)]
    with pytest.raises(TooLarge, match=r"a change set of \d+ KiB; at most 8192 KiB: split"):
        await apply(mutations, many, dry_run=dry_run)
    assert (await apply(mutations, many[:300])).revision == 1


async def test_events_that_are_large_together_are_refused_too(mutations: Mutations) -> None:
    """Each tells the reason anew."""
    begun = {"is_primary": False, "listed_at": NOW - dt.timedelta(days=1)}
    listings = [
        a_venue_symbol(listing_id=an_id(f"{n}"), venue_symbol=f"S{n}", **begun) for n in range(20)
    ]
    await apply(mutations, [*MARKET[:-1], *listings], historical=True)
    ended = [upsert(delist(one, NOW)) for one in listings]
    with pytest.raises(TooLarge, match="events of one change set"):
        await mutations.apply(ended, Cause("tester", "x" * 500_000), historical=True)


async def test_if_revision_refuses_what_changed_since(mutations: Mutations) -> None:
    _, applied = await mutations.change(upsert(an_asset()), CAUSE)
    revision = applied.revision
    await mutations.change(upsert(an_asset(name="Bitcoin")), CAUSE)
    with pytest.raises(Conflict, match="changed at revision 2"):
        await mutations.change(upsert(an_asset(name="B"), if_revision=revision), CAUSE)
    await mutations.change(upsert(an_asset(name="B"), if_revision=revision + 1), CAUSE)
    # What was removed since changed too: it is not made anew by one who did not know.
    await mutations.change(removal("asset", BTC), CAUSE)
    with pytest.raises(Conflict, match="changed at revision 4"):
        await mutations.change(upsert(an_asset(name="C"), if_revision=revision + 2), CAUSE)
    await mutations.change(upsert(an_asset(name="C")), CAUSE)


async def test_two_who_find_the_same_of_one_listing_at_a_time_make_one_finding_of_it(
    mutations: Mutations,
) -> None:
    listing = a_venue_symbol(listing_id=an_id("listing"), doubts=())
    known = await apply(mutations, [*MARKET[:-1], listing])

    def missing(since: dt.datetime) -> list[Item]:
        doubted = a_venue_symbol(
            listing_id=an_id("listing"),
            doubts=("SOURCE_MISSING",),
            metadata={"missing_since": since.isoformat()},
        )
        found = a_finding(
            kind="SOURCE_MISSING", listing_id=an_id("listing"), effective_at=since,
            differences=(FindingDifference(field="delisted_at", after=since.isoformat()),),
        )  # fmt: skip
        return [upsert(each, if_revision=known.revision) for each in (doubted, found)]

    first = await mutations.apply(missing(NOW), CAUSE, skip_rejected=True)
    assert [o.result for o in first.outcomes] == [Result.UPDATED, Result.CREATED]
    # The other one did not see that the listing is doubted already: it was asked a moment later.
    later = missing(NOW + dt.timedelta(seconds=1))
    second = await mutations.apply(later, CAUSE, skip_rejected=True)
    assert [o.result for o in second.outcomes] == [Result.REJECTED, Result.REJECTED]
    assert not second.committed


async def test_creating_what_exists_and_removing_what_does_not(mutations: Mutations) -> None:
    await apply(mutations, MARKET)
    with pytest.raises(Exists):
        await mutations.change(upsert(a_venue(), intent=ChangeIntent.CREATE), CAUSE)
    # Same terms, no id: it means the symbol that is there.
    twin = a_symbol(symbol_id="")
    with pytest.raises(Exists):
        await mutations.change(upsert(twin, intent=ChangeIntent.CREATE), CAUSE)
    with pytest.raises(EntityNotFound):
        await mutations.change(removal("asset", ETH), CAUSE)


async def test_current_outbox_and_head_tell_the_same_story(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [*MARKET, a_chain(), an_asset("ETH"), a_relationship(ETH, BTC)])
    later = NOW + dt.timedelta(hours=1)
    step = partial(delist, at=later)
    mutations = Mutations(engine, lambda: later)
    (outcome,) = (await apply(mutations, [a_venue_symbol()], dry_run=True)).outcomes
    evolve = Item(
        kind=KIND_BY_NAME["venue_symbol"],
        intent=ChangeIntent.EVOLVE,
        key=outcome.key,
        step=step,
    )
    outcome, _ = await mutations.change(evolve, CAUSE)
    assert isinstance(outcome.after, VenueSymbol)
    assert outcome.after.status is MarketStatusCode.DELISTED
    await mutations.change(removal("chain", "ethereum"), CAUSE)

    replayed: dict[tuple[str, str], bytes] = {}
    async with engine.connect() as tx:
        head = await head_rows.read_head(tx)
        rows = await outbox.rows_after(tx, 0, 100)
        live = await tx.execute(sa.select(current).where(~current.c.deleted))
        state = {(row.kind, row.key): row.payload for row in live}
    chain = rows[0].prev_chain
    for row in rows:
        assert row.prev_chain == chain
        chain = hash_chain.chain_of(chain, row.link)
        assert row.chain == chain
        change_set = replication_pb2.ChangeSet.FromString(positions.unpack(row.payload))
        assert change_set.revision == row.revision
        for change in change_set.changes:
            if change.deleted:
                del replayed[change.kind, change.key]
            else:
                replayed[change.kind, change.key] = change.entity
    assert replayed == state
    assert (head.revision, head.chain, head.live_count) == (3, chain, len(state))
    hashes = sum(positions.hash_of(kind, key, payload) for (kind, key), payload in state.items())
    assert positions.set_hash_bytes(hashes) == head.set_hash

    events = replication_pb2.DomainEvents.FromString(positions.unpack(rows[1].events))
    assert [e.subject for e in events.events] == ["cqc.events.v1.venue_symbol_delisted"]


async def test_relational_rows_say_what_the_entities_say(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [*MARKET, a_chain(), an_asset("ETH"), a_relationship(ETH, BTC)])
    async with engine.connect() as tx:
        for kind in KINDS:
            stored = {
                key: row_of(entity_codec.decode(kind, payload))
                for key, payload in await tx.execute(
                    sa.select(current.c.key, current.c.payload).where(current.c.kind == kind.name)
                )
            }
            rows = (await tx.execute(sa.select(table_of(kind)))).mappings()
            found = {"/".join(row[name] for name in kind.key): dict(row) for row in rows}
            assert found == stored, kind.name


@pytest.mark.parametrize("dry_run", [False, True])
async def test_the_answer_to_many_items_is_made_aside_however_few_of_them_change(
    mutations: Mutations, *, dry_run: bool
) -> None:
    await apply(mutations, (an_asset(f"A{number}") for number in range(INLINE_ITEMS_MAX)))
    where: list[threading.Thread] = []

    def answer(_: AppliedMutation) -> bytes:
        where.append(threading.current_thread())
        return b""

    items = [upsert(an_asset(f"A{number}")) for number in range(INLINE_ITEMS_MAX + 1)]
    applied = await mutations.apply(items, CAUSE, dry_run=dry_run, encode_answer=answer)
    assert [o.result for o in applied.outcomes].count(Result.UNCHANGED) == INLINE_ITEMS_MAX
    assert where
    assert threading.main_thread() not in where


async def test_no_sql_reaches_the_period_constraint_but_it_stands(
    database: str, mutations: Mutations
) -> None:
    """The rule speaks first; the constraint holds even against a hand at psql."""
    await apply(mutations, MARKET)
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.ExclusionViolationError, match="ex_venue_symbols_spelling"):
        await connection.execute(
            "INSERT INTO venue_symbols (listing_id, venue_id, symbol_id, venue_symbol, status,"
            " is_primary, tick_bands, first_seen_at) SELECT gen_random_uuid(), venue_id,"
            " symbol_id, venue_symbol, 2, false, '[]', now() FROM venue_symbols"
        )
    await connection.close()


async def test_a_database_that_was_restored_begins_a_new_epoch_first(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [a_venue()])
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET timeline_id = timeline_id + 1"))
    applied = await apply(mutations, [a_venue("kraken")])
    assert (applied.epoch, applied.revision) == (2, 3)
    async with engine.connect() as tx:
        query = sa.select(schema.outbox.c.revision, schema.outbox.c.is_reset).order_by(
            schema.outbox.c.revision
        )
        assert list(await tx.execute(query)) == [(1, False), (2, True), (3, False)]
