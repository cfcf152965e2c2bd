"""Asks the writers for a new epoch when a database does not have what this process served."""

from __future__ import annotations

import logging

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication.ports import Requester
from cqar_shared.messaging import jetstream

log = logging.getLogger(__name__)


async def ask_for_bump(
    requests: Requester, held: replication_pb2.Head, found: replication_pb2.Head
) -> bool:
    """Ask the writers whether what this process serves was lost; True if a new epoch was begun.

    The PostgreSQL that was read here may be a replica that lags, or an old primary. The writers
    look into their own database, and begin no epoch if it has what is held.

    Args:
        held: The head that this process serves.
        found: The head that it read, from a database that does not have the one it serves.
    """
    metrics.BUMP_REQUESTS.inc()
    log.warning(
        "PostgreSQL, as it is read here, is at %d:%d and does not have %d:%d, which is served: the"
        " writers are asked whether that was lost",
        *(found.epoch, found.revision, held.epoch, held.revision),
    )
    request = replication_pb2.EpochBumpRequest(held=held, found=found).SerializeToString()
    try:
        answer = await requests.request(
            jetstream.BUMP_SUBJECT, request, timeout=jetstream.REQUEST_TIMEOUT_S
        )
        bumped = replication_pb2.EpochBumpResponse.FromString(answer.data).bumped
    except (NatsError, TimeoutError, OSError, DecodeError) as error:
        log.warning("no writer answered: %s", f"{type(error).__name__}: {error}".removesuffix(": "))
        return False
    if bumped:
        log.error("it was lost: a new epoch was begun")
    return bumped
