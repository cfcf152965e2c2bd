"""What of a change of the registry is worth telling. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

#: Kinds whose changes are read.
KINDS: Final = ("finding", "venue_symbol")
TEXT_CHARS_MAX: Final = 500


class NoticeEvent(enum.StrEnum):
    """What is told; the names are stable."""

    #: A finding waits for people; one that the policy applies does not.
    FINDING_OPENED = "FINDING_OPENED"
    FINDING_HELD = "FINDING_HELD"
    FINDING_DECIDED = "FINDING_DECIDED"
    LISTED = "LISTED"
    #: Its end is over, or to come.
    DELISTED = "DELISTED"
    END_ANNOUNCED = "END_ANNOUNCED"
    #: It was entered by mistake, and is no listing.
    VOIDED = "VOIDED"
    #: From ONLINE to a status that takes less, and back.
    HALTED = "HALTED"
    RESUMED = "RESUMED"
    TICK_CHANGED = "TICK_CHANGED"
    #: A listing has a doubt that denies opening, or lost its last one.
    DOUBTED = "DOUBTED"
    DOUBTS_LIFTED = "DOUBTS_LIFTED"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        event_id: The same for the same thing, however often it is told.
        subject: What people call it: VENUE/SPELLING, or a finding's summary.
        text: One line for people.
        details: What it was and is, by field.
    """

    event_id: str
    event: NoticeEvent
    epoch: int
    revision: int
    committed_at: str
    venue_id: str | None
    subject: str
    actor: str
    reason: str
    text: str
    details: dict[str, Any]


_Found = Iterator[tuple[NoticeEvent, str, dict[str, Any]]]
_S: Final = venue_symbol_pb2.MarketStatus
_ONLINE: Final = _S.MARKET_STATUS_ONLINE
_F: Final = finding_pb2.FindingState
_DECIDED: Final = frozenset((_F.FINDING_STATE_APPROVED, _F.FINDING_STATE_REJECTED))
_TICKS: Final = ("tick_size", "tick_bands", "price_significant_digits")


def notices_of(change: pb.LoggedChange) -> Iterator[Notice]:
    """What of a change of the log is to be told."""
    entry = change.entry
    find = _FINDERS.get(change.entity.kind)
    label = change.label or change.entity.key
    subject = f"{change.venue_id}/{label}" if change.venue_id else label
    for event, text, details in find(entry) if find is not None else ():
        yield Notice(
            event_id=f"{entry.epoch}:{entry.revision}:{change.entity.key}:{event}",
            event=event,
            epoch=entry.epoch,
            revision=entry.revision,
            committed_at=entry.committed_at.ToJsonString(),
            venue_id=change.venue_id or None,
            subject=subject,
            actor=entry.actor,
            reason=entry.reason,
            text=f"{subject}: {text}"[:TEXT_CHARS_MAX],
            details={"kind": change.entity.kind, "key": change.entity.key, **details},
        )


def _of_finding(entry: pb.HistoryEntry) -> _Found:
    if not entry.after:
        return
    after = finding_pb2.Finding.FromString(entry.after)
    before = finding_pb2.Finding.FromString(entry.before) if entry.before else None
    was = before.state if before is not None else _F.FINDING_STATE_UNSPECIFIED
    if after.state == was:
        return
    details = {"finding_id": after.finding_id, "finding": after.kind, "summary": after.summary}
    if after.state == _F.FINDING_STATE_OPEN:
        yield NoticeEvent.FINDING_OPENED, f"{after.kind} waits: {after.summary}", details
    elif after.state == _F.FINDING_STATE_HELD:
        yield NoticeEvent.FINDING_HELD, f"{after.kind} is put off", details
    elif after.state in _DECIDED:
        name = _F.Name(after.state).removeprefix("FINDING_STATE_")
        yield NoticeEvent.FINDING_DECIDED, f"{after.kind} is {name}", {**details, "state": name}


