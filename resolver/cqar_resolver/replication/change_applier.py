"""Brings what is served one change set further."""

from __future__ import annotations

import logging
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_resolver import metrics
from cqar_resolver.replication.bootstrap import Rebootstrap
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.snapshot.change_sets import UndecodableChangeSet, decode, plan
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.snapshot import Diverged
from cqar_shared.runtime import tracing
from cqar_shared.runtime.event_loop import yielding

log = logging.getLogger(__name__)

#: Between two looks at the clock: to plan a change takes 25 us.
PLANNED_AT_ONCE: Final = 24


class ChangeApplier:
    """Applies to `view` what leads on from it, and tells all who keep it."""

    def __init__(self, view: ReplicaState, signed: SignedHeads) -> None:
        self._view = view
        self._signed = signed

    async def apply(
        self, head: replication_pb2.Head, commit: replication_pb2.Commit, source: str
    ) -> None:
        """Apply a change set that ends at `head`.

        Args:
            source: `stream` or `outbox`.

        Raises:
            StartOver: The change set cannot be applied.
        """
        snapshot = self._view.snapshot
        try:
            change_set = decode(snapshot.position, head, commit)
            with (
                tracing.span("apply", lambda: change_set.traceparent, source=source),
                metrics.APPLY_SECONDS.time(),
            ):
                planned: list[PlannedChange] = []
                # Readers are answered in between, from the revision before.
                async for some in yielding(plan(snapshot, change_set), PLANNED_AT_ONCE):
                    planned += some
                snapshot.apply(head, planned)
        except (UndecodableChangeSet, Diverged) as error:
            raise poison("a change set", error) from error
        metrics.APPLIED.labels(source).inc()
        self._signed.learn(head.registry_id, change_set.changes)
        self._view.note_applied(head, commit, change_set, planned)


def poison(what: str, error: object) -> Rebootstrap:
    """Never skipped: the last good state is served, and says that it is stale."""
    log.error("%s cannot be applied: %s", what, error)
    return Rebootstrap("poison")
