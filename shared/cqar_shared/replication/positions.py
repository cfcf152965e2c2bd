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

#: NATS takes messages of 1 MiB; a change set leaves room for its envelope.
PAYLOAD_BYTES_MAX: Final = 900 * 1024
#: What a change set, or its events, may be before it is packed: text alike packs to a hundredth,
#: and Watch sends it whole, in a message of 16 MiB. 5,000 listings are about 3 MiB.
CHANGE_SET_BYTES_MAX: Final = 8 * 1024 * 1024
#: What is read again: an image's chunks, and change sets of before that limit.
UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024

#: What is counted and hashed: (kind, key, payload) of all that is neither deleted nor archived.
LIVE_ENTITIES: Final = "SELECT kind, key, payload FROM current WHERE NOT deleted AND NOT archived"

#: No database loses more at once; a claim beyond this is an error or an attack, and would use
#: up the numbers.
LOST_MAX: Final = 1_000_000
EPOCHS_MAX: Final = 1_000
#: What PostgreSQL's bigint holds, and so the largest revision or epoch that anybody can name.
NUMBER_MAX: Final = 2**63 - 1
#: No claim beyond this is believed, whatever the head is: from here on there is room for all that
#: arithmetic adds to a revision, and at 1,500 commits/s no registry gets here in 90 million years.
REVISION_MAX: Final = 2**62

_MODULUS: Final = 1 << 128


class LogPosition(NamedTuple):
    """Names one history exactly, and where in it one is."""

    epoch: int
    revision: int
    chain: bytes

    def __str__(self) -> str:
        return f"{self.epoch}:{self.revision}"

    @property
    def whole(self) -> str:
        """EPOCH:REVISION:CHAIN, to be noted outside PostgreSQL."""
        return f"{self}:{self.chain.hex()}"


class Term(NamedTuple):
    """Names the database that a head was read from; of two, the later is the registry's.

    Attributes:
        promoted_at_us: When a writer first found it promoted, in microseconds since 1970.
        timeline: PostgreSQL's then: tells two apart that were promoted at once.
    """

    promoted_at_us: int
    timeline: int

    def __str__(self) -> str:
        return f"timeline {self.timeline}, promoted at {self.promoted_at_us} us"


#: Before any promotion.
NO_TERM: Final = Term(0, 0)


class HasPosition(Protocol):
    """What says where in a history it is, such as a head."""

    @property
    def epoch(self) -> int: ...
    @property
    def revision(self) -> int: ...
    @property
    def chain(self) -> bytes: ...


def position_of(head: HasPosition) -> LogPosition:
    return LogPosition(head.epoch, head.revision, head.chain)


class HasTerm(Protocol):
    """What says which database it was read from, such as a head."""

    @property
    def promoted_at_us(self) -> int: ...
    @property
    def timeline(self) -> int: ...


def term_of(head: HasTerm) -> Term:
    return Term(head.promoted_at_us, head.timeline)


@dataclass(frozen=True, slots=True)
class StreamMark:
    """One incarnation of a stream, its first and its last sequence."""

    created: str
    first: int
    last: int

    def continues(self, noted: StreamMark) -> bool:
        """Whether this is the stream that was noted, with its tail of then not seen to be lost.

        A lost tail that has grown back is not seen here: chains tell what it holds apart.
        """
        return self.created == noted.created and self.last >= noted.last


def is_believable(head: LogPosition, claimed: LogPosition) -> bool:
    """Whether a stream or a resolver can hold `claimed`, where the database's head is `head`."""
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
        zstandard.ZstdError: Not what `pack` made, or larger than `UNPACKED_BYTES_MAX`.
    """
    size = unpacked_bytes(packed)
    if not 0 <= size <= UNPACKED_BYTES_MAX:
        message = f"a frame of {size} bytes; at most {UNPACKED_BYTES_MAX} are accepted"
        raise zstandard.ZstdError(message)
    return zstandard.decompress(packed)


def unpacked_bytes(packed: bytes) -> int:
    """What `unpack` makes of it; negative where it does not say so."""
    return zstandard.frame_content_size(packed)


def is_reached(wanted: tuple[int, int], epoch: int, revision: int) -> bool:
    """Whether a position is at least the one wanted.

    Raises:
        EpochEnded: It is of a later epoch: what the caller saw may never have been kept.
    """
    if wanted[0] < epoch:
        raise EpochEnded(f"epoch {wanted[0]} has ended, this is {epoch}: read again without it")
    return wanted[0] == epoch and revision >= wanted[1]