def _of_listing(entry: pb.HistoryEntry) -> _Found:
    if not entry.after:
        before = venue_symbol_pb2.VenueSymbol.FromString(entry.before)
        if entry.before and not before.alias_of:
            yield NoticeEvent.VOIDED, "is void: it never was listed", {"status": _status(before)}
        return
    after = venue_symbol_pb2.VenueSymbol.FromString(entry.after)
    if after.alias_of:
        return
    if not entry.before:
        yield NoticeEvent.LISTED, "is listed", {"status": _status(after)}
        return
    before = venue_symbol_pb2.VenueSymbol.FromString(entry.before)
    yield from _end_notices(entry, before, after)
    yield from _status_notices(before, after)
    yield from _tick_notices(before, after)
    yield from _doubt_notices(before, after)


def _end_notices(
    entry: pb.HistoryEntry,
    before: venue_symbol_pb2.VenueSymbol,
    after: venue_symbol_pb2.VenueSymbol,
) -> _Found:
    if not after.HasField("delisted_at") or before.delisted_at == after.delisted_at:
        return
    at = after.delisted_at.ToJsonString()
    is_to_come = after.delisted_at.ToNanoseconds() > entry.committed_at.ToNanoseconds()
    if is_to_come:
        yield NoticeEvent.END_ANNOUNCED, f"ends at {at}", {"delisted_at": at}
    else:
        yield NoticeEvent.DELISTED, f"has ended at {at}", {"delisted_at": at}


def _status_notices(
    before: venue_symbol_pb2.VenueSymbol, after: venue_symbol_pb2.VenueSymbol
) -> _Found:
    was, now = _status(before), _status(after)
    details = {"before": was, "after": now}
    if before.status == _ONLINE != after.status:
        yield NoticeEvent.HALTED, f"status {was} → {now}", details
    elif before.status != _ONLINE == after.status:
        yield NoticeEvent.RESUMED, f"status {was} → {now}", details


def _tick_notices(
    before: venue_symbol_pb2.VenueSymbol, after: venue_symbol_pb2.VenueSymbol
) -> _Found:
    was, now = _ticks(before), _ticks(after)
    if was != now:
        text = f"tick {_tick_text(was)} → {_tick_text(now)}"
        yield NoticeEvent.TICK_CHANGED, text, {"before": was, "after": now}


def _doubt_notices(
    before: venue_symbol_pb2.VenueSymbol, after: venue_symbol_pb2.VenueSymbol
) -> _Found:
    was, now = list(before.doubts), list(after.doubts)
    details = {"before": was, "after": now}
    if new := [doubt for doubt in now if doubt not in was]:
        yield NoticeEvent.DOUBTED, f"opening is denied: {', '.join(new)}", details
    elif was and not now:
        yield NoticeEvent.DOUBTS_LIFTED, "is in doubt no more", details


def _status(listing: venue_symbol_pb2.VenueSymbol) -> str:
    known = listing.status in _S.values()
    return _S.Name(listing.status).removeprefix("MARKET_STATUS_") if known else str(listing.status)


def _ticks(listing: venue_symbol_pb2.VenueSymbol) -> dict[str, Any]:
    """The terms that say on which step prices are, as text."""
    bands = [{"from_price": b.from_price, "tick_size": b.tick_size} for b in listing.tick_bands]
    values = (listing.exact.tick_size, bands, listing.price_significant_digits)
    return {name: value for name, value in zip(_TICKS, values, strict=True) if value}


def _tick_text(ticks: Mapping[str, Any]) -> str:
    if "tick_size" in ticks:
        return str(ticks["tick_size"])
    if "tick_bands" in ticks:
        return f"{len(ticks['tick_bands'])} bands"
    digits = ticks.get("price_significant_digits")
    return f"{digits} digits" if digits else "none"


_FINDERS: Final[Mapping[str, Callable[[pb.HistoryEntry], _Found]]] = {
    "finding": _of_finding,
    "venue_symbol": _of_listing,
}
