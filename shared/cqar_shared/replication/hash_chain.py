"""Computes the chain hash of a revision from the one before. Pure.

Version 1 leaves out the domain events, the count and the set hash; version 2 covers them. A version
ends with an epoch, and older revisions stay verifiable. A hash of one version cannot pass for one
of the other, because the hashed bytes differ in length.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import positions

V1: Final = 1
#: Version of a new registry and of a new epoch.
NEWEST: Final = 2
_DOMAIN: Final = b"cqar chain 2\n"
HASH_BYTES: Final = 32
SET_HASH_BYTES: Final = 16


class UnknownVersion(ValueError):
    """This release cannot compute a chain of this version."""


class Link(NamedTuple):
    """The input of one revision to the chain.

    Attributes:
        version: Version of the formula.
        payload: The packed change set.
        events_hash: sha256 of the packed events; ignored in version 1.
        live_count, set_hash: Those of the head after the revision.
    """

    version: int
    epoch: int
    revision: int
    payload: bytes
    events_hash: bytes
    live_count: int
    set_hash: bytes


def chain_of(prev_chain: bytes, link: Link) -> bytes:
    """Compute the chain after a revision.

    Raises:
        UnknownVersion: the formula is of a later release.
        ValueError: a hash has a wrong length.
    """
    if link.version == V1:
        return positions.chain_of(prev_chain, link.epoch, link.revision, link.payload)
    if link.version != NEWEST:
        raise UnknownVersion(f"chain version {link.version} is not known here: upgrade")
    # All parts have fixed lengths, so two different links never give the same bytes.
    if len(link.events_hash) != HASH_BYTES or len(link.set_hash) != SET_HASH_BYTES:
        message = f"hashes of {len(link.events_hash)} and {len(link.set_hash)} bytes in a link"
        raise ValueError(message)
    numbers = (link.epoch.to_bytes(8, "big"), link.revision.to_bytes(8, "big"))
    content = (hashlib.sha256(link.payload).digest(), link.events_hash)
    after = (link.live_count.to_bytes(8, "big"), link.set_hash)
    whole = b"".join((_DOMAIN, prev_chain, *numbers, *content, *after))
    return hashlib.sha256(whole).digest()


def link_of(head: replication_pb2.Head, commit: replication_pb2.Commit) -> Link:
    """The link of a commit from the stream, the outbox or a file.

    Args:
        head: The head after the commit.
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
    """The hash of packed events; empty if the chain version does not cover them."""
    return hashlib.sha256(events).digest() if version > V1 else b""
