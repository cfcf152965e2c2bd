"""A plan in a file: what was reviewed is what is applied, or nothing is."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf import json_format

from cqar.admin.connection import Connection
from cqar.importer.apply import RejectedRecord, batches, item_of
from cqar.importer.plan import Plan
from cqar.importer.saved_answers import UnusableAnswer

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
    items = [
        json_format.MessageToDict(item_of(o.kind, o.after, revision))
        for o in plan.changes
        if o.after is not None
    ]
    saved = SavedPlan(
        format=FORMAT,
        venue=plan.venue_id,
        at=plan.at,
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


def requests_of(saved: SavedPlan, *, dry_run: bool) -> list[pb.ApplyRequest]:
    """The plan as requests; each of them is applied whole or not at all."""
    items = [json_format.ParseDict(item, pb.ApplyItem()) for item in saved.items]
    found = []
    for batch in batches(items):
        request = pb.ApplyRequest(
            items=batch, dry_run=dry_run, skip_rejected=dry_run, historical=True
        )
        if saved.as_of is not None:
            request.as_of.FromDatetime(saved.as_of)
        found.append(request)
    return found


def what_moved(connection: Connection, saved: SavedPlan) -> list[RejectedRecord]:
    """What keeps the plan from being applied as it was made; empty: nothing.

    Items of later batches may need those of earlier ones, which a dry run does not make: so only
    changes of what existed when the plan was made are asked about.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    found: list[RejectedRecord] = []
    for request in requests_of(saved, dry_run=True):
        answer = connection.call(connection.admin.Apply, request)
        for outcome in answer.outcomes:
            if outcome.status == pb.OUTCOME_STATUS_REJECTED and any(
                violation.reason == "CHANGED_SINCE" for violation in outcome.violations
            ):
                reasons = "; ".join(v.message for v in outcome.violations)
                name = f"{outcome.entity.kind} {outcome.entity.key}"
                found.append(RejectedRecord(name, reasons))
    return found
