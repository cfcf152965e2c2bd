"""What is published is what is served, at every revision and for every reader."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar.local_reading import LocalReading
from resolver.decoding import plan
from resolver.published import Published
from resolver.snapshot import Planned, Snapshot
from shared import local_format as fmt
from tests.builders import a_venue, a_venue_symbol, an_asset, an_id
from tests.histories import Changes, State, advanced, change_set, encoded, head_of, hydrated
from tests.unit.test_pinned import ALL_KEYS, SPELLINGS, a_change_set, a_listing

LIVE = pb.SNAPSHOT_STATE_LIVE


@contextmanager
def publishing(folder: Path) -> Iterator[Published]:
    published = Published(folder)
    try:
        yield published
    finally:
        published.close()


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    with publishing(tmp_path) as made:
        yield made


def now_at(snapshot: Snapshot) -> fmt.Now:
    epoch, revision, _ = snapshot.position
    return fmt.Now(0, 0, epoch, revision, 7, LIVE, b"b" * 16)


@contextmanager
def reading(published: Published) -> Iterator[tuple[fmt.Now, LocalReading]]:
    """As another process reads; within this one LMDB may be opened once only."""
    env = published._env
    with env.begin() as tx:
        now = fmt.Now.unpacked(tx.get(fmt.NOW_KEY))
    names = fmt.database_names(now.generation)
    databases = (env.open_db(names[0], create=False), env.open_db(names[1], create=False))
    with env.begin() as tx:
        yield now, LocalReading(tx, databases)


def seen(of: Snapshot | LocalReading) -> Any:
    found = {
        spelling: sorted(of.find("venue_symbol", "spelling", "binance", spelling))
        for spelling in SPELLINGS
    }
    return found, {(k, key): of.get(k, key) for k in ("venue", "venue_symbol") for key in ALL_KEYS}


def moved(snapshot: Snapshot, state: State, changes: Changes) -> tuple[State, list[Planned]]:
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
        published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
        waiting: list[tuple[Any, list[Planned]]] = []
        marks = set()
        for changes, how in history:
            state, planned = moved(snapshot, state, changes)
            waiting.append((snapshot.head, planned))
            if how == 0:
                continue  # several change sets are written at once
            if how == 1:
                published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
            else:
                published.apply(waiting, now_at(snapshot))
            waiting = []
            with reading(published) as (now, found):
                assert (now.epoch, now.revision, now.state) == (*snapshot.position[:2], LIVE)
                assert seen(found) == seen(snapshot)
                assert now.mark not in marks
                marks.add(now.mark)


def test_a_reader_sees_one_revision_for_as_long_as_it_reads(published: Published) -> None:
    state = encoded(a_venue(), a_listing("one", venue_symbol="A"))
    snapshot = hydrated(state)
    published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
    with reading(published) as (_, before):
        was = seen(before)
        _, planned = moved(snapshot, state, encoded(a_venue(name="New"), a_listing("two")))
        published.apply([(snapshot.head, planned)], now_at(snapshot))
        assert seen(before) == was
    with reading(published) as (_, after):
        assert seen(after) == seen(snapshot) != was


def test_how_current_it_is_changes_without_its_content(published: Published) -> None:
    snapshot = hydrated(encoded(a_venue()))
    published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
    with reading(published) as (before, _):
        pass
    published.apply([], now_at(snapshot)._replace(confirmed_ns=99))
    with reading(published) as (after, _):
        assert after == before._replace(confirmed_ns=99)


def test_the_next_publisher_goes_on_with_new_marks_and_readers_go_on(tmp_path: Path) -> None:
    snapshot = hydrated(encoded(a_venue()))
    with publishing(tmp_path) as first:
        first.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
        with reading(first) as (before, _):
            pass
    with publishing(tmp_path) as second:
        with reading(second) as (between, found):
            assert between == before
            assert seen(found) == seen(snapshot)
        second.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
        with reading(second) as (after, _):
            assert after.mark > before.mark


def test_only_one_publishes_to_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(SystemExit, match="another resolver publishes there")
    with publishing(tmp_path), refused:
        Published(tmp_path)
    Published(tmp_path).close()


def test_what_was_read_is_told_from_what_is_there_now(published: Published) -> None:
    state = encoded(a_venue(), a_listing("one", venue_symbol="A"))
    snapshot = hydrated(state)
    published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
    with reading(published) as (_, found):
        list(found.find("venue_symbol", "spelling", "binance", "A"))
        found.get("venue", "none")
        read = found.read
    for changes, is_same in (
        (encoded(an_asset()), True),
        (encoded(a_venue("none")), False),
        ({("venue", "none"): None}, True),
        (encoded(a_venue_symbol(listing_id=an_id("two"), venue_symbol="A")), False),
    ):
        state, planned = moved(snapshot, state, changes)
        published.apply([(snapshot.head, planned)], now_at(snapshot))
        with reading(published) as (_, found):
            assert found.holds(read) is is_same, changes


def test_keys_longer_than_lmdb_takes_are_told_apart() -> None:
    long = "x" * 600
    names = {fmt.place_key("a.b", long + end) for end in ("", "y", "z")}
    assert len(names) == 3
    assert max(map(len, names)) <= 511


def test_what_another_format_left_is_made_anew(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as tx:
        tx.put(fmt.NOW_KEY, b"of a later release")
    snapshot = hydrated(encoded(a_venue()))
    with publishing(tmp_path) as published:
        published.replace(snapshot.head, snapshot.copied(), now_at(snapshot))
        with reading(published) as (_, found):
            assert seen(found) == seen(snapshot)
