"""The commands that make, rotate and retire signing keys."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.audit import verify_registry
from cqar.admin.audit_signatures import SignatureReport
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.replication import positions
from cqar_shared.trust.signatures import PrivateKey
from cqar_writer.__main__ import main
from cqar_writer.database.head_signer import Signer, load_keys
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, outbox_rows
from tests.support.entity_builders import a_venue
from tests.support.signing_setup import a_signer, key_file, signing


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
    found = await verify_registry(database, trusted=[first.public_key])
    assert found.signed == SignatureReport(3, 1, is_head=True, by_trusted=True)


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
    rows = await outbox_rows(engine)
    assert [(row.epoch, row.chain_version) for row in rows] == [(1, 1), (2, 2), (2, 2)]
    told = replication_pb2.ChangeSet.FromString(positions.unpack(rows[1].payload))
    assert told.reason == "events belong to the chain"
    assert (await verify_registry(database)).revisions == 3


async def test_a_lost_key_is_followed_by_one_that_nobody_vouches_for(
    engine: AsyncEngine, database: str, tmp_path: Path
) -> None:
    _, keys = signing(engine, a_signer())
    await keys.step()
    new = key_file(tmp_path / "new.pem", PrivateKey.fresh())
    code, _ = await asyncio.to_thread(run, database, "rotate-signing-key", "--new", str(new))
    assert code == 0
    async with engine.connect() as tx:
        assert [key.endorsed_by for key in await load_keys(tx)] == [None, None]
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
