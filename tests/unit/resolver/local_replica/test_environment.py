"""An environment is reused only if it is sound; readers of the old one go on with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from cqar_resolver.local_replica.environment import BOOT, EnvironmentLost
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.replication import replica_layout as fmt
from tests.support.change_set_builders import (
    encoded,
    hydrated,
)
from tests.support.entity_builders import a_venue, an_asset
from tests.unit.resolver.local_replica.test_writer import METAS, now_at, publishing, reading, seen


def published_once(folder: Path) -> Snapshot:
    snapshot = hydrated(encoded(a_venue(), *(an_asset(f"A{number}") for number in range(500))))
    with publishing(folder) as published:
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
    return snapshot


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: b"\0" * METAS + good[METAS:],
        lambda good: good[:100],
        lambda good: good[: len(good) // 2 // 4096 * 4096],
        lambda good: good[:METAS] + b"\0" * (len(good) - METAS),
        lambda good: good[:METAS] + os.urandom(len(good) - METAS),
    ],
    ids=["no head", "hardly any", "half of it", "no body", "another body"],
)
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = published_once(tmp_path)
    data = tmp_path / "data.mdb"
    data.write_bytes(damage(data.read_bytes()))
    with publishing(tmp_path) as published:
        assert "the published replica is made anew" in caplog.text
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        with reading(published) as (_, found):
            assert seen(found) == seen(snapshot)


@pytest.mark.parametrize("boot", [None, b"", b"another"])
def test_what_another_boot_left_is_not_believed(tmp_path: Path, boot: bytes | None) -> None:
    published_once(tmp_path)
    with (tmp_path / "data.mdb").open("rb") as old:
        (tmp_path / BOOT).unlink()
        if boot is not None:
            (tmp_path / BOOT).write_bytes(boot)
        with publishing(tmp_path) as published:
            assert (tmp_path / "data.mdb").stat().st_ino != os.fstat(old.fileno()).st_ino
            with published._file.env.begin() as tx:
                assert tx.get(fmt.NOW_KEY) is None
    inode = (tmp_path / "data.mdb").stat().st_ino
    with publishing(tmp_path):
        assert (tmp_path / "data.mdb").stat().st_ino == inode


@pytest.mark.parametrize("gone", ["data.mdb", "lock.mdb"])
def test_one_file_without_the_other_is_not_gone_on_with(tmp_path: Path, gone: str) -> None:
    published_once(tmp_path)
    with (tmp_path / "data.mdb").open("rb") as old, (tmp_path / "lock.mdb").open("rb") as lock:
        (tmp_path / gone).unlink()
        with publishing(tmp_path):
            assert (tmp_path / "data.mdb").stat().st_ino != os.fstat(old.fileno()).st_ino
            assert (tmp_path / "lock.mdb").stat().st_ino != os.fstat(lock.fileno()).st_ino


def test_damage_that_is_met_later_leads_to_a_new_file(tmp_path: Path) -> None:
    snapshot = published_once(tmp_path)
    with publishing(tmp_path) as published:
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        data = tmp_path / "data.mdb"
        with data.open("r+b") as file:
            file.seek(METAS)
            file.write(b"\0" * (data.stat().st_size - METAS))
        for write in (
            lambda: published.apply([], now_at(snapshot)),
            lambda: published.apply([], now_at(snapshot)),
        ):
            with pytest.raises(EnvironmentLost):
                write()
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        published.apply([], now_at(snapshot))
        with reading(published) as (_, found):
            assert seen(found) == seen(snapshot)


def test_what_another_format_left_is_made_anew(tmp_path: Path) -> None:
    published_once(tmp_path)
    with lmdb.open(str(tmp_path)) as env, env.begin(write=True) as tx:
        tx.put(fmt.NOW_KEY, b"of a later release")
    snapshot = hydrated(encoded(a_venue()))
    with publishing(tmp_path) as published:
        published.replace(snapshot.head, snapshot.iter_entities(), now_at(snapshot))
        with reading(published) as (_, found):
            assert seen(found) == seen(snapshot)
