"""Every head is signed as it is sealed, by a key of the registry's history; audit checks all."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.audit import RegistryAltered, verify_registry
from cqar.admin.audit_signatures import SignatureReport
from cqar.cli import cli
from cqar.cli.audit_commands import _parse_recorded
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import Conflict, EntityNotFound, Exists
from cqar_shared.messaging.jetstream import CHANGES
from cqar_shared.replication.positions import position_of
from cqar_shared.trust.trusted_keys import TrustedKeys
from cqar_writer.archiver import Archiver
from cqar_writer.database import head_signer as signing_module
from cqar_writer.database.head_signer import is_in_use, load_keys
from cqar_writer.mutations import Mutations
from cqar_writer.protocol.log_rows import head_message
from cqar_writer.relays.change_relay import ChangeRelay, commit_message
from cqar_writer.signing_keys import create_unendorsed
from cqar_writer.store import head_rows
from tests.support.commits import CAUSE, commit, drain, head_of, outbox_rows, raw_messages, upsert
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset
from tests.support.signing_setup import a_signer, signing, trusted_file
from tests.support.table_checks import require_tables_equal_current
from tests.support.writer_server import serving

DAY = dt.timedelta(days=1)


async def signers_of(engine: AsyncEngine) -> list[str | None]:
    return [row.signing_key_id for row in await outbox_rows(engine)]


async def test_every_revision_is_signed_from_the_first_key_on(engine: AsyncEngine) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    assert await keys.step()
    await commit(mutations, a_venue("a"))
    await mutations.bump_epoch(1, 1, 2)
    await commit(mutations, a_venue("b"))
    head, trust = await head_of(engine), TrustedKeys([signer.public_key])
    for row in await outbox_rows(engine):
        trust.require(commit_message(head.registry_id, row).head)
    trust.require(head_message(head))
    assert await require_tables_equal_current(engine) > 0
    # Nothing is left to do, and nothing is done.
    assert await keys.step()
    assert await head_of(engine) == head


async def test_an_idle_registry_is_signed_where_it_stands(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    """Enabled late: the revision that begins it is signed, those before are not."""
    await commit(mutations, a_venue("a"))
    signer = a_signer()
    _, keys = signing(engine, signer)
    assert await keys.step()
    assert await signers_of(engine) == [None, signer.key_id]
    # A writer without a key comes in between; nobody changes anything after it.
    await commit(mutations, a_venue("b"))
    before = await head_of(engine)
    assert before.signature is None
    assert await keys.step()
    after = await head_of(engine)
    TrustedKeys([signer.public_key]).require(head_message(after))
    assert position_of(after) == position_of(before)
    assert (await outbox_rows(engine))[-1].signature == after.signature


async def test_what_an_older_release_leaves_of_a_signature_is_none(engine: AsyncEngine) -> None:
    """It moves the head, and knows nothing of the columns."""
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    stale = (await head_of(engine)).signature
    await commit(mutations, a_venue("a"))
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET signature = :s"), {"s": stale})
        await tx.execute(sa.text("UPDATE outbox SET signature = NULL WHERE revision = 2"))
    assert await keys.step()
    TrustedKeys([signer.public_key]).require(head_message(await head_of(engine)))


async def test_a_fresh_registry_is_signed_before_its_first_revision_is_over(
    engine: AsyncEngine, database: str
) -> None:
    _, keys = signing(engine, a_signer())
    await keys.step()
    found = await verify_registry(database)
    assert found.signed == SignatureReport(1, 1, is_head=True, by_trusted=False)


async def test_what_is_archived_is_signed_too(engine: AsyncEngine) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    archiving = Archiver(engine, mutations, DAY)
    await commit(mutations, an_asset("BTC"), an_asset("USDT"), a_venue(), a_symbol())
    ended = a_venue_symbol(listed_at=NOW - 9 * DAY, delisted_at=NOW - 2 * DAY)
    await mutations.apply([upsert(ended)], CAUSE, historical=True)
    assert await archiving.step() == 1
    assert set(await signers_of(engine)) == {signer.key_id}


async def test_the_stream_and_the_image_carry_the_signature(
    engine: AsyncEngine, js: JetStreamContext
) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    relay = ChangeRelay(engine, js, mutations.bump_epoch)
    await drain(relay)
    await commit(mutations, a_venue("a"))
    await drain(relay)
    trust = TrustedKeys([signer.public_key])
    for raw in await raw_messages(js, CHANGES):
        trust.require(replication_pb2.StreamMessage.FromString(raw.data or b"").head)


async def test_the_hourly_line_says_who_signed_the_head(
    engine: AsyncEngine, js: JetStreamContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cqar_writer.relays.change_relay")
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    relay = ChangeRelay(engine, js, mutations.bump_epoch)
    await drain(relay)
    head = await head_of(engine)
    assert head.signature is not None
    said = f"{position_of(head).whole}, signed by {signer.key_id}: {head.signature.hex()}"
    assert said in caplog.text


# ---------------------------------------------------------------- rotation


async def test_a_key_vouches_for_the_next_and_is_retired(
    engine: AsyncEngine, database: str
) -> None:
    first, second = a_signer(), a_signer()
    old, old_keys = signing(engine, first)
    new, new_keys = signing(engine, second)
    await old_keys.step()
    await commit(old, a_venue("a"))
    assert await old_keys.endorse(second.public_key) == 3
    # Both are in use: writers are started anew one after the other.
    await commit(new, a_venue("b"))
    await commit(old, a_venue("c"))
    assert await new_keys.retire(first.key_id) == 6
    await commit(new, a_venue("d"))
    expected = [*[first] * 3, second, first, second, second]
    assert await signers_of(engine) == [signer.key_id for signer in expected]
    assert await require_tables_equal_current(engine) > 0
    # Who trusts the first key alone comes to the second.
    # Who trusts the second alone, since the first was stolen, believes what that signed till then.
    for signer in (first, second):
        found = await verify_registry(database, trusted=[signer.public_key])
        assert found.signed == SignatureReport(7, 1, is_head=True, by_trusted=True)
    with pytest.raises(RegistryAltered, match="which nobody trusts"):
        await verify_registry(database, trusted=[a_signer().public_key])
    # The key that was stolen signs what comes later.
    async with engine.begin() as tx:
        await signing_module.sign_head(tx, first, await head_rows.lock_head(tx))
    with pytest.raises(RegistryAltered, match="retired after 5"):
        await verify_registry(database)


async def test_a_retired_key_signs_nothing_more(engine: AsyncEngine) -> None:
    first, second = a_signer(), a_signer()
    old, old_keys = signing(engine, first)
    new, new_keys = signing(engine, second)
    await old_keys.step()
    await old_keys.endorse(second.public_key)
    await new_keys.retire(first.key_id)
    await commit(old, a_venue("a"))
    assert (await head_of(engine)).signing_key_id is None
    assert not await old_keys.step()
    with pytest.raises(Conflict, match="not in use"):
        await old_keys.endorse(a_signer().public_key)
    with pytest.raises(Conflict, match="not in use"):
        await old_keys.retire(second.key_id)
    # A writer with the key that is in use makes it good.
    assert await new_keys.step()
    assert (await head_of(engine)).signing_key_id == second.key_id
    await commit(new, a_venue("b"))
    assert (await head_of(engine)).signing_key_id == second.key_id


async def test_a_key_that_nobody_vouched_for_signs_nothing(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    first, other = a_signer(), a_signer()
    _, keys = signing(engine, first)
    await keys.step()
    mutations, others = signing(engine, other)
    await commit(mutations, a_venue("a"))
    assert not await others.step()
    assert f"does not know signing key {other.key_id}: endorse it" in caplog.text
    assert (await head_of(engine)).signature is None
    # Where the first is lost, the next begins anew, and who checks must be told.
    await create_unendorsed(mutations, other.public_key)
    await commit(mutations, a_venue("b"))
    assert (await head_of(engine)).signing_key_id == other.key_id


async def test_only_another_key_that_is_known_can_be_retired(engine: AsyncEngine) -> None:
    first, second = a_signer(), a_signer()
    _, keys = signing(engine, first)
    await keys.step()
    with pytest.raises(Conflict, match="this writer's own"):
        await keys.retire(first.key_id)
    with pytest.raises(EntityNotFound):
        await keys.retire(second.key_id)
    await keys.endorse(second.public_key)
    with pytest.raises(Exists):
        await keys.endorse(second.public_key)
    await keys.retire(second.key_id)
    with pytest.raises(Conflict, match="is retired since"):
        await keys.retire(second.key_id)
    async with engine.connect() as tx:
        assert not await is_in_use(tx, second.key_id)
        assert len(await load_keys(tx)) == 2


# ---------------------------------------------------------------- audit

TAMPERED = {
    "UPDATE outbox SET signature = '\\x00' WHERE revision = 2": "head at 1:2 is not key",
    "UPDATE outbox SET signing_key_id = 'x' WHERE revision = 2": "1:2 is signed by key 'x'",
    "UPDATE outbox SET signature = o.signature FROM outbox o"
    " WHERE o.revision = 1 AND outbox.revision = 2": "head at 1:2 is not key",
    "UPDATE registry_head SET signature = o.signature FROM outbox o"
    " WHERE o.revision = 1": "head at 1:3 is not key",
}


@pytest.mark.parametrize("statement", TAMPERED)
async def test_audit_finds_a_signature_that_is_not_what_it_says(
    statement: str, engine: AsyncEngine, database: str
) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    for name in "ab":
        await commit(mutations, a_venue(name))
    assert (await verify_registry(database)).signed == SignatureReport(
        3, 1, is_head=True, by_trusted=False
    )
    trusted = await verify_registry(database, trusted=[signer.public_key])
    assert trusted.signed == SignatureReport(3, 1, is_head=True, by_trusted=True)
    async with engine.begin() as tx:
        assert (await tx.execute(sa.text(statement))).rowcount == 1
    with pytest.raises(RegistryAltered, match=TAMPERED[statement]):
        await verify_registry(database)


async def test_a_history_rewritten_with_its_chain_is_found_by_who_trusts_a_key(
    engine: AsyncEngine, database: str, mutations: Mutations
) -> None:
    """Whoever owns the database can do all but sign."""
    await commit(mutations, a_venue("a"))
    assert (await verify_registry(database)).signed.first is None
    with pytest.raises(RegistryAltered, match="the head at 1:1 is not signed"):
        await verify_registry(database, trusted=[a_signer().public_key])
    forger = a_signer()
    _, keys = signing(engine, forger)
    await keys.step()
    await verify_registry(database)
    with pytest.raises(RegistryAltered, match="which nobody trusts"):
        await verify_registry(database, trusted=[a_signer().public_key])


async def test_the_head_is_told_to_be_noted_and_checked_by_who_asks(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    signer = a_signer()
    _, keys = signing(engine, signer)
    async with serving(engine, NOW) as client:

        async def told(*words: str) -> tuple[int, str]:
            to = ("--writer", client.address, "--key", client.keys[Role.READ])
            found = await asyncio.to_thread(CliRunner().invoke, cli, ["audit", "head", *words, *to])
            failed = f"{found.exception} {found.output}"
            return found.exit_code, failed if found.exit_code else found.stdout

        trusted = ("--trusted", str(trusted_file(tmp_path / "trusted", signer)))
        before = position_of(await head_of(engine))
        assert await told() == (0, f"{before.whole}, not signed\n")
        code, said = await told(*trusted)
        assert code != 0
        assert "the head at 1:3 is not signed" in said
        await keys.step()
        head = await head_of(engine)
        assert head.signature is not None
        said = f"{position_of(head).whole}, signed by {signer.key_id}: {head.signature.hex()}"
        assert await told(*trusted) == (0, f"{said}\n")
        # What it says may be given to `verify` as it is.
        assert _parse_recorded(said) == position_of(head)
        code, said = await told("--trusted", str(tmp_path / "none"))
        assert code == 2
        assert "No such file" in said
