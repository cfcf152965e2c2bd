"""A warning about an asset, until it is resolved. A CRITICAL one stops trading."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Any

import msgspec
from cqc.assets.v1 import quality_flag_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is
from cqar_shared.errors import FieldViolation


class FlagType(enum.IntEnum):
    SCAM = 1
    RUGPULL = 2
    EXPLOITED = 3
    DEPRECATED = 4
    PAUSED = 5
    UNVERIFIED = 6
    LOW_LIQUIDITY = 7
    HONEYPOT = 8
    TAX_TOKEN = 9


class FlagSeverity(enum.IntEnum):
    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class QualityFlag(Entity, frozen=True, kw_only=True):
    """A flag.

    Attributes:
        source: Who raised it.
        reason: Why.
    """

    flag_id: str = ""
    asset_id: str = ""
    flag_type: FlagType | None = None
    severity: FlagSeverity | None = None
    source: str = ""
    reason: str = ""
    evidence_url: str | None = None
    raised_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    resolved_by: str | None = None
    resolution_notes: str | None = None
    metadata: dict[str, Any] | None = None


def complete(before: QualityFlag | None, given: QualityFlag, registry: RegistryView) -> QualityFlag:
    raised_at = (
        before.raised_at if before else (registry.historical and given.raised_at) or registry.now
    )
    resolved_at = given.resolved_at or (registry.now if given.resolved_by else None)
    if before is None or before.resolved_at is None:
        resolved_at = rules.not_after(registry.now, resolved_at)
    return msgspec.structs.replace(given, raised_at=raised_at, resolved_at=resolved_at)


def check_flag(
    before: QualityFlag | None, after: QualityFlag, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("flag_id", after.flag_id)
    yield from rules.check_required(after, "asset_id", "flag_type", "severity", "source", "reason")
    yield from rules.check_length(
        after,
        source=rules.NAME_CHARS_MAX,
        reason=rules.TEXT_CHARS_MAX,
        resolved_by=rules.NAME_CHARS_MAX,
        resolution_notes=rules.TEXT_CHARS_MAX,
    )
    yield from rules.check_url(after, "evidence_url")
    # Only its resolution may change, so that nobody who saw the flag misses a change.
    yield from rules.check_immutable(
        before,
        after,
        "resolve it and raise another",
        *("asset_id", "flag_type", "severity", "source", "reason", "evidence_url", "metadata"),
    )
    # With a resolution in the future, the flag would stop no trade until then.
    yield from rules.check_past(after, registry.now, "resolved_at", "raised_at")
    if after.resolved_at and after.raised_at and after.resolved_at < after.raised_at:
        yield FieldViolation("resolved_at", "BEFORE_RAISED", "is before it was raised")
    if after.resolved_at is not None:
        for field in ("resolved_by", "resolution_notes"):
            if rules.is_blank(getattr(after, field) or ""):
                yield FieldViolation(field, "REQUIRED", "say who resolves it, and why")
    if before is not None and before.resolved_at is not None and after != before:
        yield FieldViolation("resolved_at", "FINAL", "was resolved already: raise another")


def check_removal(flag: QualityFlag, _: RegistryView) -> Iterator[FieldViolation]:
    if blocks(flag):
        message = "it stops trading: resolve it first, which says who does, and why"
        yield FieldViolation("flag_id", "IN_FORCE", message)


def event_of(before: QualityFlag | None, after: QualityFlag | None) -> str | None:
    if after is None:
        return "quality_flag_removed"
    return "quality_flag_raised" if before is None else "quality_flag_resolved"


def blocks(flag: QualityFlag) -> bool:
    """Whether the flag stops trading of its asset."""
    return flag.severity is FlagSeverity.CRITICAL and flag.resolved_at is None


QUALITY_FLAG = Kind(
    name="quality_flag",
    entity=QualityFlag,
    message=quality_flag_pb2.AssetQualityFlag,
    key=("flag_id",),
    table="quality_flags",
    check=check_flag,
    check_relinked=checked_as_it_is(check_flag),
    complete=complete,
    referents={"asset_id": "asset"},
    lookups={"asset": by("asset_id")},
    event=event_of,
    check_removal=check_removal,
)
