"""What clients were told, beside what the registry's history is in the end: what must never differ.

Everything here is pure but `History.read_on`. Instants are of one clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.replication import positions as history
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.store import outbox

ROWS: Final = 500
LIVE: Final = pb.SNAPSHOT_STATE_LIVE
FLAG: Final = "quality_flag"


class AcknowledgedChange(NamedTuple):
    """A change that was acknowledged.

    Attributes:
        sent_s: When it was sent first, and `resent_s` when for the last time.
        value: The entity as the answer tells it; None where it was removed.
        via: The writer that acknowledged it.
    """

    via: str
    sent_s: float
    resent_s: float
    answered_s: float
    epoch: int
    revision: int
    ref: Ref
    value: Message | None


class EntityAnswer(NamedTuple):
    """An answer about one entity, of one revision.

    Attributes:
        staleness_ms: None where it claimed no bound, as a writer's never does.
    """

    who: str
    asked_s: float
    answered_s: float
    epoch: int
    revision: int
    state: pb.SnapshotState.ValueType
    staleness_ms: int | None
    ref: Ref
    value: Message | None


class VerdictAnswer(NamedTuple):
    """Whether a listing may be opened, whose base asset is flagged at times."""

    who: str
    asked_s: float
    answered_s: float
    epoch: int
    revision: int
    state: pb.SnapshotState.ValueType
    staleness_ms: int | None
    allowed: bool


class FlagPeriod(NamedTuple):
    """A CRITICAL flag, from its acknowledgement to when its end was first asked for."""

    flag_id: str
    raised_s: float
    lifted_s: float


class LiveReport(NamedTuple):
    """A resolver said LIVE."""

    who: str
    answered_s: float
    revision: int


class ChainReport(NamedTuple):
    """Where a history was said to be, by a stream's message or a resolver."""

    who: str
    epoch: int
    revision: int
    chain: bytes


@dataclass
class ClientRecord:
    """All that clients were told.

    Attributes:
        refused: What was answered instead, by who was asked and status.
        wrong_errors: Errors that no fault excuses.
        given_up: Attempts of changes that were not answered in time, or told to be sent again.
    """

    changes: list[AcknowledgedChange] = field(default_factory=list)
    reads: list[EntityAnswer] = field(default_factory=list)
    verdicts: list[VerdictAnswer] = field(default_factory=list)
    flags: list[FlagPeriod] = field(default_factory=list)
    chains: list[ChainReport] = field(default_factory=list)
    live_reports: list[LiveReport] = field(default_factory=list)
    refused: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    wrong_errors: list[str] = field(default_factory=list)
    given_up: int = 0

    def operations(self) -> int:
        refused = sum(self.refused.values())
        return len(self.changes) + len(self.reads) + len(self.verdicts) + refused + self.given_up


