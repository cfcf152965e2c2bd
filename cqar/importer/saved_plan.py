"""A plan in a file: what was reviewed is what is applied, or nothing is."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf import json_format

from cqar.admin.connection import Connection
from cqar.importer.apply import RejectedRecord, batches, entities_of, item_of
from cqar.importer.plan import Plan
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.errors import Conflict

FORMAT: Final = 1
BYTES_MAX: Final = 512 * 1024 * 1024


class SavedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and the registry's revision for which it was made.

    Attributes:
        as_of: The instant of a listing of the past; None: the present.
        document: The plan as `--json` prints it, for people and programs.
        items: What is to be applied, as JSON of `ApplyItem`.
        sha256: Of the items: what was edited is not the plan that was reviewed.
    """

    format: int
    venue: str
    at: dt.datetime
    as_of: dt.datetime | None
    revision: int
    document: dict[str, Any]
    items: list[dict[str, Any]]
    sha256: str


def save_plan(
    path: Path, plan: Plan, document: dict[str, Any], revision: int, as_of: dt.datetime | None
) -> None:
    """Write a plan to a file.

    Raises:
        UnusableAnswer: The file cannot be written, or the plan is of an older answer.
    """
    if plan.past:
        raise UnusableAnswer(
            f"the registry knows newer answers of {plan.venue_id}: a plan that goes behind them"
            " is not kept in a file. Import it without --out"
        )
    _save(path, plan.venue_id, entities_of(plan), document, revision, (plan.at, as_of))


def save_changes(
    path: Path,
    label: str,
    changes: Iterable[Outcome],
    document: dict[str, Any],
    revision: int,
    times: tuple[dt.datetime, dt.datetime | None],
) -> None:
    """Write changes to a file as a plan.

    Args:
        label: What they are from: a venue's id, or a list with its hash.
        times: When that was taken, and the same where it is not the present.

    Raises:
        UnusableAnswer: The file cannot be written.
    """
    entities = [(o.kind, o.after) for o in changes if o.after is not None]
    _save(path, label, entities, document, revision, times)


def _save(
    path: Path,
    label: str,
    entities: Iterable[tuple[AnyKind, Entity]],
    document: dict[str, Any],
    revision: int,
    times: tuple[dt.datetime, dt.datetime | None],
) -> None:
    items = [
        json_format.MessageToDict(item_of(kind, entity, revision)) for kind, entity in entities
    ]
    at, as_of = times
    saved = SavedPlan(
        format=FORMAT,
        venue=label,
        at=at,
        as_of=as_of,
        revision=revision,
        document=document,
        items=items,
        sha256=_hash(items),
    )
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(saved), indent=1))
    except OSError as error:
        raise UnusableAnswer(f"{path}: {error.strerror or error}") from error


def _hash(items: list[dict[str, Any]]) -> str:
    return hashlib.sha256(msgspec.json.encode(items, order="sorted")).hexdigest()


def load_plan(path: Path) -> SavedPlan:
    """Read a plan back.

    Raises:
        UnusableAnswer: It is no plan, or it was altered.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise UnusableAnswer(f"{path} is larger than {BYTES_MAX} bytes")
        saved = msgspec.json.decode(path.read_bytes(), type=SavedPlan)
    except OSError as error:
        raise UnusableAnswer(f"{path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableAnswer(f"{path} is no plan of `cqar import --out`: {error}") from error
    if saved.format != FORMAT:
        raise UnusableAnswer(f"{path} is a plan of format {saved.format}; this is {FORMAT}")
    if saved.sha256 != _hash(saved.items):
        raise UnusableAnswer(f"{path} was altered since it was made: make the plan again")
    return saved


class PlanCheck(NamedTuple):
    """Where a plan and the registry stand now.

    Attributes:
        items: What is left to apply: all that is not as planned already.
        moved: What else changed since, and how it stands in the plan's way.
    """

    items: list[pb.ApplyItem]
    moved: list[RejectedRecord]


def check_plan(connection: Connection, saved: SavedPlan) -> PlanCheck:
    """Compare a plan with the registry as it is now. Changes nothing.

    Items of later requests may need what earlier ones make, and a dry run makes nothing: so only
    what existed when the plan was made is compared.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    items = [json_format.ParseDict(item, pb.ApplyItem()) for item in saved.items]
    outcomes = _dry_run(connection, saved, items)
    touched = [
        place
        for place, outcome in enumerate(outcomes)
        if any(violation.reason == Conflict.reason for violation in outcome.violations)
    ]
    freed = []
    for place in touched:
        item = pb.ApplyItem()
        item.CopyFrom(items[place])
        item.ClearField("if_revision")
        freed.append(item)
    done: set[int] = set()
    moved: list[RejectedRecord] = []
    for place, anew in zip(touched, _dry_run(connection, saved, freed), strict=True):
        if anew.status == pb.OUTCOME_STATUS_UNCHANGED:
            done.add(place)
        else:
            conflict = outcomes[place]
            reasons = "; ".join(violation.message for violation in conflict.violations)
            moved.append(RejectedRecord(f"{conflict.entity.kind} {conflict.entity.key}", reasons))
    return PlanCheck([item for place, item in enumerate(items) if place not in done], moved)


def _dry_run(
    connection: Connection, saved: SavedPlan, items: list[pb.ApplyItem]
) -> list[pb.ApplyOutcome]:
    """What would become of each item, in their order."""
    found: list[pb.ApplyOutcome] = []
    for request in requests_of(saved, items):
        request.dry_run = request.skip_rejected = True
        found.extend(connection.call(connection.admin.Apply, request).outcomes)
    return found


def requests_of(saved: SavedPlan, items: Iterable[pb.ApplyItem]) -> Iterator[pb.ApplyRequest]:
    """Items of a plan as requests; each of them is applied whole or not at all."""
    for batch in batches(items):
        request = pb.ApplyRequest(items=batch, historical=True)
        if saved.as_of is not None:
            request.as_of.FromDatetime(saved.as_of)
        yield request
