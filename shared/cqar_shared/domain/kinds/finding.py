"""A finding: what a source says and the registry does not simply take, and what became of it.

It lives at the writer, in PostgreSQL and in History. Resolvers do not hold it: what an open one
denies stands in the listing that it is about. Its id follows from its content, so that the same
finding is one however often it is made; who decided what is the writer's to note.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec
from cqc.writer.v1 import finding_pb2

from cqar_shared.domain import decimals, entity_diff, rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by
from cqar_shared.errors import FieldViolation

DIFFERENCES_MAX: Final = 64
EVIDENCE_MAX: Final = 64
RECORDS_MAX: Final = 4
DECISIONS_MAX: Final = 64
#: A value of a difference; the longest are lists of price bands.
VALUE_CHARS_MAX: Final = 4_096
DETAIL_CHARS_MAX: Final = 256
SUMMARY_CHARS_MAX: Final = 512
READER_CHARS_MAX: Final = 128
RAW_BYTES_MAX: Final = 4_096


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


#: Fields that a finding is: the others tell of it, or are the registry's own.
_CONTENT: Final = (
    *("kind", "venue_id", "venue_symbol", "listing_id", "code", "chain_id", "address"),
    *("asset_id", "proposed_asset_id", "from_venue_id", "from_venue_symbol"),
)
_NAMESPACE: Final = uuid.UUID("0c8f3b0a-6b0d-5a7c-9d52-5b8a1d8f4e21")
#: Fields that only the registry states.
REGISTRYS_OWN: Final = (
    *("state", "action", "policy", "opened_at", "opened_by", "decided_at", "decisions"),
)
#: Somebody may decide it.
UNDECIDED: Final = frozenset({FindingState.OPEN, FindingState.HELD})


def finding_id_of(finding: Finding) -> str:
    """Return the id that follows from what the finding is, not from when or why it was made."""
    texts = [getattr(finding, name) or None for name in _CONTENT]
    numbers = [n and decimals.plain(n.normalize()) for n in (finding.units, finding.rate)]
    changes = sorted((d.field, d.before or "", d.after or "") for d in finding.differences or ())
    content = msgspec.json.encode((texts, numbers, changes)).decode()
    return str(uuid.uuid5(_NAMESPACE, content))


def with_id(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, finding_id=finding_id_of(finding))


def complete(before: Finding | None, given: Finding, registry: RegistryView) -> Finding:
    """Open what is new, accept what was decided further, and leave all else as it is.

    Only the writer states decisions: what a request states of them was taken away before.
    """
    given = rules.without_empty(given, "differences", "evidence", "records", "decisions")
    if before is None or _is_made_again(before, given, registry):
        return _opened(given, registry)
    if len(given.decisions or ()) > len(before.decisions or ()):
        return given
    if given.state is FindingState.SUPERSEDED and _may_be_superseded(before):
        return msgspec.structs.replace(before, state=given.state, decided_at=registry.now)
    return before


def _opened(given: Finding, registry: RegistryView) -> Finding:
    """Return the finding as it begins, by the action that the policy has for it."""
    action = given.action or FindingAction.REVIEW
    state = FindingState.APPLIED if action is FindingAction.APPLY else FindingState.OPEN
    if given.state is FindingState.SUPERSEDED:
        state = FindingState.SUPERSEDED
    return msgspec.structs.replace(
        given, state=state, action=action, opened_at=registry.now, decided_at=None
    )


def _may_be_superseded(before: Finding) -> bool:
    """Whether it can be closed because what it says is no longer so.

    A doubt that a person lifted comes back with the next finding, once this one is closed.
    """
    was_lifted = (before.action, before.state) == (
        FindingAction.QUARANTINE,
        FindingState.APPROVED,
    )
    return before.state in UNDECIDED or was_lifted


def _is_made_again(before: Finding, given: Finding, registry: RegistryView) -> bool:
    """Whether it was closed, and is so once more.

    What was approved is taken; if the values of before are back, it is another change. What was
    rejected stays so.
    """
    if given.state is FindingState.SUPERSEDED or given.decisions:
        return False
    if before.state is FindingState.SUPERSEDED:
        return True
    if before.state is not FindingState.APPROVED or not before.differences:
        return False
    listing = registry.get("venue_symbol", before.listing_id or "")
    return listing is not None and all(
        hasattr(listing, d.field)
        and entity_diff.value_text(getattr(listing, d.field)) == (d.before or "")
        for d in before.differences
    )


def check_finding(_: Finding | None, after: Finding, __: RegistryView) -> Iterator[FieldViolation]:
    if after.finding_id != finding_id_of(after):
        message = f"follows from its content, and is {finding_id_of(after)}"
        yield FieldViolation("finding_id", "NOT_ITS_CONTENT", message)
    yield from rules.check_words("kind", (after.kind,), 1)
    yield from _check_subject(after)
    yield from rules.check_positive(after, "", "units", "rate")
    yield from rules.check_length(
        after,
        venue_symbol=rules.SYMBOL_CHARS_MAX,
        from_venue_symbol=rules.SYMBOL_CHARS_MAX,
        code=rules.SYMBOL_CHARS_MAX,
        address=rules.NAME_CHARS_MAX,
        summary=SUMMARY_CHARS_MAX,
    )
    yield from rules.check_lines(after, "summary")
    yield from _check_lists(after)


def _check_subject(after: Finding) -> Iterator[FieldViolation]:
    """Check that it is about something, and names that as it can be named."""
    if not (after.venue_id or after.chain_id or after.asset_id):
        message = "what it is about: a venue, a chain with an address, or an asset"
        yield FieldViolation("venue_id", "REQUIRED", message)
    for field in ("venue_symbol", "listing_id", "code"):
        if getattr(after, field) and not after.venue_id:
            yield FieldViolation("venue_id", "REQUIRED", f"is required beside {field}")
    if bool(after.chain_id) != bool(after.address):
        missing = "address" if after.chain_id else "chain_id"
        yield FieldViolation(missing, "REQUIRED", "a contract is a chain and an address")
    if bool(after.from_venue_id) != bool(after.from_venue_symbol):
        missing = "from_venue_symbol" if after.from_venue_id else "from_venue_id"
        yield FieldViolation(missing, "REQUIRED", "a former spelling is one of a venue")
    for field in ("venue_id", "chain_id", "from_venue_id"):
        if value := getattr(after, field):
            yield from rules.check_slug(field, value)
    for field in ("listing_id", "asset_id", "proposed_asset_id"):
        if value := getattr(after, field):
            yield from rules.check_uuid(field, value)


def _check_lists(after: Finding) -> Iterator[FieldViolation]:
    bounds = {
        "differences": DIFFERENCES_MAX,
        "evidence": EVIDENCE_MAX,
        "records": RECORDS_MAX,
        "decisions": DECISIONS_MAX,
    }
    for field, limit in bounds.items():
        if len(getattr(after, field) or ()) > limit:
            yield FieldViolation(field, "TOO_MANY", f"at most {limit}")
    for place, difference in enumerate((after.differences or ())[:DIFFERENCES_MAX]):
        yield from _check_difference(difference, f"differences[{place}].")
    for place, one in enumerate((after.evidence or ())[:EVIDENCE_MAX]):
        yield from _check_evidence(one, f"evidence[{place}].")
    for place, record in enumerate((after.records or ())[:RECORDS_MAX]):
        yield from _check_record(record, f"records[{place}].")


def _check_difference(given: FindingDifference, prefix: str) -> Iterator[FieldViolation]:
    yield from _within(prefix, rules.check_words("field", (given.field,), 1))
    limit = VALUE_CHARS_MAX
    yield from _within(prefix, rules.check_length(given, before=limit, after=limit))


def _check_evidence(given: FindingEvidence, prefix: str) -> Iterator[FieldViolation]:
    yield from _within(prefix, rules.check_words("kind", (given.kind,), 1))
    yield from _within(prefix, rules.check_length(given, detail=DETAIL_CHARS_MAX))
    if given.asset_id:
        yield from _within(prefix, rules.check_uuid("asset_id", given.asset_id))


def _check_record(given: FindingRecord, prefix: str) -> Iterator[FieldViolation]:
    request, reader = rules.REQUEST_CHARS_MAX, READER_CHARS_MAX
    yield from _within(prefix, rules.check_length(given, request=request, reader=reader))
    if given.sha256 is not None:
        yield from _within(prefix, rules.check_sha256("sha256", given.sha256))
    if given.raw is not None:
        yield from _within(prefix, rules.check_json_object("raw", given.raw, RAW_BYTES_MAX))


def _within(prefix: str, violations: Iterator[FieldViolation]) -> Iterator[FieldViolation]:
    for violation in violations:
        yield violation._replace(field=prefix + violation.field)


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
    about={"listing_id": "venue_symbol"},
    lookups={"listing": by("listing_id"), "asset": by("asset_id")},
    event=event_of,
    resident=False,
)
