"""Positions in a history, and the hashes that compare two histories and two sets. Pure.

A chain hash (`cqar_shared.replication.hash_chain`) identifies a history: two registries with the
same chain have the same history up to it. `hash_of` hashes one live entity. The sum of these hashes
identifies the whole set in any order, so a change subtracts the old hash and adds the new one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import zstandard

from cqar_shared.errors import EpochEnded

#: NATS accepts messages of 1 MiB; this leaves room for the envelope of a change set.
PAYLOAD_BYTES_MAX: Final = 900 * 1024
#: Size of a change set, or of its events, before packing. Similar text packs to a hundredth, and
#: Watch sends a change set unpacked in one message of 16 MiB. 5,000 listings are about 3 MiB.
CHANGE_SET_BYTES_MAX: Final = 8 * 1024 * 1024
#: Size after unpacking, for image chunks and for change sets from before that limit.
UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024

#: (kind, key, payload) of all entities that the count and the set hash of a head cover.
LIVE_ENTITIES: Final = "SELECT kind, key, payload FROM current WHERE NOT deleted AND NOT archived"

#: No database loses more at once. A claim beyond this is an error or an attack, and would use up
#: the numbers.
LOST_MAX: Final = 1_000_000
EPOCHS_MAX: Final = 1_000
#: The largest bigint of PostgreSQL, and so the largest revision or epoch.
NUMBER_MAX: Final = 2**63 - 1
#: No claim beyond this is believed, whatever the head is. It leaves room for arithmetic on
#: revisions, and at 1,500 commits/s a registry needs 90 million years to get here.
REVISION_MAX: Final = 2**62

_MODULUS: Final = 1 << 128


class LogPosition(NamedTuple):
    """A position in one history, which the chain hash identifies."""

    epoch: int
    revision: int
    chain: bytes

    def __str__(self) -> str:
        return f"{self.epoch}:{self.revision}"

    @property
    def whole(self) -> str:
        """EPOCH:REVISION:CHAIN, to be stored outside PostgreSQL."""
        return f"{self}:{self.chain.hex()}"


class Term(NamedTuple):
    """Identifies the database that a head was read from. Of two, the later is the registry's.

    Attributes:
        promoted_at_us: When a writer first found it promoted, in microseconds since 1970.
        timeline: Its PostgreSQL timeline, which distinguishes two that were promoted at once.
    """

    promoted_at_us: int
    timeline: int

    def __str__(self) -> str:
        return f"timeline {self.timeline}, promoted at {self.promoted_at_us} us"


#: The term before any promotion.
NO_TERM: Final = Term(0, 0)


class HasPosition(Protocol):
    """Anything with a position, such as a head."""

    @property
    def epoch(self) -> int: ...
    @property
    def revision(self) -> int: ...
    @property
    def chain(self) -> bytes: ...


def position_of(head: HasPosition) -> LogPosition:
    return LogPosition(head.epoch, head.revision, head.chain)


class HasTerm(Protocol):
    """Anything that says which database it was read from, such as a head."""

    @property
    def promoted_at_us(self) -> int: ...
    @property
    def timeline(self) -> int: ...


def term_of(head: HasTerm) -> Term:
    return Term(head.promoted_at_us, head.timeline)


@dataclass(frozen=True, slots=True)
class StreamMark:
    """One incarnation of a stream, with its first and last sequence; a follower remembers it."""

    created: str
    first: int
    last: int

    def continues(self, noted: StreamMark) -> bool:
        """Whether this is the remembered stream and has not visibly lost its tail.

        A tail that was lost and has grown back is only detected by chain hashes.
        """
        return self.created == noted.created and self.last >= noted.last


def is_believable(head: LogPosition, claimed: LogPosition) -> bool:
    """Whether a stream or resolver may be at `claimed` if the database is at `head`."""
    revision_max = min(head.revision + LOST_MAX, REVISION_MAX)
    return claimed.revision <= revision_max and claimed.epoch <= head.epoch + EPOCHS_MAX


def chain_of(prev_chain: bytes, epoch: int, revision: int, payload: bytes) -> bytes:
    """Version 1: sha256(prev_chain, epoch, revision, sha256(payload)); numbers in 8 bytes."""
    numbers = epoch.to_bytes(8, "big") + revision.to_bytes(8, "big")
    return hashlib.sha256(prev_chain + numbers + hashlib.sha256(payload).digest()).digest()


def hash_of(kind: str, key: str, payload: bytes) -> int:
    """The first 16 bytes of sha256(kind, 0, key, 0, payload), as a number."""
    digest = hashlib.sha256(f"{kind}\0{key}\0".encode() + payload).digest()
    return int.from_bytes(digest[:16], "big")


def set_hash_from(stored: bytes) -> int:
    return int.from_bytes(stored, "big")


def set_hash_bytes(value: int) -> bytes:
    return (value % _MODULUS).to_bytes(16, "big")


def pack(message: bytes) -> bytes:
    return zstandard.compress(message, 3)


def unpack(packed: bytes) -> bytes:
    """Undo `pack`.

    Raises:
        zstandard.ZstdError: `pack` did not make it, or it exceeds `UNPACKED_BYTES_MAX`.
    """
    size = unpacked_bytes(packed)
    if not 0 <= size <= UNPACKED_BYTES_MAX:
        message = f"a frame of {size} bytes; at most {UNPACKED_BYTES_MAX} are accepted"
        raise zstandard.ZstdError(message)
    return zstandard.decompress(packed)


def unpacked_bytes(packed: bytes) -> int:
    """Size after `unpack`; negative if the frame does not say."""
    return zstandard.frame_content_size(packed)


def is_reached(wanted: tuple[int, int], epoch: int, revision: int) -> bool:
    """Whether a position has reached the wanted one.

    Raises:
        EpochEnded: the position is of a later epoch, so the wanted one may never have been kept.
    """
    if wanted[0] < epoch:
        raise EpochEnded(f"epoch {wanted[0]} has ended, this is {epoch}: read again without it")
    return wanted[0] == epoch and revision >= wanted[1]
