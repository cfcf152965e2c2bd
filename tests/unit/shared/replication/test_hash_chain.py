"""A chain value stands for all that its version covers, and for nothing else."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.change_sets import UndecodableChangeSet, decode
from cqar_shared.replication import hash_chain, positions
from cqar_shared.replication.hash_chain import NEWEST, V1, Link
from cqar_shared.replication.positions import LogPosition

BEFORE: Final = bytes(range(32))
PAYLOAD: Final = positions.pack(replication_pb2.ChangeSet(epoch=3, revision=8).SerializeToString())
LINK: Final = Link(NEWEST, 3, 8, PAYLOAD, hashlib.sha256(b"events").digest(), 5, b"s" * 16)
OTHERS: Final[dict[str, Any]] = {
    "epoch": 4,
    "revision": 9,
    "payload": PAYLOAD + b"x",
    "events_hash": b"e" * 32,
    "live_count": 6,
    "set_hash": b"t" * 16,
}


def message_of(link: Link, chain: bytes) -> tuple[replication_pb2.Head, replication_pb2.Commit]:
    head = replication_pb2.Head(
        epoch=link.epoch,
        revision=link.revision,
        chain=chain,
        live_count=link.live_count,
        set_hash=link.set_hash,
    )
    commit = replication_pb2.Commit(
        prev_chain=BEFORE,
        change_set=link.payload,
        chain_version=link.version,
        events_hash=link.events_hash,
    )
    return head, commit


def test_version_2_is_the_hash_of_these_bytes() -> None:
    """Fixed for ever: other programs recompute it."""
    whole = b"cqar chain 2\n" + BEFORE + bytes(7) + b"\3" + bytes(7) + b"\x08"
    whole += hashlib.sha256(PAYLOAD).digest() + LINK.events_hash + bytes(7) + b"\5" + b"s" * 16
    assert hash_chain.chain_of(BEFORE, LINK) == hashlib.sha256(whole).digest()


def test_version_1_is_as_it_was() -> None:
    link = LINK._replace(version=V1, events_hash=b"")
    assert hash_chain.chain_of(BEFORE, link) == positions.chain_of(BEFORE, 3, 8, PAYLOAD)


@pytest.mark.parametrize("field", OTHERS)
def test_version_2_covers_every_field(field: str) -> None:
    other = LINK._replace(**{field: OTHERS[field]})
    assert hash_chain.chain_of(BEFORE, other) != hash_chain.chain_of(BEFORE, LINK)


@pytest.mark.parametrize("field", OTHERS)
def test_a_follower_refuses_a_commit_of_which_one_field_is_another(field: str) -> None:
    chain = hash_chain.chain_of(BEFORE, LINK)
    mine = LogPosition(3, 7, BEFORE)
    assert decode(mine, *message_of(LINK, chain)).revision == 8
    other = LINK._replace(**{field: OTHERS[field]})
    with pytest.raises(UndecodableChangeSet, match="does not match the chain"):
        decode(mine, *message_of(other, chain))


def test_a_version_cannot_be_passed_off_as_another() -> None:
    chain = hash_chain.chain_of(BEFORE, LINK)
    for version in (0, V1):
        with pytest.raises(UndecodableChangeSet, match="does not match the chain"):
            decode(LogPosition(3, 7, BEFORE), *message_of(LINK._replace(version=version), chain))


def test_a_version_of_a_later_release_is_never_applied() -> None:
    with pytest.raises(UndecodableChangeSet, match="chain version 3 is not known here: upgrade"):
        decode(LogPosition(3, 7, BEFORE), *message_of(LINK._replace(version=3), b"c" * 32))


@pytest.mark.parametrize("changed", [{"events_hash": b"e" * 31}, {"set_hash": b"s" * 17}])
def test_hashes_of_other_lengths_are_refused(changed: dict[str, Any]) -> None:
    """Else bytes could move from one field into the next without changing the chain."""
    with pytest.raises(UndecodableChangeSet, match="hashes of"):
        decode(LogPosition(3, 7, BEFORE), *message_of(LINK._replace(**changed), b"c" * 32))
