"""Registry heads and change sets made by hand, as the writer would make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import Entity
from cqar_shared.replication import positions
from tests.support.memory_registry_view import KIND_OF

#: (kind, key) -> payload; None removes.
State = dict[tuple[str, str], bytes]
Changes = Mapping[tuple[str, str], bytes | None]
REGISTRY_ID: Final = b"r" * 16


def encoded(*entities: Entity) -> State:
    kinds = ((KIND_OF[type(entity)], entity) for entity in entities)
    return {(kind.name, kind.key_of(e)): entity_codec.encode(kind, e) for kind, e in kinds}


def head_of(
    state: State, revision: int, *, epoch: int = 1, chain: bytes = b""
) -> replication_pb2.Head:
    hashes = (positions.hash_of(kind, key, payload) for (kind, key), payload in state.items())
    return replication_pb2.Head(
        registry_id=REGISTRY_ID,
        epoch=epoch,
        revision=revision,
        chain=chain or bytes([revision % 256]) * 32,
        live_count=len(state),
        set_hash=positions.set_hash_bytes(sum(hashes)),
    )


def advanced(state: State, changes: Changes) -> State:
    after = {ref: payload for ref, payload in state.items() if ref not in changes}
    return after | {ref: payload for ref, payload in changes.items() if payload is not None}


def change_set(changes: Changes, revision: int = 1) -> replication_pb2.ChangeSet:
    return replication_pb2.ChangeSet(
        epoch=1,
        revision=revision,
        changes=[
            replication_pb2.Change(
                kind=kind, key=key, entity=payload or b"", deleted=payload is None
            )
            for (kind, key), payload in changes.items()
        ],
    )


def hydrated(state: State, revision: int = 0) -> Snapshot:
    entities = [(kind, key, payload) for (kind, key), payload in state.items()]
    return Snapshot(head_of(state, revision), entities)
