"""Applies the next change set to what is served."""

from __future__ import annotations

import logging
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_resolver import metrics
from cqar_resolver.replication.bootstrap import Rebootstrap
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.replication.scheduler import Scheduler
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.snapshot import change_sets
from cqar_resolver.snapshot.planned_change import PlannedChange
from cqar_resolver.snapshot.snapshot import Diverged
from cqar_shared.runtime import tracing

log = logging.getLogger(__name__)

#: Changes planned between two looks at the clock; one takes 25 us.
BATCH_CHANGES: Final = 24


class ChangeApplier:
    """Applies change sets to `view`, which logs them for everybody who follows."""

    def __init__(self, view: ReplicaState, signed: SignedHeads, scheduler: Scheduler) -> None:
        self._view = view
        self._signed = signed
        self._scheduler = scheduler

    async def apply(
        self, head: replication_pb2.Head, commit: replication_pb2.Commit, source: str
    ) -> None:
        """Apply a change set that ends at `head`.

        Args:
            source: `stream` or `outbox`.

        Raises:
            Rebootstrap: The change set cannot be applied.
        """
        snapshot = self._view.snapshot
        try:
            change_set = change_sets.decode(snapshot.position, head, commit)
            with (
                tracing.span("apply", lambda: change_set.traceparent, source=source),
                metrics.APPLY_SECONDS.time(),
            ):
                planned: list[PlannedChange] = []
                plans = change_sets.plan(snapshot, change_set)
                # In between, readers are answered from the revision before.
                async for batch in self._scheduler.batches(plans, BATCH_CHANGES):
                    planned += batch
                snapshot.apply(head, planned)
        except (change_sets.UndecodableChangeSet, Diverged) as error:
            raise poison("a change set", error) from error
        metrics.APPLIED.labels(source).inc()
        self._signed.learn(head.registry_id, change_set.changes)
        self._view.note_applied(head, commit, change_set, planned)


def poison(what: str, error: object) -> Rebootstrap:
    """Make the exception for what cannot be applied, which is never skipped.

    The last good state stays served, and says that it is stale.
    """
    log.error("%s cannot be applied: %s", what, error)
    return Rebootstrap("poison")
