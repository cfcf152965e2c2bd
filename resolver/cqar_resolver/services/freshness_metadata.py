"""Says in trailing metadata how current an answer is: CQC's own answers have no field for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries.execute import QueryExecutor
from cqar_resolver.replication.freshness import state_name
from cqar_resolver.snapshot.pinned import Pinned
from cqar_shared.rpc.error_mapping import Context


def send_freshness(freshness: pb.Freshness, context: Context) -> None:
    """Set the call's trailing metadata."""
    metadata = [("cqar-state", state_name(freshness.state))]
    if freshness.HasField("revision"):
        metadata.append(("cqar-revision", str(freshness.revision)))
        metadata.append(("cqar-epoch", str(freshness.epoch)))
    if freshness.HasField("staleness_ms"):
        metadata.append(("cqar-staleness-ms", str(freshness.staleness_ms)))
    context.set_trailing_metadata(tuple(metadata))


@contextmanager
def pinned_memory(
    executor: QueryExecutor, context: Context
) -> Iterator[tuple[Pinned, pb.Freshness]]:
    """Hold memory at one revision, as `QueryExecutor.pinned`; errors say how current it is too."""
    freshness = executor.freshness()
    send_freshness(freshness, context)
    try:
        with executor.pinned() as (memory, freshness):
            yield memory, freshness
    finally:
        send_freshness(freshness, context)
