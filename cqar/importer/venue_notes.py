"""What a venue's metadata says of its imports: how far they go, and who read them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from cqar.importer.answer_dates import LISTINGS_SINCE, AnswerDates
from cqar.importer.listing_proposals import READER, upsert
from cqar.importer.market import Market
from cqar.importer.provenance import TERMS
from cqar.importer.registry_state import RegistryState
from cqar.importer.terms import STATED_TERMS, names_stated
from cqar_shared.domain import rules
from cqar_shared.domain.evaluation import Batch
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_facts import (
    ANSWERS_MAX,
    READER_CHARS_MAX,
    VenueAnswer,
    VenueFacts,
)

if TYPE_CHECKING:
    from cqar.importer.plan import Plan

#: In a venue's metadata: the terms that the newest listing stated of at least one market.
STATED: Final = "terms_stated"
#: A newer listing that changes nothing is noted, too, once a day.
RECORDED_EVERY: Final = dt.timedelta(days=1)


def stated_terms(venue: Venue, markets: Iterable[Market]) -> tuple[frozenset[str], list[str]]:
    """The terms that are the venue's to say: those that it states now or stated before.

    One that it no longer states of any market is not known any more; the plan says so.

    Returns:
        All of them, and those that it states of no market any more.
    """
    now = names_stated(markets)
    noted = venue.metadata or {}
    # An import of before readers noted nothing, and wrote what ccxt told.
    unnoted = TERMS if LISTINGS_SINCE in noted else ()
    recorded = noted.get(STATED)
    before = frozenset(recorded if isinstance(recorded, list) else unnoted)
    before &= frozenset(STATED_TERMS)
    return now | before, sorted(before - now)


def facts_of(
    venue: Venue, types: set[SymbolTypeCode], dates: AnswerDates, plan: Plan, *, is_dated: bool
) -> VenueFacts | None:
    """How current what the registry says of the venue is after a plan.

    None where the answers do not hold everything, are older than others that are known, or were
    planned before.

    Args:
        is_dated: The answers' instant was stated by who imports them, and not by the answers.
    """
    reading, at = plan.reading, plan.at
    is_known = all(dates.as_of.get(kind) == at for kind in types)
    if reading.incomplete or plan.changes_at is not None or is_known:
        return None
    stated = [] if is_dated else [s.taken_at for s in reading.sources if s.taken_at is not None]
    return VenueFacts(
        venue_id=venue.venue_id,
        as_of=min([at, *stated]),
        read_at=at,
        reader=reading.reader[:READER_CHARS_MAX],
        answers=tuple(
            VenueAnswer(
                request=source.request[: rules.REQUEST_CHARS_MAX],
                sha256=source.sha256,
                # A venue's clock may be ahead, or its file newer than whoever imports it says.
                taken_at=min(source.taken_at, at) if source.taken_at is not None else None,
            )
            for source in reading.sources[:ANSWERS_MAX]
        ),
        markets=len(reading.markets),
        unsupported=len(reading.unsupported),
        unreadable=len(reading.unreadable),
    )


def record_in_venue(
    state: RegistryState,
    venue: Venue,
    types: set[SymbolTypeCode],
    dates: AnswerDates,
    plan: Plan,
) -> None:
    """Say in the venue's metadata how far its listing is known, and who read it.

    It is applied last: an import that was interrupted is then done again as it was begun.
    """
    noted = venue.metadata or {}
    recorded = noted.get(READER)
    readers = dict(recorded) if isinstance(recorded, dict) else {}
    if plan.changes_at is None:
        readers |= {kind.name: plan.reading.reader for kind in types}
    stated = sorted(names_stated(plan.reading.markets) | {*noted.get(STATED, ())})
    is_later = any(plan.at - dates.as_of[kind] >= RECORDED_EVERY for kind in types & {*dates.as_of})
    is_read_otherwise = readers != recorded or stated != noted.get(STATED)
    is_news = plan.changes or plan.past or plan.findings or plan.superseded
    if not (is_news or types - {*dates.since} or is_later or is_read_otherwise):
        return
    dates.note(types, plan.at, is_dated=state.as_of is not None)
    metadata = {**noted, READER: readers, STATED: stated, **dates.metadata()}
    after = msgspec.structs.replace(venue, metadata=metadata)
    last = plan.changes if plan.changes_at is None else plan.past
    last += [o for o in Batch([upsert(VENUE, after)]).judge(state) if o.changes]
