"""A link that lies where a resolver keeps something leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.local_replica.environment import BOOT, ReplicaFile
from cqar_resolver.process.file_lock import lock_path
from cqar_shared.errors import StartupError
from cqar_shared.replication import replica_layout as fmt
from tests.support.integrity_keys import KEYRING

PRECIOUS = "precious"


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    target = tmp_path / PRECIOUS
    target.write_text(PRECIOUS)
    return target


def head() -> replication_pb2.Head:
    return replication_pb2.Head(
        registry_id=bytes(16), epoch=1, revision=1, chain=bytes(32), set_hash=bytes(32)
    )


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_stays(
    tmp_path: Path, precious: Path
) -> None:
    (tmp_path / "state.lock").symlink_to(precious)
    with pytest.raises(StartupError, match="cannot be kept here"):
        lock_path(tmp_path / "state.lock", tmp_path / "state", "taken")
    assert precious.read_text() == PRECIOUS


def test_a_lock_is_held_once_and_private(tmp_path: Path) -> None:
    lock = tmp_path / "folder/state.lock"
    with lock_path(lock, tmp_path, "taken"), pytest.raises(StartupError, match="taken"):
        lock_path(lock, tmp_path, "taken")
    assert lock.stat().st_mode & 0o777 == 0o600


def test_a_last_good_file_takes_a_links_place(tmp_path: Path, precious: Path) -> None:
    path = tmp_path / "last-good"
    path.symlink_to(precious)
    path.with_name("last-good.new").symlink_to(precious)
    kept = CheckpointFile(path, KEYRING)
    with pytest.raises(OSError, match="last-good"):
        kept.read()
    with pytest.raises(OSError, match="last-good"):
        kept.append([], None)
    kept.begin(head(), [], None)
    assert precious.read_text() == PRECIOUS
    assert not path.is_symlink()
    found = kept.read()
    assert found is not None
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_published_replica_takes_its_links_places(tmp_path: Path, precious: Path) -> None:
    folder = tmp_path / "replica"
    folder.mkdir()
    ReplicaFile(folder).close()
    for name in (BOOT, fmt.DATA_FILE, fmt.LOCK_FILE):
        (folder / name).unlink()
        (folder / name).symlink_to(precious)
        ReplicaFile(folder).close()
        assert not (folder / name).is_symlink()
        assert precious.read_text() == PRECIOUS
