"""The layout of a published replica in LMDB, as docs/REPLICA.md describes it. Pure.

The main database holds `format`, `head` and `now`. Two named databases hold the entities and the
indexes of a generation, which is complete before `now` names it.
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
#: The first process to open the lock file decides for all, so all use this number. 64 KiB.
READERS_MAX: Final = 1024
#: Sizes of the lock file's header and of one reader's slot in it.
LOCK_HEAD_BYTES: Final = 192
READER_BYTES: Final = 64
#: Generations alternate between this many numbers: LMDB keeps a handle for each database name while
#: the environment is open, and would run out of handles with new names.
GENERATIONS: Final = 2
#: Address space, not memory or disk; a million listings take some 2 GiB.
MAP_BYTES: Final = 64 * 1024**3
#: LMDB takes 511 bytes.
KEY_BYTES_MAX: Final = 500
_DIGEST_AFTER: Final = 400
_NOW: Final = struct.Struct(">QQQQqB16s")
#: Bytes of `now` that differ after each change of the content.
MARK_BYTES: Final = 8
NO_BOUND: Final = -1


class DamagedReplica(Exception):
    """An environment is not a replica, or of a format that this release does not read."""


class Now(NamedTuple):
    """What the replica holds, and how current that is.

    Attributes:
        mark: A number that changes with the content and is never used again.
        generation: Number of the pair of databases; numbers are reused.
        confirmed_ns: CLOCK_BOOTTIME of the resolver's machine before which every commit is
            included; NO_BOUND if not known.
        state: The resolver's cqc.resolver.v1.SnapshotState.
        boot_id: The boot that `confirmed_ns` refers to.
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
            DamagedReplica: the bytes are not such a record.
        """
        if len(record) != _NOW.size:
            raise DamagedReplica(
                f"a record of {len(record)} bytes, where there should be {_NOW.size}"
            )
        return cls(*_NOW.unpack(record))


def database_names(generation: int) -> tuple[bytes, bytes]:
    """Names of the databases with a generation's entities and indexes."""
    return b"entities.%d" % generation, b"places.%d" % generation


def is_database(name: bytes) -> bool:
    """Whether a name in the main database is one of `database_names`, of any generation."""
    return name.startswith((b"entities.", b"places."))


def generation_after(generation: int) -> int:
    """The number of the next generation, which is not the one that is being read."""
    return generation % GENERATIONS + 1


def lock_bytes() -> int:
    """Size of LMDB's lock file, in which readers write their slots through mapped memory."""
    return LOCK_HEAD_BYTES + (READERS_MAX - 1) * READER_BYTES


def bytes_used(env: Any) -> int:
    """End of an LMDB environment's last page; its data file is at least this long."""
    pages: int = env.info()["last_pgno"] + 1
    page_bytes: int = env.stat()["psize"]
    return pages * page_bytes


def entity_key(kind: str, key: str) -> bytes:
    return _bounded(f"{kind}\0{key}".encode())


def place_key(index: str, value: str) -> bytes:
    return _bounded(f"{index}\0{value}".encode())


def _bounded(key: bytes) -> bytes:
    """Shorten a key that is too long for LMDB; it then ends in a digest of the whole."""
    if len(key) <= KEY_BYTES_MAX:
        return key
    return key[:_DIGEST_AFTER] + hashlib.sha256(key).hexdigest().encode()


def joined(keys: list[str]) -> bytes:
    """Encode the keys of the entities in an index entry, in order of arrival."""
    return "\0".join(keys).encode()


def parted(value: bytes | None) -> list[str]:
    return value.decode().split("\0") if value else []


def boot_id() -> bytes:
    """Id of this machine's boot, 16 bytes; CLOCK_BOOTTIME restarts with each boot."""
    return bytes.fromhex(Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", ""))
