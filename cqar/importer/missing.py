"""What a venue no longer names, or names in a row that cannot be read. Pure.

Nothing is taken away for that. What is not named gets the doubt SOURCE_MISSING, and ends where it
was first missed when it is missing again ten minutes later. What cannot be read gets
SOURCE_UNREADABLE. A doubt denies opening until the listing is read again. A contract whose expiry
has passed ends at its expiry.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist, is_open

SOURCE_MISSING: Final = "SOURCE_MISSING"
SOURCE_UNREADABLE: Final = "SOURCE_UNREADABLE"
#: In a listing's metadata: since when it is missing.
MISSING_SINCE: Final = "missing_since"
#: Beside it: when it was named last.
NAMED_AT: Final = "named_at"
#: A listing is gone when it is missing a second time so much later.
GONE_AFTER: Final = dt.timedelta(minutes=10)
#: More of a type than this share, and more than one, looks like a cut-off file.
SHARE_MAX: Final = 1 / 5


class MassChange(Exception):
    """The answers lack so much of what is registered that they look cut off.

    Attributes:
        finding: What a person may decide instead of allowing it by a flag.
    """

    def __init__(self, message: str, finding: Finding) -> None:
        super().__init__(message)
        self.finding = finding


class Missing(NamedTuple):
    """What becomes of listings that the answers do not name, or not readably.

    Attributes:
        ended: Gone: aliases first.
        doubted: Kept, and not to be opened.
        notes: Lines for the plan.
        unreadable: Listing -> why its record cannot be read.
        absent: Listing that the answers lack -> since when; an alias goes with its primary.
        mass: Type -> listings that the answers lack, where that is too much at once.
        covered: Type -> number of open listings that the answers would hold.
    """

    ended: list[VenueSymbol]
    doubted: list[VenueSymbol]
    notes: list[str]
    unreadable: dict[str, str]
    absent: dict[str, dt.datetime]
    mass: dict[str, list[VenueSymbol]]
    covered: Counter[str]


def without_source_doubts(doubts: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The doubts that reading a listing does not settle."""
    left = tuple(d for d in doubts or () if d not in (SOURCE_MISSING, SOURCE_UNREADABLE))
    return left or None


def find_missing(
    state: RegistryState,
    venue_id: str,
    reading: Reading,
    named: set[str],
    last_seen: Mapping[SymbolTypeCode, dt.datetime],
) -> Missing:
    """Judge the open listings that the answers cover and do not name readably.

    Args:
        named: All spellings that readable records name.
        last_seen: Type -> when the venue's listing of the type was read before.
    """
    unreadable = {row.name: row.reason for row in reading.unreadable}
    nameless = sum(name.startswith("#") for name in unreadable)
    found = Missing([], [], [], {}, {}, {}, Counter())
    absent: list[tuple[SymbolTypeCode, VenueSymbol]] = []
    covered: Counter[SymbolTypeCode] = Counter()
    for listing in state.all(VENUE_SYMBOL):
        if listing.venue_id != venue_id or not is_open(listing, state.now):
            continue
        symbol = state.get(SYMBOL.name, listing.symbol_id)
        if symbol is None or listing.venue_symbol in named:
            covered.update([symbol.symbol_type] if symbol and not listing.alias_of else [])
            continue
        if listing.venue_symbol in unreadable:
            # It is named: what is missing beside it is missing from all that there is.
            covered.update([] if listing.alias_of else [symbol.symbol_type])
            found.doubted.append(_with_doubt(listing, SOURCE_UNREADABLE))
            found.unreadable[listing.listing_id] = unreadable[listing.venue_symbol]
        elif symbol.expiry is not None and symbol.expiry <= state.now:
            found.ended.append(delist(listing, symbol.expiry))
        elif reading.covers(listing.alias_of or listing.venue_symbol, symbol.symbol_type):
            if _is_seen_later(listing, state):
                continue
            covered.update([] if listing.alias_of else [symbol.symbol_type])
            absent.append((symbol.symbol_type, listing))
    _note_mass(found, covered, absent)
    _judge_gone(found, absent, state.now, last_seen, is_certain=not nameless)
    found.ended.sort(key=lambda listing: not listing.alias_of)
    return found


def _judge_gone(
    found: Missing,
    missing: list[tuple[SymbolTypeCode, VenueSymbol]],
    now: dt.datetime,
    last_seen: Mapping[SymbolTypeCode, dt.datetime],
    *,
    is_certain: bool,
) -> None:
    """End what is missing for the second time; doubt what is missing for the first time."""
    if missing and not is_certain:
        found.notes.append(
            f"records without a name may be any of {len(missing)} missing listings: none is ended"
        )
    ends: dict[str, dt.datetime] = {}
    for kind, listing in missing:
        since = noted(listing, MISSING_SINCE)
        found.absent[listing.listing_id] = since or now
        if is_certain and since is not None and since + GONE_AFTER <= now:
            ends[listing.venue_symbol] = since
            found.ended.append(delist(listing, since))
        elif not listing.alias_of and SOURCE_MISSING not in (listing.doubts or ()):
            named_at = last_seen.get(kind) or listing.first_seen_at
            # A doubt that a person lifted is of the same absence.
            named_at = noted(listing, NAMED_AT) or named_at if since else named_at
            found.doubted.append(gone(listing, since or now, named_at, is_over=False))
    found.ended.extend(
        delist(listing, ends[listing.alias_of])
        for _, listing in missing
        if listing.alias_of in ends
    )


def gone(
    listing: VenueSymbol, since: dt.datetime, named_at: dt.datetime | None, *, is_over: bool
) -> VenueSymbol:
    """The listing as missing since an instant: ended then, or doubted for it."""
    notes = {MISSING_SINCE: since.isoformat()}
    if named_at is not None:
        notes[NAMED_AT] = named_at.isoformat()
    if not listing.alias_of:
        metadata = {**(listing.metadata or {}), **notes}
        doubted = _with_doubt(listing, SOURCE_MISSING)
        listing = msgspec.structs.replace(doubted, metadata=metadata)
    return delist(listing, since) if is_over else listing


def noted(listing: VenueSymbol, name: str) -> dt.datetime | None:
    """An instant in the listing's metadata."""
    text = (listing.metadata or {}).get(name)
    return dt.datetime.fromisoformat(text) if isinstance(text, str) else None


def _with_doubt(listing: VenueSymbol, doubt: str) -> VenueSymbol:
    doubts = listing.doubts or ()
    if listing.alias_of or doubt in doubts:
        return listing
    return msgspec.structs.replace(listing, doubts=(*doubts, doubt))


def _is_seen_later(listing: VenueSymbol, state: RegistryState) -> bool:
    return listing.first_seen_at is not None and listing.first_seen_at > state.now


def _note_mass(
    found: Missing,
    covered: Counter[SymbolTypeCode],
    absent: list[tuple[SymbolTypeCode, VenueSymbol]],
) -> None:
    """Counted by type, and without aliases, which come and go with what they stand for."""
    found.covered.update({kind.name: count for kind, count in covered.items()})
    missing: dict[SymbolTypeCode, list[VenueSymbol]] = defaultdict(list)
    for kind, listing in absent:
        if not listing.alias_of:
            missing[kind].append(listing)
    for kind, listings in missing.items():
        if len(listings) > 1 and len(listings) > covered[kind] * SHARE_MAX:
            found.mass[kind.name] = listings
