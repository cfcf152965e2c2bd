"""What is published is what is served, at every revision and for every reader."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar.local_replica.reader import LocalReader
from cqar_resolver.background.replica_publisher import ReplicaPublisher
from cqar_resolver.local_replica import writer as module
from cqar_resolver.local_replica.environment import EnvironmentLost
from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.replication.freshness import StalenessBound
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.change_sets import plan
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.errors import ServiceNotReady, StartupError
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.runtime.tasks import end, supervise
from tests.support.change_set_builders import (
    Changes,
    State,
    advanced,
    change_set,
    encoded,
    head_of,
    hydrated,
)
from tests.support.commits import eventually
from tests.support.entity_builders import a_venue, a_venue_symbol, an_asset, an_id
from tests.unit.resolver.snapshot.test_pinned import ALL_KEYS, SPELLINGS, a_change_set, a_listing

LIVE = pb.SNAPSHOT_STATE_LIVE
#: So many bytes begin a data file before any content does.
METAS = 8192
WAIT_S = 10.0


@contextmanager
def publishing(folder: Path) -> Iterator[ReplicaWriter]:
    published = ReplicaWriter(folder)
    try:
        yield published
    finally:
        published.close()


@pytest.fixture
def published(tmp_path: Path) -> Iterator[ReplicaWriter]:
    with publishing(tmp_path) as made:
        yield made


def now_at(snapshot: Snapshot) -> fmt.Now:
    epoch, revision, _ = snapshot.position
    return fmt.Now(0, 0, epoch, revision, 7, LIVE, b"b" * 16)


@contextmanager
def reading(published: ReplicaWriter) -> Iterator[tuple[fmt.Now, LocalReader]]:
    """As another process reads; within this one LMDB may be opened once only."""
    env = published._file.env
    with env.begin() as tx:
        now = fmt.Now.unpacked(tx.get(fmt.NOW_KEY))
    names = fmt.database_names(now.generation)
    databases = (env.open_db(names[0], create=False), env.open_db(names[1], create=False))
    with env.begin() as tx:
        yield now, LocalReader(tx, databases)


def seen(of: Snapshot | LocalReader) -> Any:
    found = {
        spelling: sorted(of.find("venue_symbol", "spelling", "binance", spelling))
        for spelling in SPELLINGS
    }
    return found, {(k, key): of.get(k, key) for k in ("venue", "venue_symbol") for key in ALL_KEYS}


def moved(snapshot: Snapshot, state: State, changes: Changes) -> tuple[State, list[PlannedChange]]:
    possible = {ref: p for ref, p in changes.items() if p is not None or ref in state}
    after, revision = advanced(state, possible), snapshot.position.revision + 1
    planned = list(plan(snapshot, change_set(possible, revision)))
    snapshot.apply(head_of(after, revision), planned)
    return after, planned


@settings(max_examples=40)
@given(st.lists(st.tuples(a_change_set(), st.integers(0, 3)), max_size=10))
def test_each_write_leaves_what_the_snapshot_holds(history: list[tuple[Changes, int]]) -> None:
    state = encoded(an_asset(), a_venue(), a_listing("one", venue_symbol="A"))
    snapshot = hydrated(state)
    with tempfile.TemporaryDirectory() as folder, publishing(Path(folder)) as published:
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        waiting: list[tuple[Any, list[PlannedChange]]] = []
        marks = set()
        for changes, how in history:
            state, planned = moved(snapshot, state, changes)
            waiting.append((snapshot.head, planned))
            if how == 0:
                continue  # several change sets are written at once
            if how == 1:
                published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
            else:
                published.apply(waiting, now_at(snapshot))
            waiting = []
            with reading(published) as (now, found):
                assert (now.epoch, now.revision, now.state) == (*snapshot.position[:2], LIVE)
                assert seen(found) == seen(snapshot)
                assert now.mark not in marks
                marks.add(now.mark)


def test_a_reader_sees_one_revision_for_as_long_as_it_reads(published: ReplicaWriter) -> None:
    state = encoded(a_venue(), a_listing("one", venue_symbol="A"))
    snapshot = hydrated(state)
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    with reading(published) as (_, before):
        was = seen(before)
        _, planned = moved(snapshot, state, encoded(a_venue(name="New"), a_listing("two")))
        published.apply([(snapshot.head, planned)], now_at(snapshot))
        assert seen(before) == was
    with reading(published) as (_, after):
        assert seen(after) == seen(snapshot) != was


def test_how_current_it_is_changes_without_its_content(published: ReplicaWriter) -> None:
    snapshot = hydrated(encoded(a_venue()))
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    with reading(published) as (before, _):
        pass
    published.apply([], now_at(snapshot)._replace(confirmed_ns=99))
    with reading(published) as (after, _):
        assert after == before._replace(confirmed_ns=99)


def test_the_next_publisher_goes_on_with_new_marks_and_readers_go_on(tmp_path: Path) -> None:
    snapshot = hydrated(encoded(a_venue()))
    with publishing(tmp_path) as first:
        first.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        with reading(first) as (before, _):
            pass
    inode = (tmp_path / "data.mdb").stat().st_ino
    with publishing(tmp_path) as second:
        assert (tmp_path / "data.mdb").stat().st_ino == inode
        with reading(second) as (between, found):
            assert between == before
            assert seen(found) == seen(snapshot)
        second.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        with reading(second) as (after, _):
            assert after.mark > before.mark


def test_only_one_publishes_to_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(StartupError, match="another resolver publishes there")
    with publishing(tmp_path), refused:
        ReplicaWriter(tmp_path)
    ReplicaWriter(tmp_path).close()


def test_what_was_read_is_told_from_what_is_there_now(published: ReplicaWriter) -> None:
    state = encoded(a_venue(), a_listing("one", venue_symbol="A"))
    snapshot = hydrated(state)
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    with reading(published) as (_, found):
        list(found.find("venue_symbol", "spelling", "binance", "A"))
        found.get("venue", "none")
        reads = found.reads
    for changes, is_same in (
        (encoded(an_asset()), True),
        (encoded(a_venue("none")), False),
        ({("venue", "none"): None}, True),
        (encoded(a_venue_symbol(listing_id=an_id("two"), venue_symbol="A")), False),
    ):
        state, planned = moved(snapshot, state, changes)
        published.apply([(snapshot.head, planned)], now_at(snapshot))
        with reading(published) as (_, found):
            assert found.is_unchanged(reads) is is_same, changes


def test_keys_longer_than_lmdb_takes_are_told_apart() -> None:
    long = "x" * 600
    names = {fmt.place_key("a.b", long + end) for end in ("", "y", "z")}
    assert len(names) == 3
    assert max(map(len, names)) <= 511


@pytest.mark.parametrize("gone", [["data.mdb"], ["lock.mdb"], ["data.mdb", "lock.mdb"], None])
def test_what_is_removed_is_made_anew_with_new_marks(
    published: ReplicaWriter, tmp_path: Path, gone: list[str] | None
) -> None:
    snapshot = hydrated(encoded(a_venue()))
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    with reading(published) as (before, _):
        pass
    if gone is None:
        shutil.rmtree(tmp_path)
    for name in gone or ():
        (tmp_path / name).unlink()
    with pytest.raises(EnvironmentLost, match="somebody removed it"):
        published.apply([], now_at(snapshot))
    with pytest.raises(EnvironmentLost, match="somebody removed it"):
        published.tend()
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    published.apply([], now_at(snapshot))
    with reading(published) as (after, found):
        assert after.mark > before.mark
        assert seen(found) == seen(snapshot)
    with pytest.raises(StartupError, match="another resolver publishes there"):
        ReplicaWriter(tmp_path)
    published.close()
    with publishing(tmp_path) as again, reading(again) as (now, _):
        assert now == after


async def test_what_is_removed_is_made_anew_while_nothing_changes(
    published: ReplicaWriter, tmp_path: Path
) -> None:
    view = ReplicaState(StalenessBound(5.0))
    view.replace(hydrated(encoded(a_venue())), "postgres", dt.datetime.now(dt.UTC))
    publishing = ReplicaPublisher(view, published)
    running = asyncio.create_task(supervise("replica", publishing.run))
    data = tmp_path / "data.mdb"

    def is_told() -> bool:
        with published._file.env.begin() as tx:
            return data.exists() and tx.get(fmt.NOW_KEY) is not None

    await eventually(is_told, WAIT_S)
    data.unlink()
    await eventually(data.exists, WAIT_S)
    await end(running)
    publishing.close()


def test_a_publisher_that_lost_its_folder_to_another_leaves_it(
    published: ReplicaWriter, tmp_path: Path
) -> None:
    snapshot = hydrated(encoded(a_venue()))
    shutil.rmtree(tmp_path)
    with publishing(tmp_path):
        for _ in range(2):
            with pytest.raises(ServiceNotReady, match="another resolver publishes there"):
                published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))


def test_no_generation_stays_but_the_one_that_is_read(
    published: ReplicaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = hydrated(encoded(a_venue()))
    env = published._file.env

    def names() -> list[bytes]:
        with env.begin() as tx:
            return [name for name, _ in tx.cursor() if fmt.is_database(name)]

    with monkeypatch.context() as patched:
        patched.setattr(module, "_drop_others", lambda _: None)  # as one that ends before it
        for _ in range(2):
            published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    for name in fmt.database_names(57):
        env.open_db(name)
    assert len(names()) == 6
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    with reading(published) as (now, found):
        assert names() == list(fmt.database_names(now.generation))
        assert seen(found) == seen(snapshot)


def test_one_that_failed_before_it_was_told_leaves_the_one_that_is_read(
    published: ReplicaWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = hydrated(encoded(a_venue()))
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))

    def fails(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(ReplicaWriter, "_put_record", fails)
        for _ in range(2):
            with pytest.raises(OSError, match="no space"):
                published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
            with reading(published) as (_, found):
                assert seen(found) == seen(snapshot)


#: Readers that are killed within a read.
KILLED = """
import os, sys, lmdb
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        try:
            reading = lmdb.open(sys.argv[1], readonly=True).begin()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_places_of_readers_that_were_killed_are_free_again(
    published: ReplicaWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = hydrated(encoded(a_venue()))
    published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    argv = (sys.executable, "-c", KILLED, str(tmp_path), "130")
    subprocess.run(argv, check=True)
    env = published._file.env
    assert env.info()["num_readers"] >= 130
    assert env.info()["max_readers"] == fmt.READERS_MAX
    monkeypatch.setattr(module, "READERS_EVERY_S", 0)
    published.apply([], now_at(snapshot))
    assert env.reader_check() == 0


def test_it_publishes_though_no_reader_has_a_place_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fmt, "READERS_MAX", 2)
    snapshot = hydrated(encoded(a_venue()))
    with publishing(tmp_path) as published:
        env = published._file.env
        with env.begin(), env.begin():
            for _ in range(3):
                published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
                published.apply([], now_at(snapshot))
