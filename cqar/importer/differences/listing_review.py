"""What becomes of the differences of one listing that the answers name readably. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from cqar.importer.differences.bounds import joined_bounds
from cqar.importer.differences.decisions import Decisions, with_doubts
from cqar.importer.differences.term_classes import STATED_FIELDS, as_announced, classify
from cqar.importer.listing_proposals import ENDS_BY
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.symbol import IDENTITY, Symbol
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, VenueSymbol, terms_now

#: What makes a contract, beside what it is of and valued in: that is a question of identity.
_CONTRACT: Final = (
    "contract_kind",
    *(name for name in IDENTITY if name not in ("base_asset_id", "quote_asset_id")),
)


def reviewed(
    decisions: Decisions, before: VenueSymbol, given: VenueSymbol, symbol: Symbol, now: dt.datetime
) -> VenueSymbol | None:
    """A known listing as the policy takes it; None if all of it stays, unlike what is stated.

    Args:
        given: As the answers want it.
        symbol: What it means.
    """
    was = as_announced(before, given, now)

    def finding_of(kind: FindingKind, names: list[str]) -> Finding:
        proposed: dict[str, Any] = {}
        if kind is FindingKind.MULTIPLIER:
            base = symbol.base_asset_id
            proposed = {"asset_id": base, "proposed_asset_id": base, "units": given.unit_multiplier}
        return decisions.maker.of_terms(kind, was, given, names, **proposed)

    fields = classify(was, given)
    left = {kind for kind, names in fields.items() if not decisions.takes(finding_of(kind, names))}
    if left:
        fields = joined_bounds(fields, left, was, given)
    doubts: set[str] = set()
    stay: list[str] = []
    for kind, names in fields.items():
        is_taken, doubt = decisions.decide(finding_of(kind, names), given)
        if not is_taken:
            stay += names
            doubts |= {doubt} if doubt else set()
    settled = _staying(was, given, stay)
    decisions.open.note_terms(settled)
    after = with_doubts(settled, doubts, decisions.open.lifted(given.listing_id))
    return after if after != before or not stay else None


def _staying(was: VenueSymbol, given: VenueSymbol, fields: list[str]) -> VenueSymbol:
    """The proposal with old values in some fields, and with the note of an end that stays."""
    changes = {field: getattr(was, field) for field in fields}
    if "delisted_at" in fields:
        metadata = {k: v for k, v in (given.metadata or {}).items() if k != ENDS_BY}
        noted = (was.metadata or {}).get(ENDS_BY)
        changes["metadata"] = {**metadata, **({ENDS_BY: noted} if noted else {})} or None
    return msgspec.structs.replace(given, **changes)


def reviewed_new(
    decisions: Decisions, given: VenueSymbol, symbol: Symbol | None, now: dt.datetime
) -> VenueSymbol:
    """A listing that is new: stored in any case, with what is announced as the policy takes it."""
    if given.status is MarketStatusCode.DELISTED:
        return given
    nothing = msgspec.structs.replace(given, delisted_at=None, scheduled=None)
    expiry = symbol.expiry if symbol is not None else None
    doubts: set[str] = set()
    after = given
    listed = decisions.maker.of_values(
        FindingKind.LISTED, given, [("venue_symbol", None, given.venue_symbol)]
    )
    found = [(listed, "")]
    for kind, field in (
        (FindingKind.END_ANNOUNCED, "delisted_at"),
        (FindingKind.SCHEDULED, "scheduled"),
    ):
        value = getattr(given, field)
        is_to_come = value > now and value != expiry if isinstance(value, dt.datetime) else value
        if is_to_come:
            found.append((decisions.maker.of_terms(kind, nothing, given, [field]), field))
    for finding, field in found:
        is_taken, doubt = decisions.decide(finding, given)
        doubts |= {doubt} if doubt else set()
        if not is_taken and field:
            after = _staying(nothing, after, [field])
    return with_doubts(after, doubts)


def reviewed_end(
    decisions: Decisions, before: VenueSymbol, given: VenueSymbol, symbol: Symbol | None
) -> VenueSymbol | None:
    """A listing that the venue says is over; None if it stays as it is. An expiry is no news."""
    if symbol is not None and symbol.expiry == given.delisted_at:
        return given
    pairs = [
        ("status", before.status, MarketStatusCode.DELISTED),
        ("delisted_at", before.delisted_at, given.delisted_at),
    ]
    finding = decisions.maker.of_values(FindingKind.STATUS, given, pairs)
    is_taken, doubt = decisions.decide(finding, given)
    if is_taken:
        return given
    after = with_doubts(before, {doubt} if doubt else set())
    return after if after != before else None


def reviewed_contract(
    decisions: Decisions,
    before: VenueSymbol,
    given: VenueSymbol,
    symbols: tuple[Symbol | None, Symbol | None],
    now: dt.datetime,
) -> VenueSymbol | None:
    """A listing whose record is of another contract on the same coin: nothing of it is taken.

    Args:
        symbols: What the listing means, and what the record would mean.
    """
    old, new = symbols
    if old is None or new is None:
        return given
    if (old.base_asset_id, old.quote_asset_id) != (new.base_asset_id, new.quote_asset_id):
        return given
    pairs = [
        (f"symbol.{name}", getattr(old, name), getattr(new, name))
        for name in _CONTRACT
        if getattr(old, name) != getattr(new, name)
    ]
    finding = decisions.maker.of_values(FindingKind.CONTRACT_KIND, given, pairs)
    is_taken, doubt = decisions.decide(finding, given)
    if is_taken:
        return given
    was = terms_now(before, now)
    stays = {"symbol_id": before.symbol_id, "metadata": before.metadata}
    stays |= {name: getattr(was, name) for name in STATED_FIELDS}
    lifted = decisions.open.lifted(given.listing_id)
    after = msgspec.structs.replace(given, **stays)
    after = with_doubts(after, {doubt} if doubt else set(), lifted)
    return after if after != before else None
