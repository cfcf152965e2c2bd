"""Every head is signed as it is sealed, by a key of the registry's history; audit checks all."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.audit import Broken, verified
from cqar.admin.audit_signatures import Signed
from cqar.cli import cli
from cqar.cli.verify import _noted
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import Conflict, EntityNotFound, Exists, InvalidConfiguration
from cqar_shared.messaging.jetstream import CHANGES
from cqar_shared.replication import positions
from cqar_shared.replication.positions import position_of
from cqar_shared.trust.signatures import PrivateKey
from cqar_shared.trust.trusted_keys import TrustedKeys
from cqar_writer.__main__ import main
from cqar_writer.archiver import Archiving
from cqar_writer.database import head_signer as signing_module
from cqar_writer.database.head_signer import Signer, is_in_use, keys_of
from cqar_writer.mutations.pipeline import Mutations
from cqar_writer.protocol.log_rows import OutboxRow, head_message
from cqar_writer.relays.change_relay import Relay, commit_message
from cqar_writer.signing_keys import begin_anew
from cqar_writer.store import entity_rows, outbox
from tests.support.commits import CAUSE, commit, drain, head_of, raw_messages, upsert
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_asset
from tests.support.signing_setup import a_signer, key_file, signing, trusted_file
from tests.support.table_checks import require_tables_equal_current
from tests.support.writer_server import serving

DAY = dt.timedelta(days=1)


async def rows_of(engine: AsyncEngine) -> list[OutboxRow]:
    async with engine.connect() as tx:
        return await outbox.rows_after(tx, 0, 100)


async def signers_of(engine: AsyncEngine) -> list[str | None]:
    return [row.signing_key_id for row in await rows_of(engine)]


async def test_every_revision_is_signed_from_the_first_key_on(engine: AsyncEngine) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    assert await keys.step()
    await commit(mutations, a_venue("a"))
    await mutations.bump_epoch(1, 1, 2)
    await commit(mutations, a_venue("b"))
    head, trust = await head_of(engine), TrustedKeys([signer.public_key])
    for row in await rows_of(engine):
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
    assert (await rows_of(engine))[-1].signature == after.signature


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
    found = await verified(database)
    assert found.signed == Signed(1, 1, is_head=True, by_trusted=False)


async def test_what_is_archived_is_signed_too(engine: AsyncEngine) -> None:
    signer = a_signer()
    mutations, keys = signing(engine, signer)
    await keys.step()
    archiving = Archiving(engine, mutations, DAY)
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
    relay = Relay(engine, js, mutations.bump_epoch)
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
    relay = Relay(engine, js, mutations.bump_epoch)
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
        found = await verified(database, trusted=[signer.public_key])
        assert found.signed == Signed(7, 1, is_head=True, by_trusted=True)
    with pytest.raises(Broken, match="which nobody trusts"):
        await verified(database, trusted=[a_signer().public_key])
    # The key that was stolen signs what comes later.
    async with engine.begin() as tx:
        await signing_module.sign_head(tx, first, await entity_rows.lock_head(tx))
    with pytest.raises(Broken, match="retired after 5"):
        await verified(database)


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
    await begin_anew(mutations, other.public_key)
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
        assert len(await keys_of(tx)) == 2


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
    assert (await verified(database)).signed == Signed(3, 1, is_head=True, by_trusted=False)
    trusted = await verified(database, trusted=[signer.public_key])
    assert trusted.signed == Signed(3, 1, is_head=True, by_trusted=True)
    async with engine.begin() as tx:
        assert (await tx.execute(sa.text(statement))).rowcount == 1
    with pytest.raises(Broken, match=TAMPERED[statement]):
        await verified(database)


async def test_a_history_rewritten_with_its_chain_is_found_by_who_trusts_a_key(
    engine: AsyncEngine, database: str, mutations: Mutations
) -> None:
    """Whoever owns the database can do all but sign."""
    await commit(mutations, a_venue("a"))
    assert (await verified(database)).signed.first is None
    with pytest.raises(Broken, match="the head at 1:1 is not signed"):
        await verified(database, trusted=[a_signer().public_key])
    forger = a_signer()
    _, keys = signing(engine, forger)
    await keys.step()
    await verified(database)
    with pytest.raises(Broken, match="which nobody trusts"):
        await verified(database, trusted=[a_signer().public_key])


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
        assert _noted(said) == position_of(head)
        code, said = await told("--trusted", str(tmp_path / "none"))
        assert code == 2
        assert "No such file" in said


# ---------------------------------------------------------------- commands


def run(database: str, *words: str, key: Path | None = None) -> tuple[int, str]:
    environ = {
        "CQAR_CONFIG": "",
        "CQAR_WRITER_DATABASE_URL": database,
        "CQAR_WRITER_NATS_URL": "nats://127.0.0.1:1",
        "CQAR_WRITER_SIGNING_KEY_FILE": str(key or ""),
    }
    found = CliRunner().invoke(main, words, env=environ)
    return found.exit_code, found.output


def test_a_signing_key_is_made_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    code, said = run("", "make-signing-key", str(path))
    assert code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signer = Signer(PrivateKey.read(path))
    assert signer.key_id in said
    assert signer.public_key.hex() in said
    before = path.read_bytes()
    assert b"PRIVATE" not in said.encode()
    code, said = run("", "make-signing-key", str(path))
    assert (code, path.read_bytes()) == (1, before)
    assert "File exists" in said
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    code, _ = run("", "make-signing-key", str(tmp_path / "link"))
    assert code == 1
    assert not (tmp_path / "elsewhere").exists()


async def test_a_key_is_rotated_by_commands(
    engine: AsyncEngine, database: str, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    signers = []
    for path in (old, new):
        run("", "make-signing-key", str(path))
        signers.append(Signer(PrivateKey.read(path)))
    first, second = signers
    _, keys = signing(engine, first)
    await keys.step()
    rotating = ("rotate-signing-key", "--new", str(new))
    code, said = await asyncio.to_thread(run, database, *rotating, key=old)
    assert (code, said) == (0, f"key {second.key_id} may sign from revision 2 on\n")
    code, said = await asyncio.to_thread(run, database, *rotating, key=old)
    assert code == 1
    assert "is there already" in said
    for key, why in ((None, "set signing_key_file"), (old, "this writer's own")):
        retiring = ("retire-signing-key", first.key_id)
        code, said = await asyncio.to_thread(run, database, *retiring, key=key)
        assert code == 1
        assert why in said
    code, said = await asyncio.to_thread(run, database, *retiring, key=new)
    assert (code, said) == (0, f"key {first.key_id} is retired by revision 3\n")
    found = await verified(database, trusted=[first.public_key])
    assert found.signed == Signed(3, 1, is_head=True, by_trusted=True)


async def test_a_registry_of_before_gets_the_newest_chain_by_a_command(
    engine: AsyncEngine, database: str, mutations: Mutations
) -> None:
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET chain_version = 1"))
    await commit(mutations, a_venue("a"))
    beginning = ("begin-epoch", "--reason", "events belong to the chain")
    code, said = await asyncio.to_thread(run, database, *beginning)
    assert (code, said) == (0, "epoch 2 has begun\n")
    await commit(mutations, a_venue("b"))
    rows = await rows_of(engine)
    assert [(row.epoch, row.chain_version) for row in rows] == [(1, 1), (2, 2), (2, 2)]
    told = replication_pb2.ChangeSet.FromString(positions.unpack(rows[1].payload))
    assert told.reason == "events belong to the chain"
    assert (await verified(database)).revisions == 3


async def test_a_lost_key_is_followed_by_one_that_nobody_vouches_for(
    engine: AsyncEngine, database: str, tmp_path: Path
) -> None:
    _, keys = signing(engine, a_signer())
    await keys.step()
    new = key_file(tmp_path / "new.pem", PrivateKey.fresh())
    code, _ = await asyncio.to_thread(run, database, "rotate-signing-key", "--new", str(new))
    assert code == 0
    async with engine.connect() as tx:
        assert [key.endorsed_by for key in await keys_of(tx)] == [None, None]
    code, said = await asyncio.to_thread(
        run, database, "rotate-signing-key", "--new", str(tmp_path / "none")
    )
    assert code == 1
    assert "No such file" in said


def test_a_file_that_holds_no_key_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nothing")
    with pytest.raises(InvalidConfiguration, match="signing_key_file: .* holds no private key"):
        Signer.of_file(str(tmp_path / "key"))
    assert Signer.of_file("") is None
