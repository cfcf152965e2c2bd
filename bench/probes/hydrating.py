"""Loading everything, as a resolver does, and the least that this can take."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import asyncpg

from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.checkpoint.checkpoint_format import Checkpoint
from cqar_resolver.replication.postgres import ROWS_AT_ONCE, RegistryDatabase
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LIVE_ENTITIES
from cqar_shared.runtime import event_loop
from cqar_shared.runtime.process_memory import memory_bytes
from cqar_shared.trust.seals import Keyring


async def from_postgres(database: str, keep_in: str, key_file: str = "") -> dict[str, float]:
    """Seconds; with `keep_in` the last good file is written there afterwards."""
    event_loop.tune_gc()
    began = time.perf_counter()
    snapshot = await RegistryDatabase(database).hydrate()
    took = time.perf_counter() - began
    if keep_in:
        _last_good(keep_in, key_file).begin(snapshot.head, snapshot.iter_entities(), None)
    return {"seconds": took, "entities": snapshot.count, "rss_bytes": memory_bytes()}


async def scan_alone(database: str) -> dict[str, float]:
    """The same rows, thrown away as they come."""
    connection = await asyncpg.connect(database)
    try:
        began, count = time.perf_counter(), 0
        async with connection.transaction():
            cursor: Any = await connection.cursor(LIVE_ENTITIES)
            while rows := await cursor.fetch(ROWS_AT_ONCE):
                count += len(rows)
        return {"seconds": time.perf_counter() - began, "entities": count}
    finally:
        await connection.close()


def from_file(path: str, key_file: str) -> dict[str, float]:
    event_loop.tune_gc()
    began = time.perf_counter()
    snapshot = _read(path, key_file).snapshot()
    took = time.perf_counter() - began
    return {"seconds": took, "entities": snapshot.count, "rss_bytes": memory_bytes()}


def file_alone(path: str, key_file: str) -> dict[str, float]:
    """Its bytes read and unpacked, and nothing made of them."""
    began = time.perf_counter()
    size = sum(len(positions.unpack(chunk)) for chunk in _read(path, key_file).chunks)
    return {"seconds": time.perf_counter() - began, "bytes": size}


def _read(path: str, key_file: str) -> Checkpoint:
    kept = _last_good(path, key_file).read()
    assert kept is not None
    return kept


def _last_good(path: str, key_file: str) -> CheckpointFile:
    return CheckpointFile(Path(path), Keyring.parse(Path(key_file).read_text()))