@dataclass
class History:
    """The outbox of the database that is the registry's, as far as it was read.

    Attributes:
        commits: Revision -> (epoch, chain).
        states: Entity -> (revision, message) of each of its states, None once removed.
    """

    commits: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    states: defaultdict[Ref, list[tuple[int, Message | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    last: int = 0

    def forget(self) -> None:
        """Start anew: the database lost commits that were read from it."""
        self.commits.clear()
        self.states.clear()
        self.last = 0

    async def read_on(self, engine: AsyncEngine) -> None:
        """Read what was committed since."""
        async with engine.connect() as tx:
            while rows := await outbox.rows_after(tx, self.last, ROWS):
                for row in rows:
                    self._append(row)

    def _append(self, row: OutboxRow) -> None:
        self.last = row.revision
        self.commits[row.revision] = (row.epoch, row.chain)
        change_set = replication_pb2.ChangeSet.FromString(history.unpack(row.payload))
        for change in change_set.changes:
            message = KIND_BY_NAME[change.kind].message
            value = None if change.deleted else message.FromString(change.entity)
            self.states[change.kind, change.key].append((row.revision, value))

    def has(self, one: AcknowledgedChange | EntityAnswer | VerdictAnswer) -> bool:
        return self.commits.get(one.revision, (0, b""))[0] == one.epoch

    def value_at(self, ref: Ref, revision: int) -> Message | None:
        life = self.states[ref]
        place = bisect_right(life, revision, key=lambda step: step[0])
        return life[place - 1][1] if place else None


@dataclass
class Comparison:
    """What was compared, and what differs, each in a sentence.

    Attributes:
        lost: Acknowledged changes that the history does not have.
        ghosts: Answers of a revision that the history does not have.
        reused: Revisions that name two histories.
        wrong: All else that must never be.
    """

    operations: int = 0
    acknowledged: int = 0
    bounds: int = 0
    values: int = 0
    verdicts: int = 0
    positions: int = 0
    lost: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        for name in ("operations", "acknowledged", "bounds", "values", "verdicts", "positions"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("lost", "ghosts", "reused", "wrong"):
            getattr(self, name).extend(getattr(other, name))

    @property
    def violations(self) -> list[str]:
        """All that must never be, where nothing that was acknowledged may be lost."""
        return [*self.lost, *self.ghosts, *self.reused, *self.wrong]


def compare(observed: ClientRecord, truth: History) -> Comparison:
    """Everything that clients were told, with what the history says."""
    found = Comparison(operations=observed.operations(), acknowledged=len(observed.changes))
    found.lost += _lost(observed.changes, truth)
    found.reused += _used_twice(observed, truth)
    found.wrong += _gone_back(observed.reads, observed.verdicts)
    found.wrong += [f"an error that no fault excuses: {text}" for text in observed.wrong_errors]
    answers: list[EntityAnswer | VerdictAnswer] = [*observed.reads, *observed.verdicts]
    bounds = _Bounds(observed.changes)
    for answer in answers:
        if answer.staleness_ms is not None:
            found.bounds += 1
            found.wrong += bounds.broken_by(answer)
        # One from below memory may name no revision.
        if answer.revision and not truth.has(answer):
            found.ghosts.append(f"of a revision that is no more: {describe(answer)}")
    for answer in observed.reads:
        if truth.has(answer):
            found.values += 1
            expected = truth.value_at(answer.ref, answer.revision)
            if answer.value != expected:
                found.wrong.append(
                    f"a wrong value: {describe(answer)}, not {_named(answer.ref, expected)}"
                )
    for verdict in observed.verdicts:
        found.verdicts += 1
        found.wrong += _wrongly_open(verdict, observed.flags, truth)
    found.positions = len(observed.chains)
    return found


def describe(one: AcknowledgedChange | EntityAnswer | VerdictAnswer) -> str:
    """It in a line, for a failure's text."""
    who = one.via if isinstance(one, AcknowledgedChange) else one.who
    said = f"{who} told {one.epoch}:{one.revision} at {one.answered_s:.3f} s"
    if isinstance(one, AcknowledgedChange):
        return f"{said}, sent at {one.sent_s:.3f} s: {_named(one.ref, one.value)}"
    state = pb.SnapshotState.Name(one.state).removeprefix("SNAPSHOT_STATE_")
    said += f", asked at {one.asked_s:.3f} s, {state}, at most {one.staleness_ms} ms stale"
    if isinstance(one, VerdictAnswer):
        return f"{said}: may open: {one.allowed}"
    return f"{said}: {_named(one.ref, one.value)}"


def _named(ref: Ref, value: Message | None) -> str:
    names = [getattr(value, name, "") for name in ("name", "description", "source")]
    return f"{ref[0]} {ref[1]} {' '.join(filter(None, names))!r}"


def _lost(changes: Iterable[AcknowledgedChange], truth: History) -> Iterator[str]:
    for one in changes:
        if not truth.has(one) or truth.value_at(one.ref, one.revision) != one.value:
            yield f"an acknowledged change is lost: {describe(one)}"


def _used_twice(observed: ClientRecord, truth: History) -> Iterator[str]:
    """Revisions of this load that name two histories."""
    since = min((one.revision for one in observed.changes), default=0)
    chains: defaultdict[int, dict[tuple[int, bytes], str]] = defaultdict(dict)
    for revision, at in truth.commits.items():
        if revision >= since:
            chains[revision][at] = "the outbox"
    for one in observed.chains:
        # Before this load's first revision the stream may hold what an earlier fault lost.
        if one.revision in chains:
            chains[one.revision].setdefault((one.epoch, one.chain), one.who)
    for revision, named in chains.items():
        if len(named) > 1:
            yield f"revision {revision} is used twice: by {sorted(named.values())}"


def _gone_back(reads: Iterable[EntityAnswer], verdicts: Iterable[VerdictAnswer]) -> Iterator[str]:
    """Each asker of a resolver asks one question after the other."""
    newest: dict[str, tuple[int, int]] = {}
    answers: list[EntityAnswer | VerdictAnswer] = [*reads, *verdicts]
    for answer in sorted(answers, key=lambda one: one.asked_s):
        at = _position_of(answer)
        if answer.who.startswith("resolver") and at < newest.get(answer.who, at):
            yield f"it went back from {newest[answer.who]}: {describe(answer)}"
        newest[answer.who] = max(at, newest.get(answer.who, at))


def _position_of(one: AcknowledgedChange | EntityAnswer | VerdictAnswer) -> tuple[int, int]:
    return one.epoch, one.revision


class _Bounds:
    """When was the first acknowledgement of what an answer lacks."""

    def __init__(self, changes: Iterable[AcknowledgedChange]) -> None:
        ordered = sorted(changes, key=_position_of)
        self._positions = [_position_of(one) for one in ordered]
        self._first_s: list[float] = []
        first_s = float("inf")
        for one in reversed(ordered):
            first_s = min(first_s, one.answered_s)
            self._first_s.append(first_s)
        self._first_s.reverse()

    def broken_by(self, answer: EntityAnswer | VerdictAnswer) -> Iterator[str]:
        place = bisect_right(self._positions, _position_of(answer))
        if place == len(self._positions) or answer.staleness_ms is None:
            return
        truth_ms = (answer.asked_s - self._first_s[place]) * 1000
        if answer.staleness_ms < truth_ms:
            yield f"it is staler than it says, by {truth_ms:.0f} ms in truth: {describe(answer)}"


def _wrongly_open(
    verdict: VerdictAnswer, flags: Iterable[FlagPeriod], truth: History
) -> Iterator[str]:
    if not verdict.allowed:
        return
    if verdict.state != LIVE:
        yield f"opening is allowed by what is not LIVE: {describe(verdict)}"
    known_s = verdict.asked_s - (verdict.staleness_ms or 0) / 1000
    for flag in flags:
        value = truth.value_at((FLAG, flag.flag_id), verdict.revision)
        if value is not None and not value.HasField("resolved_at"):
            yield f"opening is allowed at a revision with {flag}: {describe(verdict)}"
        elif flag.raised_s < known_s and verdict.answered_s < flag.lifted_s:
            yield f"opening is allowed in spite of {flag}: {describe(verdict)}"
