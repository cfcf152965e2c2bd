"""The part of the registry that reference lists are compared with, in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.admin.entity_lists import entities_of
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.finding import FINDING, FindingState

Progress = Callable[[int, int], None]


class ReferenceState(RegistryState):
    """Entities of the kinds that a list concerns, and which findings there are.

    Attributes:
        findings: State of a finding, by id.
    """

    def __init__(self, now: dt.datetime, revision: int = 0) -> None:
        super().__init__(now, revision)
        self.findings: dict[str, FindingState] = {}

    def commit(self, outcomes: Iterable[Outcome]) -> None:
        """Hold what a plan changes, as the writer would."""
        for outcome in outcomes:
            if outcome.after is not None:
                self.replace(outcome.kind, outcome.after)
            if outcome.kind is FINDING:
                self.findings[outcome.key] = FindingState.OPEN


def load_reference_state(
    connection: Connection,
    now: dt.datetime,
    kinds: Iterable[AnyKind],
    finding_kinds: Iterable[str],
    progress: Progress = lambda _, __: None,
) -> ReferenceState:
    """Read all entities of some kinds, and the findings of some kinds.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    head = connection.call(connection.admin.GetHead, admin_pb.GetHeadRequest()).head
    state = ReferenceState(now, head.revision)
    wanted = list(kinds)
    for done, kind in enumerate(wanted):
        progress(done, len(wanted) + 1)
        for entity in entities_of(connection, kind):
            state.add(kind, entity)
    progress(len(wanted), len(wanted) + 1)
    asked = admin_pb.ListProposalsRequest(kinds=list(finding_kinds))
    for found in pagination.entities(connection, connection.admin.ListProposals, asked, "findings"):
        state.findings[found.finding_id] = FindingState(found.state)
    return state
