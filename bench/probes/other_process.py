"""Reads of what another process keeps: Redis, LMDB, a resolver at its socket."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmdb
import redis
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from bench.probes.timing import Key, timed


def place_of(venue_id: str, spelling: str) -> bytes:
    """A value's key in all stores."""
    return f"{venue_id}\0{spelling}".encode()


def redis_get(socket: str, keys: Sequence[Key], seconds: float) -> list[float]:
    with redis.Redis(unix_socket_path=socket) as store:

        def get(venue_id: str, spelling: str) -> Any:
            return store.get(place_of(venue_id, spelling))

        _require(get, keys)
        return timed(get, keys, seconds, at_once=1)


def lmdb_get(path: str, keys: Sequence[Key], seconds: float) -> list[float]:
    """The bytes alone, each in a transaction of its own: as new as can be."""
    with lmdb.open(path, readonly=True, lock=True) as environment:

        def get(venue_id: str, spelling: str) -> Any:
            with environment.begin() as view:
                return view.get(place_of(venue_id, spelling))

        _require(get, keys)
        return timed(get, keys, seconds)


def lmdb_parse(path: str, keys: Sequence[Key], seconds: float) -> list[float]:
    """And what was read as a message."""
    with lmdb.open(path, readonly=True, lock=True) as environment:

        def get(venue_id: str, spelling: str) -> Any:
            with environment.begin() as view:
                return pb.Resolution.FromString(view.get(place_of(venue_id, spelling)) or b"")

        _require(get, keys)
        return timed(get, keys, seconds)


def client(target: str, keys: Sequence[Key], seconds: float) -> list[float]:
    """The SDK over a Unix socket: what a program in the same pod does today."""
    with cqar.Client(target) as asked:
        return timed(asked.resolve, keys, seconds, at_once=1)


def local_replica(path: str, keys: Sequence[Key], seconds: float) -> dict[str, Any]:
    """Latencies, and how much memory the reader takes that nobody else has."""
    before = private_bytes()
    with cqar.LocalReplica(path) as opened:
        for key in keys:
            opened.resolve(*key)
        took = private_bytes() - before
        return {"latencies_us": timed(opened.resolve, keys, seconds), "private_bytes": took}


def private_bytes() -> int:
    """Resident memory that this process alone needs.

    Pages of the replica's file do not count, though not yet written to the disk: they are the
    kernel's cache, dropped when it wants, and of its dirty pages those that one process maps
    would look like that process's own.
    """
    rollup = Path(f"/proc/{os.getpid()}/smaps_rollup").read_text(encoding="ascii")
    found = re.findall(r"^Anonymous:\s+(\d+) kB", rollup, re.MULTILINE)
    return sum(map(int, found)) * 1024


def _require(get: Any, keys: Sequence[Key]) -> None:
    """Every key has a value, or something else than reading is measured."""
    for venue_id, spelling in keys:
        assert get(venue_id, spelling), (venue_id, spelling)
