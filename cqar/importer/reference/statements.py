"""What the rows of a list state, as entities, in the order of the rows. Pure.

A row may state an entity that an earlier one stated: the later statement replaces it. Findings are
entities, too; one that the writer has already is not made again.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from cqar.importer.reference.list_file import ListFile
from cqar.importer.reference.reference_state import ReferenceState
from cqar_shared.domain.finding_policy import with_id
from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds.finding import (
    FINDING,
    Finding,
    FindingEvidence,
    FindingRecord,
    FindingState,
)

#: Characters of a row's own text, in reports.
TEXT_CHARS_MAX: Final = 200
#: Bytes of a raw record that a finding keeps.
RAW_BYTES_MAX: Final = 4_096
READER: Final = "reference/1"


class RowOutcome(enum.StrEnum):
    """What becomes of a row; the five add up to the rows."""

    NEW = "NEW"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"
    #: Understood, and not expressible or not decidable here.
    UNSUPPORTED = "UNSUPPORTED"
    #: Not in the list's form, or refused by the registry's rules.
    UNREADABLE = "UNREADABLE"


@dataclass(slots=True)
class ListRow:
    """A row and what became of it.

    Attributes:
        text: The record in a line, for people.
        refs: What it states.
        outcome: None until it is known.
        reason: Why it is not imported, or what about it is to be decided.
        by: What said which asset is meant; empty where nothing had to.
        is_known: Whether what it is about is there: additions to it count as changes.
        optional: Of `refs`, those whose refusal is only remarked upon.
    """

    text: str
    raw: Any
    refs: list[Ref] = field(default_factory=list)
    outcome: RowOutcome | None = None
    reason: str = ""
    by: str = ""
    is_known: bool = False
    optional: set[Ref] = field(default_factory=set)


class Statements:
    """The rows of one list and what they state.

    Attributes:
        entities: What is stated, by (kind, key), in the order of first statement.
        row: The row that is being read.
    """

    def __init__(self, state: ReferenceState, source: ListFile, at: dt.datetime) -> None:
        self.state = state
        self.source = source
        self.at = at
        self.rows: list[ListRow] = []
        self.row = ListRow("", None)
        self.entities: dict[Ref, tuple[AnyKind, Entity]] = {}

    def begin(self, text: str, raw: Any) -> None:
        self.row = ListRow(" ".join(text.split())[:TEXT_CHARS_MAX], raw)
        self.rows.append(self.row)

    def resume(self, row: ListRow) -> None:
        """Go on with a row that was begun before."""
        self.row = row

    def refuse(self, outcome: RowOutcome, reason: str) -> None:
        self.row.outcome, self.row.reason = outcome, reason

    def remark(self, reason: str) -> None:
        """Say something about the row beside its outcome."""
        self.row.reason = f"{self.row.reason}; {reason}" if self.row.reason else reason

    def put(self, kind: AnyKind, entity: Entity, *, is_optional: bool = False) -> None:
        """State an entity.

        Args:
            is_optional: Whether the row stands without it.
        """
        ref = (kind.name, kind.key_of(entity))
        self.entities[ref] = (kind, entity)
        if ref not in self.row.refs:
            self.row.refs.append(ref)
        if is_optional:
            self.row.optional.add(ref)

    def get(self, kind: AnyKind, key: str) -> Any | None:
        """Return what was stated, or else what the registry has."""
        stated = self.entities.get((kind.name, key))
        return stated[1] if stated else self.state.get(kind.name, key)

    def find(self, finding: Finding) -> FindingState:
        """Open a finding, with the row as its record.

        Returns:
            Its state; OPEN where it is new.
        """
        finding = with_id(msgspec.structs.replace(finding, records=(self._record(),)))
        known = self.state.findings.get(finding.finding_id)
        if known is not None:
            return known
        self.put(FINDING, finding)
        return FindingState.OPEN

    def is_decided(self, finding: Finding) -> bool:
        """Whether the writer has a finding of this content, and it is no longer open."""
        known = self.state.findings.get(with_id(finding).finding_id)
        return known is not None and known is not FindingState.OPEN

    def _record(self) -> FindingRecord:
        raw = msgspec.json.encode(self.row.raw)
        return FindingRecord(
            raw=raw.decode() if len(raw) <= RAW_BYTES_MAX else None,
            request=self.source.name,
            sha256=self.source.sha256,
            taken_at=self.at,
            reader=READER,
        )


def speaks_for(kind: str, asset_id: str, detail: str) -> FindingEvidence:
    return FindingEvidence(kind=kind, asset_id=asset_id, detail=detail)
