"""Loading a whole registry as a resolver does, and the least that this can take."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import asyncpg

from cqar_resolver.checkpoint.checkpoint_file import CheckpointFile
from cqar_resolver.replication.postgres import ROWS_AT_ONCE, RegistryDatabase
from cqar_shared.replication import positions
from cqar_shared.replication.positions import LIVE_ENTITIES
from cqar_shared.runtime import event_loop
from cqar_shared.trust.seals import Keyring


async def from_postgres(
    database: str, checkpoint: str = "", key_file: str = ""
) -> dict[str, float]:
    """Load from PostgreSQL; then write a checkpoint file if `checkpoint` names one."""
    event_loop.tune_gc()
    start_s = time.perf_counter()
    snapshot = await RegistryDatabase(database).hydrate()
    seconds = time.perf_counter() - start_s
    if checkpoint:
        _file(checkpoint, key_file).begin(snapshot.head, snapshot.iter_entities(), None)
    return {"seconds": seconds, "entities": snapshot.count}


async def postgres_scan(database: str) -> dict[str, float]:
    """Read the same rows and throw them away."""
    connection = await asyncpg.connect(database)
    start_s = time.perf_counter()
    async with connection.transaction():
        cursor: Any = await connection.cursor(LIVE_ENTITIES)
        while await cursor.fetch(ROWS_AT_ONCE):
            pass
    seconds = time.perf_counter() - start_s
    await connection.close()
    return {"seconds": seconds}


def from_file(checkpoint: str, key_file: str, *, unpack_only: bool) -> dict[str, float]:
    """Load the checkpoint file, or read and unpack its bytes and make nothing of them."""
    event_loop.tune_gc()
    start_s = time.perf_counter()
    content = _file(checkpoint, key_file).read()
    assert content is not None
    if unpack_only:
        size = sum(len(positions.unpack(chunk)) for chunk in content.chunks)
        return {"seconds": time.perf_counter() - start_s, "bytes": size}
    snapshot = content.snapshot()
    return {"seconds": time.perf_counter() - start_s, "entities": snapshot.count}


def _file(path: str, key_file: str) -> CheckpointFile:
    return CheckpointFile(Path(path), Keyring.parse(Path(key_file).read_text()))
