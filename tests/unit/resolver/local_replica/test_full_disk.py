"""A disk that is full stops the published replica, and nobody who reads it.

A hole in a file that is written or read through memory ends whoever touches it, by SIGBUS, where
there is no room for it: so there is none. What is here needs no full disk, and no right to mount
one; tests/ops/test_full_disk.py tries a real one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2 as rpb

import cqar
from cqar.local_replica import environment
from cqar.local_replica.environment import ReplicaEnvironment
from cqar_resolver.background.replica_publisher import ReplicaPublisher
from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.process.disk_space import DiskFull
from cqar_resolver.replication.freshness import StalenessBound
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.change_sets import plan
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.runtime.tasks import FAILURES, end, supervise
from tests.support.change_set_builders import advanced, change_set, encoded, head_of, hydrated
from tests.support.commits import eventually
from tests.support.entity_builders import a_venue, an_asset
from tests.unit.resolver.local_replica.test_writer import WAIT_S, now_at, publishing, reading

MIB = 1024**2


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond it: like a disk without room, but for the errno."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def a_market(assets: int = 20) -> Snapshot:
    return hydrated(encoded(a_venue(), *(an_asset(f"A{number}") for number in range(assets))))


def large(number: int) -> Any:
    return an_asset("LARGE", metadata={"note": str(number) * 1_000_000})


def test_a_replica_has_no_hole(tmp_path: Path) -> None:
    with publishing(tmp_path) as published:
        published.replace(*written(a_market()))
        for name in (fmt.DATA_FILE, fmt.LOCK_FILE):
            found = (tmp_path / name).stat()
            assert found.st_blocks * environment.BLOCK_BYTES >= found.st_size, name
        assert (tmp_path / fmt.LOCK_FILE).stat().st_size == fmt.lock_bytes()
        assert published._file.env.info()["max_readers"] == fmt.READERS_MAX


def test_what_an_earlier_release_left_with_holes_is_filled(tmp_path: Path) -> None:
    snapshot = a_market()
    with publishing(tmp_path) as published:
        published.replace(*written(snapshot))
    lock, data = tmp_path / fmt.LOCK_FILE, tmp_path / fmt.DATA_FILE
    content, inode = lock.read_bytes()[:4096], data.stat().st_ino
    with lock.open("r+b") as file:
        file.truncate(0)
        file.truncate(fmt.lock_bytes())
        file.write(content)
    assert lock.stat().st_blocks * environment.BLOCK_BYTES < fmt.lock_bytes()
    with publishing(tmp_path) as published:
        assert data.stat().st_ino == inode
        assert lock.stat().st_blocks * environment.BLOCK_BYTES >= fmt.lock_bytes()
        with reading(published) as (now, _):
            assert now.revision == snapshot.position.revision


def written(snapshot: Snapshot) -> Any:
    """The arguments of `Published.replace`."""
    return snapshot.head, snapshot.iter_entities(), now_at(snapshot)


def moved(snapshot: Snapshot, *entities: Any) -> Any:
    """A change set's end, applied to the snapshot, as `Published.apply` takes it."""
    before = {(kind, key): payload for kind, key, payload in snapshot.iter_entities()}
    changes, revision = encoded(*entities), snapshot.position.revision + 1
    after = advanced(before, changes)
    planned = list(plan(snapshot, change_set(changes, revision)))
    snapshot.apply(head_of(after, revision), planned)
    return snapshot.head, planned


def test_what_has_no_room_is_not_there_in_part_and_may_be_told_later(tmp_path: Path) -> None:
    snapshot = a_market()
    with publishing(tmp_path) as published:
        published.replace(*written(snapshot))
        was = snapshot.position.revision
        moves = [moved(snapshot, an_asset("LARGE", metadata={"note": "x" * MIB}))]
        with files_of_at_most(MIB):
            for _ in range(3):
                with pytest.raises(DiskFull, match="free some room"):
                    published.apply(moves, now_at(snapshot))
                with pytest.raises(DiskFull, match="free some room"):
                    published.replace(*written(snapshot))
                with reading(published) as (now, _):
                    assert now.revision == was
        published.replace(*written(snapshot))
        published.apply([moved(snapshot, a_venue("another"))], now_at(snapshot))
        with reading(published) as (now, found):
            assert now.revision == was + 2
            assert found.get("venue", "another") is not None


def test_where_there_is_no_room_to_begin_with_a_resolver_starts_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = a_market()
    with files_of_at_most(4096):
        published = ReplicaWriter(tmp_path)
        assert "nothing is published" in caplog.text
        for _ in range(2):
            with pytest.raises(DiskFull, match="free some room"):
                published.replace(*written(snapshot))
    published.replace(*written(snapshot))
    with reading(published) as (now, _):
        assert now.revision == snapshot.position.revision
    published.close()


def test_a_start_without_room_takes_nothing_from_those_who_read(tmp_path: Path) -> None:
    snapshot = a_market()
    with publishing(tmp_path) as published:
        published.replace(*written(snapshot))
    inode = (tmp_path / fmt.DATA_FILE).stat().st_ino
    with (tmp_path / fmt.LOCK_FILE).open("r+b") as file:
        file.truncate(4096)  # as an earlier release left it, for fewer readers
    with files_of_at_most(8192):
        published = ReplicaWriter(tmp_path)
        assert (tmp_path / fmt.DATA_FILE).stat().st_ino == inode
        with pytest.raises(DiskFull):
            published.replace(*written(snapshot))
        assert (tmp_path / fmt.DATA_FILE).stat().st_ino == inode
    published.replace(*written(snapshot))
    assert (tmp_path / fmt.DATA_FILE).stat().st_ino == inode
    published.close()


async def test_publishing_goes_on_by_itself_once_there_is_room(tmp_path: Path) -> None:
    snapshot, view = a_market(), ReplicaState(StalenessBound(5.0))
    view.replace(snapshot, "postgres", dt.datetime.now(dt.UTC))
    published = ReplicaWriter(tmp_path)
    running = asyncio.create_task(
        supervise("replica", ReplicaPublisher(view, published).run, pause_max_s=0.2)
    )
    failures = FAILURES.labels("replica")._value

    def told() -> int:
        with reading(published) as (now, _):
            return now.revision

    await eventually(
        lambda: not view.change_log.replica.is_lost and (tmp_path / fmt.DATA_FILE).exists(), WAIT_S
    )
    was = snapshot.position.revision
    await eventually(lambda: published._generation and told() == was, WAIT_S)
    with files_of_at_most(MIB // 2):
        before = failures.get()
        for number in range(3):
            head, planned = moved(snapshot, large(number))
            view.note_applied(head, rpb.Commit(), rpb.ChangeSet(), planned)
        await eventually(lambda: failures.get() > before + 1, WAIT_S)
        assert told() == was
        generation = published._generation
    await eventually(lambda: told() == was + 3, WAIT_S)
    assert published._generation == generation, "what waited was told, and not all anew"
    await end(running)
    published.close()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_reader_is_refused_where_it_would_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    with publishing(tmp_path) as published:
        published.replace(*written(a_market()))
    monkeypatch.setattr(environment.os, "statvfs", lambda _: SimpleNamespace(f_bfree=0))
    ReplicaEnvironment(tmp_path).close()  # all room is taken already
    lock = tmp_path / fmt.LOCK_FILE
    lock.unlink()
    if is_there:
        with lock.open("wb") as file:
            file.truncate(fmt.lock_bytes())
    with pytest.raises(cqar.NotReady, match="no room for readers: free some"):
        ReplicaEnvironment(tmp_path)
