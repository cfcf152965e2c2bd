"""Reports streams and messages that are not this registry's."""

from __future__ import annotations

import logging

from cqar_writer import metrics

log = logging.getLogger(__name__)


class ForeignStream(Exception):
    """A stream belongs to another registry; no new epoch ever repairs it."""


def require_own(stream: str, owner: str, own: bytes) -> None:
    """Refuse another registry's stream.

    Args:
        owner: The registry id that the stream or a message of it states, in hex; "" for none.
        own: The id of this database's registry.

    Raises:
        ForeignStream: the stream belongs to another registry.
    """
    if owner not in ("", own.hex()):
        raise ForeignStream(
            f"{stream} belongs to registry {owner}, this database to {own.hex()}:"
            " point the writer at its own NATS account, or delete the stream"
        )


def note_foreign(stream: str, sequence: int | None, reason: str) -> None:
    """Count and log a message that is skipped because no writer of this registry published it."""
    metrics.FOREIGN.labels(stream).inc()
    log.error("message %s of %s is skipped: it %s", sequence, stream, reason)
