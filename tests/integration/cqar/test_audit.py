"""`cqar audit verify` finds whatever was altered behind the registry's back, and says where."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin import audit_differences
from cqar.admin.audit import RegistryAltered, verify_registry
from cqar.admin.audit_signatures import SignatureReport
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds import KIND_BY_NAME, venue_symbol
from cqar_shared.domain.kinds.api_key import ApiKey
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.replication import positions
from cqar_shared.replication.positions import position_of
from cqar_shared.sql import entity_queries
from cqar_shared.sql.schema import current, registry_head
from cqar_writer.mutations import Mutations
from cqar_writer.store import head_rows, outbox
from tests.support.cli_runner import run_here
from tests.support.commits import CAUSE, commit, head_of, upsert
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.kind_lifecycles import LIVES, one_of_each
from tests.support.memory_registry_view import changed

migration: Any = import_module("cqar_writer.migrations.versions.0007_terms_and_archives")

TAMPERED = {
    "UPDATE outbox SET payload = payload || '\\x00' WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET chain = sha256(chain) WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET prev_chain = sha256(chain) WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET events = '' WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET live_count = 9 WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET live_count = -1 WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET set_hash = sha256(set_hash) WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET chain_version = 1 WHERE revision = 3": "revision 1:3 was altered",
    "UPDATE outbox SET chain_version = 3 WHERE revision = 3": "revision 1:3 was altered",
    "DELETE FROM outbox WHERE revision = 1": "revision 1:1 is missing",
    "DELETE FROM outbox WHERE revision = 3": "revision 1:3 is missing",
    "DELETE FROM outbox WHERE revision = 5": "not at the end of the chain, revision 4",
    "DELETE FROM entity_revisions WHERE revision = 3": "`entity_revisions` has no row 'venue/c/3'",
    "UPDATE entity_revisions SET key = 'x' WHERE revision = 3": "has no row 'venue/c/3'",
    "INSERT INTO entity_revisions VALUES ('venue', 'x', 9)": "has a row 'venue/x/9', which no",
    "UPDATE current SET payload = payload || '\\x00' WHERE key = 'c'": "`current.payload` was alt",
    "UPDATE current SET deleted = true WHERE key = 'c'": "`current.deleted` was altered",
    "UPDATE registry_head SET chain = sha256(chain)": "not at the end of the chain",
}


@pytest.fixture
async def written(mutations: Mutations) -> None:
    for name in "abcde":
        await commit(mutations, a_venue(name))


@pytest.mark.usefixtures("written")
async def test_what_was_not_touched_is_whole_over_epochs_too(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    assert (await verify_registry(database))[:2] == (5, 5)
    # An epoch's first revision may leave numbers out.
    assert await mutations.bump_epoch(1, 1, 50)
    await commit(mutations, a_venue("f"), a_venue("a", is_active=False))
    found = await verify_registry(database)
    nothing = SignatureReport(0, None, is_head=False, by_trusted=False)
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
    assert second.chain == positions.chain_of(first.chain, 1, 2, second.payload)
    assert second.events_hash == b""
    await mutations.bump_epoch(1, 1, 2)
    await commit(mutations, a_venue("c"))
    async with engine.connect() as tx:
        rows = await outbox.rows_after(tx, 0, 9)
    assert [(row.epoch, row.chain_version) for row in rows] == [(1, 1), (1, 1), (2, 2), (2, 2)]
    assert (await verify_registry(database)).revisions == 4


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("statement", TAMPERED)
async def test_what_was_altered_is_found_and_named(
    statement: str, database: str, engine: AsyncEngine
) -> None:
    async with engine.begin() as tx:
        assert (await tx.execute(sa.text(statement))).rowcount == 1
    with pytest.raises(RegistryAltered) as broken:
        await verify_registry(database)
    assert TAMPERED[statement] in str(broken.value)


async def test_every_kind_from_creation_to_removal_is_whole(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    for name, life in LIVES.items():
        kind, key = KIND_BY_NAME[name], KIND_BY_NAME[name].key_of(life.born)
        if life.needs:
            await mutations.apply([upsert(one) for one in life.needs], CAUSE)
        await commit(mutations, life.born)
        for changes, _ in life.steps:
            async with engine.connect() as tx:
                (row,) = await entity_queries.load(tx, [(name, key)])
            await commit(mutations, changed(entity_codec.decode(kind, row.payload), **changes))
        if not life.stays:
            await mutations.change(Item(kind=kind, intent=ChangeIntent.REMOVE, key=key), CAUSE)
    # A revoked key stays revoked.
    await commit(mutations, *(e for e in one_of_each() if not isinstance(e, ApiKey)))
    found = await verify_registry(database)
    assert found.entities == (await head_of(engine)).live_count


async def test_a_registry_in_which_nothing_was_written_is_whole(
    database: str, engine: AsyncEngine
) -> None:
    nothing = SignatureReport(0, None, is_head=False, by_trusted=False)
    assert await verify_registry(database) == (0, 0, (await head_of(engine)).chain, nothing)


async def test_terms_that_a_migration_dated_are_as_it_left_them(
    database: str, engine: AsyncEngine, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    spellings = ("BTCUSDT", "XBTUSDT")
    first, second = (
        a_venue_symbol(listing_id=an_id(name), venue_symbol=name, is_primary=name == "BTCUSDT")
        for name in spellings
    )
    with monkeypatch.context() as before:
        before.setattr(venue_symbol, "_dating", lambda *_: venue_symbol._Dating(None))
        assets = [an_asset(ticker) for ticker in ("BTC", "USDT")]
        await commit(mutations, *assets, a_venue(), a_symbol(), first, second)
        await commit(mutations, changed(second, status=MarketStatusCode.HALTED))
    async with engine.begin() as tx:
        for statement in migration.UPGRADE:
            if statement.split()[0] in {"INSERT", "UPDATE"}:
                await tx.execute(sa.text(statement))
    later = Mutations(engine, lambda: NOW + dt.timedelta(days=3_650))
    await verify_registry(database)
    await commit(later, changed(second, status=MarketStatusCode.ONLINE))
    await verify_registry(database)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE listing_terms SET since = since - interval '1 day'"))
    with pytest.raises(RegistryAltered):
        await verify_registry(database)


@pytest.mark.usefixtures("written")
async def test_current_and_the_heads_hash_altered_together_are_found(
    database: str, engine: AsyncEngine
) -> None:
    async with engine.begin() as tx:
        (row,) = await entity_queries.load(tx, [("venue", "c")])
        forged = entity_codec.encode(
            VENUE, changed(entity_codec.decode(VENUE, row.payload), is_active=False)
        )
        head = await head_rows.read_head(tx)
        total = positions.set_hash_from(head.set_hash) - positions.hash_of(
            "venue", "c", row.payload
        )
        total += positions.hash_of("venue", "c", forged)
        update = sa.update(current).where(current.c.key == "c").values(payload=forged)
        await tx.execute(update)
        hashed = sa.update(registry_head).values(set_hash=positions.set_hash_bytes(total))
        await tx.execute(hashed)
    with pytest.raises(RegistryAltered) as broken:
        await verify_registry(database)
    assert set(broken.value.differences.counts) == {
        ("registry_head", "set_hash"),
        ("current", "payload"),
    }


@pytest.mark.usefixtures("written")
async def test_more_than_is_worth_looking_at_ends_the_audit(
    database: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_differences, "DIFFERENCES_MAX", 3)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE venues SET name = 'x'"))
    with pytest.raises(RegistryAltered) as broken:
        await verify_registry(database)
    assert broken.value.differences.counts == {("venues", "name"): 3}
    assert not broken.value.differences.is_all


@pytest.mark.usefixtures("written")
async def test_a_history_that_did_not_go_through_what_was_noted_was_rewritten(
    database: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    noted = position_of(await head_of(engine))
    await commit(mutations, a_venue("f"))
    await verify_registry(database, [noted])
    for other in (
        noted._replace(chain=bytes(32)),
        noted._replace(epoch=2),
        noted._replace(revision=99),
    ):
        with pytest.raises(RegistryAltered, match=f"{other}:{other.chain.hex()} was recorded"):
            await verify_registry(database, [noted, other])


@pytest.mark.usefixtures("written")
async def test_the_command_says_what_differs_how_much_of_it_and_what_to_do(
    database: str, engine: AsyncEngine, tmp_path: Path
) -> None:
    command = ("audit", "verify", "--database-url", database)
    whole = await run_here(*command, "--json", state=tmp_path)
    head = await head_of(engine)
    assert (whole.code, whole.document) == (
        0,
        {
            "whole": True,
            "revisions": 5,
            "entities": 5,
            "chain": head.chain.hex(),
            "signed": {"revisions": 0, "first": None, "is_head": False, "by_trusted": False},
        },
    )
    assert "none altered" in (await run_here(*command, state=tmp_path)).out
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE venues SET name = 'x' WHERE venue_id IN ('b', 'd')"))
        await tx.execute(sa.text("UPDATE current SET revision = 1 WHERE key = 'e'"))
    ran = await run_here(*command, state=tmp_path)
    assert ran.code == 1
    for words in ("`current.revision` was altered, in the row 'venue/e'", "venues.name: 2"):
        assert words in ran.err
    assert "history is intact" in ran.err
    found = await run_here(*command, "--json", state=tmp_path)
    assert found.code == 1
    assert found.document["first"]["key"] == "venue/e"
    assert {"table": "venues", "what": "name", "count": 2} in found.document["differences"]
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE outbox SET is_reset = true WHERE revision = 2"))
    assert "history itself" in (await run_here(*command, state=tmp_path)).err
