"""How a resolver's published replica is laid out in LMDB: docs/REPLICA.md in code. Pure.

The main database holds `format`, `head` and `now`; two named ones hold a generation's entities
and the places under which they are found. A generation is made whole before `now` names it.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any, Final, NamedTuple

FORMAT: Final = b"1"
FORMAT_KEY: Final = b"format"
#: cqc.replication.v1.Head.
HEAD_KEY: Final = b"head"
NOW_KEY: Final = b"now"

DATA_FILE: Final = "data.mdb"
LOCK_FILE: Final = "lock.mdb"
#: Who opens the lock file first decides for all: publisher and readers say the same. 64 KiB.
READERS_MAX: Final = 1024
#: Of the lock file, LMDB's own beginning, and a reader's place.
LOCK_HEAD_BYTES: Final = 192
READER_BYTES: Final = 64
#: Generations have these numbers in turn: a reader's handle is of a name, and LMDB keeps it for
#: as long as the environment is open, so with ever new names it would run out of handles.
GENERATIONS: Final = 2
#: Address space, not memory or disk; a million listings take some 2 GiB.
MAP_BYTES: Final = 64 * 1024**3
#: LMDB takes 511 bytes.
KEY_BYTES_MAX: Final = 500
_DIGEST_AFTER: Final = 400
_NOW: Final = struct.Struct(">QQQQqB16s")
#: Of `now`, what is another with each change of the content.
MARK_BYTES: Final = 8
NO_BOUND: Final = -1


class DamagedReplica(Exception):
    """It is no replica, or of a format that this release does not read."""


class Now(NamedTuple):
    """What the replica holds, and how current that is.

    Attributes:
        mark: Another number with each change of the content, never used twice.
        generation: Which pair of databases holds it; numbers come again.
        confirmed_ns: CLOCK_BOOTTIME of the resolver's machine: nothing that was committed before
            is missing. NO_BOUND where no bound is known.
        state: cqc.resolver.v1.SnapshotState, as the resolver says it.
        boot_id: Of which boot `confirmed_ns` is.
    """

    mark: int
    generation: int
    epoch: int
    revision: int
    confirmed_ns: int
    state: int
    boot_id: bytes

    def packed(self) -> bytes:
        return _NOW.pack(*self)

    @classmethod
    def unpacked(cls, record: bytes) -> Now:
        """Read the record.

        Raises:
            Damaged: It is none.
        """
        if len(record) != _NOW.size:
            raise DamagedReplica(
                f"a record of {len(record)} bytes, where there should be {_NOW.size}"
            )
        return cls(*_NOW.unpack(record))


def database_names(generation: int) -> tuple[bytes, bytes]:
    """Of a generation's entities, and of its places."""
    return b"entities.%d" % generation, b"places.%d" % generation


def is_database(name: bytes) -> bool:
    """Whether a name in the main database is one of `database_names`, of any generation."""
    return name.startswith((b"entities.", b"places."))


def generation_after(generation: int) -> int:
    """Of what is made next; never the one that is read meanwhile."""
    return generation % GENERATIONS + 1


def lock_bytes() -> int:
    """What LMDB makes its lock file, in which each reader writes its place through memory."""
    return LOCK_HEAD_BYTES + (READERS_MAX - 1) * READER_BYTES


def bytes_used(env: Any) -> int:
    """Where the last page of an LMDB environment ends; a data file is no shorter."""
    pages: int = env.info()["last_pgno"] + 1
    page_bytes: int = env.stat()["psize"]
    return pages * page_bytes


def entity_key(kind: str, key: str) -> bytes:
    return _bounded(f"{kind}\0{key}".encode())


def place_key(index: str, value: str) -> bytes:
    return _bounded(f"{index}\0{value}".encode())


def _bounded(key: bytes) -> bytes:
    """A key too long for LMDB ends in a digest of the whole."""
    if len(key) <= KEY_BYTES_MAX:
        return key
    return key[:_DIGEST_AFTER] + hashlib.sha256(key).hexdigest().encode()


def joined(keys: list[str]) -> bytes:
    """What a place holds: the keys of the entities found there, in the order they came."""
    return "\0".join(keys).encode()


def parted(value: bytes | None) -> list[str]:
    return value.decode().split("\0") if value else []


def boot_id() -> bytes:
    """Of this machine's boot, 16 bytes: CLOCK_BOOTTIME begins anew with each."""
    return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", ""))
