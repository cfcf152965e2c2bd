"""Asks the writers for a new epoch, where a database does not have what this process served."""

from __future__ import annotations

import logging

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_shared.messaging import jetstream

log = logging.getLogger(__name__)


async def ask_for_bump(
    client: Client, held: replication_pb2.Head, found: replication_pb2.Head
) -> bool:
    """Ask; False where no new epoch was begun, since the writers' database has what is held.

    Or since none answers. PostgreSQL as it was read here may be a replica, which lags, or an old
    primary: the writers look for themselves.

    Args:
        held: What this process serves.
        found: What it read, which does not have that.
    """
    metrics.BUMP_REQUESTS.inc()
    log.warning(
        "PostgreSQL, as it is read here, is at %d:%d and does not have %d:%d, which is served: the"
        " writers are asked whether that was lost",
        *(found.epoch, found.revision, held.epoch, held.revision),
    )
    request = replication_pb2.EpochBumpRequest(held=held, found=found).SerializeToString()
    try:
        answer = await client.request(
            jetstream.BUMP_SUBJECT, request, timeout=jetstream.REQUEST_TIMEOUT_S
        )
        bumped = replication_pb2.EpochBumpResponse.FromString(answer.data).bumped
    except (NatsError, TimeoutError, OSError, DecodeError) as error:
        log.warning("no writer answered: %s", f"{type(error).__name__}: {error}".removesuffix(": "))
        return False
    if bumped:
        log.error("it was lost: a new epoch was begun")
    return bumped
