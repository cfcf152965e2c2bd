"""Whether consumers of domain events can have every one that was committed."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from cqc.replication.v1 import replication_pb2
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from cqar_shared.messaging import jetstream
from cqar_shared.messaging.jetstream import EVENTS, ConsumerLost
from cqar_shared.messaging.stream_reader import StreamReader
from cqar_shared.replication import positions
from cqar_writer.store import outbox
from tests.chaos.cluster import Cluster
from tests.support.commits import eventually

#: Ends a failure: a stream that was lost is published anew from the first revision.
PUBLISHED_S: Final = 60.0
ROWS: Final = 500
#: Nobody publishes there: all is asked for.
UNHEARD: Final = "cqar.unheard"


async def require_events(cluster: Cluster) -> int:
    """Each event of the outbox is in CQC_EVENTS, once or more.

    Returns:
        How many there are.
    """
    committed = await _committed(cluster)
    async with cluster.jetstream() as (client, js):

        async def all_are_there() -> bool:
            last = await _last(js)
            found: set[bytes] = set()
            # A stream that is being made anew ends a reader; it is read again.
            with suppress(ConsumerLost, NotFoundError):
                async for item in StreamReader(client, EVENTS, UNHEARD).read(0):
                    if item is None:
                        break
                    sequence, payload = item
                    found.add(payload)
                    if sequence >= last:
                        break
            return committed <= found

        await eventually(all_are_there, PUBLISHED_S)
    return len(committed)


async def _last(js: JetStreamContext) -> int:
    try:
        return (await jetstream.mark_of(js, EVENTS)).last
    except NotFoundError:
        return 0


async def _committed(cluster: Cluster) -> set[bytes]:
    found: set[bytes] = set()
    revision = 0
    async with cluster.engine.connect() as tx:
        while rows := await outbox.rows_after(tx, revision, ROWS):
            revision = rows[-1].revision
            for row in rows:
                told = replication_pb2.DomainEvents.FromString(positions.unpack(row.events))
                found |= {event.payload for event in told.events}
    return found
