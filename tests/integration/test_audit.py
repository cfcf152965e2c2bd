"""`cqar audit verify` finds whatever was altered behind the registry's back, and says where."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.audit import Broken, verified
from cqar.audit_signatures import Signed
from shared import history
from shared.history import position_of
from tests.builders import a_venue
from tests.changes import commit, head_of
from writer import outbox
from writer.mutations import Mutations

TAMPERED = {
    "UPDATE outbox SET payload = payload || '\\x00' WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET chain = sha256(chain) WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET prev_chain = sha256(chain) WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET events = '' WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET live_count = 9 WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET live_count = -1 WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET set_hash = sha256(set_hash) WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET chain_version = 1 WHERE revision = 3": "revision 1:3 is not as",
    "UPDATE outbox SET chain_version = 3 WHERE revision = 3": "chain version 3 is not known",
    "DELETE FROM outbox WHERE revision = 1": "revision 1:1 is missing",
    "DELETE FROM outbox WHERE revision = 3": "revision 1:3 is missing",
    "DELETE FROM outbox WHERE revision = 5": "not where the chain ends, at revision 4",
    "DELETE FROM entity_revisions WHERE revision = 3": "revision 1:3 changed other entities",
    "UPDATE entity_revisions SET key = 'x' WHERE revision = 3": "revision 1:3 changed other",
    "INSERT INTO entity_revisions VALUES ('venue', 'x', 9)": "names revision 9, which is not",
    "UPDATE current SET payload = payload || '\\x00' WHERE key = 'c'": "`current` was altered",
    "UPDATE current SET deleted = true WHERE key = 'c'": "`current` was altered",
    "UPDATE registry_head SET chain = sha256(chain)": "not where the chain ends",
}


@pytest.fixture
async def written(mutations: Mutations) -> None:
    for name in "abcde":
        await commit(mutations, a_venue(name))


@pytest.mark.usefixtures("written")
async def test_what_was_not_touched_is_whole_over_epochs_too(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    assert (await verified(database))[:2] == (5, 5)
    # An epoch's first revision may leave numbers out.
    assert await mutations.bump_epoch(1, 1, 50)
    await commit(mutations, a_venue("f"), a_venue("a", is_active=False))
    found = await verified(database)
    nothing = Signed(0, None, is_head=False, by_trusted=False)
    assert found == (7, 6, (await head_of(engine)).chain, nothing)


async def test_a_registry_of_before_goes_on_as_it_was_until_its_next_epoch(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    """Followers of the release before read all of it until then, and audit all of it after."""
    async with engine.begin() as tx:
        # As migration 0010 leaves one that holds revisions.
        await tx.execute(sa.text("UPDATE registry_head SET chain_version = 1"))
    await commit(mutations, a_venue("a"))
    first = await head_of(engine)
    await commit(mutations, a_venue("b"))
    async with engine.connect() as tx:
        _, second = await outbox.rows_after(tx, 0, 2)
    assert second.chain == history.chain_of(first.chain, 1, 2, second.payload)
    assert second.events_hash == b""
    await mutations.bump_epoch(1, 1, 2)
    await commit(mutations, a_venue("c"))
    async with engine.connect() as tx:
        rows = await outbox.rows_after(tx, 0, 9)
    assert [(row.epoch, row.chain_version) for row in rows] == [(1, 1), (1, 1), (2, 2), (2, 2)]
    assert (await verified(database)).revisions == 4
    # What a version leaves out can be altered unseen: that is what the next one is for.
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET events = '' WHERE revision = 2"))
    await verified(database)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET events = '' WHERE revision = 4"))
    with pytest.raises(Broken, match="revision 2:4 is not as"):
        await verified(database)


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("statement", TAMPERED)
async def test_what_was_altered_is_found_and_named(
    statement: str, database: str, engine: AsyncEngine
) -> None:
    async with engine.begin() as tx:
        assert (await tx.execute(sa.text(statement))).rowcount == 1
    with pytest.raises(Broken) as broken:
        await verified(database)
    assert TAMPERED[statement] in str(broken.value)


@pytest.mark.usefixtures("written")
async def test_a_history_that_did_not_go_through_what_was_noted_was_rewritten(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    noted = position_of(await head_of(engine))
    await commit(mutations, a_venue("f"))
    await verified(database, [noted])
    for other in (
        noted._replace(chain=bytes(32)),
        noted._replace(epoch=2),
        noted._replace(revision=99),
    ):
        with pytest.raises(Broken, match=f"{other}:{other.chain.hex()} was noted"):
            await verified(database, [noted, other])
