"""A finding: what a source says and the registry does not simply take, and what became of it.

It lives at the writer, in PostgreSQL and in History. Resolvers do not hold it: what an open one
denies stands in the listing that it is about. Its id follows from its content, so that the same
finding is one however often it is made; who decided what is the writer's to note.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from cqc.writer.v1 import finding_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView
from cqar_shared.errors import FieldViolation

DIFFERENCES_MAX: Final = 64
EVIDENCE_MAX: Final = 64
RECORDS_MAX: Final = 4
DECISIONS_MAX: Final = 64


class FindingState(enum.IntEnum):
    """Numbered as `cqc.writer.v1.FindingState`."""

    OPEN = 1
    APPLIED = 2
    APPROVED = 3
    REJECTED = 4
    HELD = 5
    SUPERSEDED = 6


class FindingAction(enum.IntEnum):
    """What the policy does with a finding; numbered as `cqc.writer.v1.FindingAction`."""

    APPLY = 1
    REVIEW = 2
    TWO_PEOPLE = 3
    HOLD = 4
    QUARANTINE = 5


class FindingVerdict(enum.IntEnum):
    """Numbered as `cqc.writer.v1.FindingVerdict`."""

    APPROVE = 1
    REJECT = 2
    HOLD = 3


class FindingDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs; values as text, None where unset."""

    field: str = ""
    before: str | None = None
    after: str | None = None


class FindingEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for or against a candidate; without `asset_id`, about no one candidate."""

    kind: str = ""
    asset_id: str | None = None
    is_against: bool = False
    detail: str | None = None


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A raw record, as a JSON object of the fields that matter, and the answer it stood in."""

    is_before: bool = False
    raw: str | None = None
    request: str | None = None
    sha256: str | None = None
    taken_at: dt.datetime | None = None
    reader: str | None = None


class FindingDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said; `asset_id` and `units` where the proposal leaves a choice."""

    actor: str = ""
    verdict: FindingVerdict | None = None
    reason: str | None = None
    decided_at: dt.datetime | None = None
    asset_id: str | None = None
    units: Decimal | None = None


class Finding(Entity, frozen=True, kw_only=True):
    """A finding.

    Attributes:
        kind: Such as REUSE, SAME_TICKER or CONTRACT_SIZE.
        venue_id … asset_id: What it is about, as far as it applies.
        proposed_asset_id, units, rate, from_venue_id, from_venue_symbol, effective_at: What is
            proposed, as far as it applies.
        state … decisions: The writer's own.
    """

    finding_id: str = ""
    kind: str = ""
    venue_id: str | None = None
    venue_symbol: str | None = None
    listing_id: str | None = None
    code: str | None = None
    chain_id: str | None = None
    address: str | None = None
    asset_id: str | None = None
    differences: tuple[FindingDifference, ...] | None = None
    evidence: tuple[FindingEvidence, ...] | None = None
    proposed_asset_id: str | None = None
    units: Decimal | None = None
    rate: Decimal | None = None
    from_venue_id: str | None = None
    from_venue_symbol: str | None = None
    effective_at: dt.datetime | None = None
    records: tuple[FindingRecord, ...] | None = None
    summary: str | None = None
    state: FindingState | None = None
    action: FindingAction | None = None
    policy: str | None = None
    opened_at: dt.datetime | None = None
    opened_by: str | None = None
    decided_at: dt.datetime | None = None
    decisions: tuple[FindingDecision, ...] | None = None


def complete(_: Finding | None, given: Finding, __: RegistryView) -> Finding:
    finding: Finding = rules.without_empty(given, "differences", "evidence", "records", "decisions")
    return finding


def check_finding(_: Finding | None, after: Finding, __: RegistryView) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("finding_id", after.finding_id)
    yield from rules.check_words("kind", (after.kind,), 1)


def _no_removal(_: Any, __: RegistryView) -> Iterator[FieldViolation]:
    yield FieldViolation("", "STAYS", "a finding is decided, and never removed")


def event_of(before: Finding | None, _: Finding | None) -> str:
    return "finding_opened" if before is None else "finding_decided"


FINDING = Kind(
    name="finding",
    entity=Finding,
    message=finding_pb2.Finding,
    key=("finding_id",),
    table="findings",
    check=check_finding,
    complete=complete,
    check_removal=_no_removal,
    event=event_of,
    resident=False,
)
