"""A commit whose content somebody replaced, who cannot make the chain fit it."""

from __future__ import annotations

import zstandard
from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_pb2
from google.protobuf.message import DecodeError

from cqar_shared.replication import positions
from cqar_shared.replication.positions import position_of
from tests.protocol.database import KIND
from tests.protocol.ledger import Ledger


def forged(payload: bytes, ledger: Ledger) -> bytes:
    """Other venues in a commit, with the count and the hash that they make; else as it was."""
    try:
        message = replication_pb2.StreamMessage.FromString(payload)
        change_set = replication_pb2.ChangeSet.FromString(
            positions.unpack(message.commit.change_set or positions.pack(b""))
        )
    except (DecodeError, zstandard.ZstdError):
        return payload
    before = ledger.before.get(position_of(message.head))
    if before is None or message.WhichOneof("body") != "commit":
        return payload
    state = dict(ledger.states[before])
    for change in change_set.changes:
        if change.deleted:
            state.pop(change.key, None)
            continue
        venue = venue_pb2.Venue(venue_id=change.key, name="forged")
        change.entity = state[change.key] = venue.SerializeToString()
    message.commit.change_set = positions.pack(change_set.SerializeToString())
    total = sum(positions.hash_of(KIND, key, entity) for key, entity in state.items())
    message.head.live_count = len(state)
    message.head.set_hash = positions.set_hash_bytes(total)
    return message.SerializeToString()
