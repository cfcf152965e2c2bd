"""The registry's head and outbox rows as values, and the head as a message. Pure."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_shared.replication import hash_chain


class HeadRow(NamedTuple):
    """The row of `registry_head`, and what the server reports about itself.

    Attributes:
        found_system_identifier: The server's, as `found_timeline_id`; without `found_` the values
            that the last commit noted.
        waits_for_standby: Whether a commit returns only after a standby has it.
    """

    registry_id: bytes
    epoch: int
    revision: int
    chain: bytes
    live_count: int
    set_hash: bytes
    compacted_revision: int
    system_identifier: int
    timeline_id: int
    found_system_identifier: int
    found_timeline_id: int
    chain_version: int = hash_chain.V1
    signature: bytes | None = None
    signing_key_id: str | None = None
    promoted_at_us: int = 0
    waits_for_standby: bool = False

    @property
    def timeline(self) -> int:
        """The timeline that the last commit noted."""
        return self.timeline_id

    @property
    def database_changed(self) -> bool:
        """Whether the database was restored or promoted since: unpublished commits may be lost."""
        return (self.system_identifier, self.timeline_id) != (
            self.found_system_identifier,
            self.found_timeline_id,
        )


class OutboxRow(NamedTuple):
    revision: int
    epoch: int
    prev_chain: bytes
    chain: bytes
    is_reset: bool
    live_count: int
    set_hash: bytes
    payload: bytes
    events: bytes
    committed_at: dt.datetime
    chain_version: int = hash_chain.V1
    signature: bytes | None = None
    signing_key_id: str | None = None

    @property
    def link(self) -> hash_chain.Link:
        """What this row adds to the chain."""
        return hash_chain.Link(
            self.chain_version,
            self.epoch,
            self.revision,
            self.payload,
            self.events_hash,
            self.live_count,
            self.set_hash,
        )

    @property
    def events_hash(self) -> bytes:
        """The hash of its events that followers check."""
        return hash_chain.events_hash_of(self.chain_version, self.events)


def head_message(head: HeadRow) -> replication_pb2.Head:
    return replication_pb2.Head(
        registry_id=head.registry_id,
        epoch=head.epoch,
        revision=head.revision,
        chain=head.chain,
        live_count=head.live_count,
        set_hash=head.set_hash,
        compacted_revision=head.compacted_revision,
        signature=head.signature or b"",
        signing_key_id=head.signing_key_id or "",
        timeline=head.timeline,
        promoted_at_us=head.promoted_at_us,
    )
