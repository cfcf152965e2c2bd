"""How a revision's chain follows from the one before. Pure.

A chain value is evidence of whatever goes into it. Version 1 left out the domain events, the count
and the set's hash; version 2 covers them. A version ends with an epoch, and what was written in an
older one stays as verifiable as it was. No value of one version can be passed off as of the other:
what is hashed has another length.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions

V1: Final = 1
#: What an epoch begins with, and so does a new registry.
NEWEST: Final = 2
_DOMAIN: Final = b"cqar chain 2\n"
HASH_BYTES: Final = 32
SET_HASH_BYTES: Final = 16


class UnknownVersion(ValueError):
    """A chain that this release cannot compute."""


class Link(NamedTuple):
    """What one revision adds to the chain.

    Attributes:
        version: Of the formula.
        payload: The change set, packed.
        events_hash: sha256 of the events, packed; not looked at in version 1.
        live_count, set_hash: The head's, after the revision.
    """

    version: int
    epoch: int
    revision: int
    payload: bytes
    events_hash: bytes
    live_count: int
    set_hash: bytes


def chain_of(prev_chain: bytes, link: Link) -> bytes:
    """The chain after a revision.

    Raises:
        UnknownVersion: The formula is of a later release.
        ValueError: A hash is not as long as its kind of hash is.
    """
    if link.version == V1:
        return positions.chain_of(prev_chain, link.epoch, link.revision, link.payload)
    if link.version != NEWEST:
        raise UnknownVersion(f"chain version {link.version} is not known here: upgrade")
    # Nothing but fixed lengths is hashed, so that no two links give the same bytes.
    if len(link.events_hash) != HASH_BYTES or len(link.set_hash) != SET_HASH_BYTES:
        message = f"hashes of {len(link.events_hash)} and {len(link.set_hash)} bytes in a link"
        raise ValueError(message)
    numbers = (link.epoch.to_bytes(8, "big"), link.revision.to_bytes(8, "big"))
    content = (hashlib.sha256(link.payload).digest(), link.events_hash)
    after = (link.live_count.to_bytes(8, "big"), link.set_hash)
    whole = b"".join((_DOMAIN, prev_chain, *numbers, *content, *after))
    return hashlib.sha256(whole).digest()


def link_of(head: replication_pb2.Head, commit: replication_pb2.Commit) -> Link:
    """What a commit adds, as the stream, the outbox or a file tells it.

    Args:
        head: The registry's after it.
    """
    return Link(
        commit.chain_version or V1,
        head.epoch,
        head.revision,
        commit.change_set,
        commit.events_hash,
        head.live_count,
        head.set_hash,
    )


def events_hash_of(version: int, events: bytes) -> bytes:
    """What a commit tells of its events, packed: nothing, where the chain does not cover them."""
    return hashlib.sha256(events).digest() if version > V1 else b""
