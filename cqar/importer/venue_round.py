"""One round of one venue: read its answers, plan, apply.

`cqar import`, `cqar reconcile` and the reconciler call this and nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import msgspec
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin.connection import Connection
from cqar.importer.answer_dates import LISTINGS_SINCE
from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.apply import ApplyResult, apply_plan, entities_of, send_finding
from cqar.importer.ccxt_reading import read_with_ccxt
from cqar.importer.fetching import Asking, fetch_all
from cqar.importer.missing import MassChange
from cqar.importer.multipliers import Multiplier
from cqar.importer.newer_answers import OldAnswer, has_moved_on, require_newest
from cqar.importer.plan import Plan, make_plan, require_present
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import reader_of
from cqar.importer.recorded_sources import with_records_before
from cqar.importer.registry_products import Products
from cqar.importer.registry_state import load_state
from cqar.importer.saved_answers import DecodedAnswer, SavedResponse, UnusableAnswer, decode_file
from cqar.importer.stable_ids import CCXT_ID, CONTRACTS, MARKET_TYPES
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.venue import VENUE, Venue

#: A file that states an older time needs --at.
FRESH_FOR: Final = dt.timedelta(hours=1)
#: Another process may apply the same answers meanwhile: then the plan is made anew, so often.
PLANS_AGAIN_MAX: Final = 3
#: A greater difference between --at and the file's own time is noted.
SAME_DAY: Final = dt.timedelta(days=1)


class Answers(NamedTuple):
    """A venue's answers, however they came.

    Attributes:
        answers: Of the listing and of currencies.
        tickers: Of prices.
        taken_at: When they were taken, if that was stated.
        failed: What the venue did not answer beside the listing, for people.
    """

    answers: Iterable[DecodedAnswer]
    tickers: Iterable[DecodedAnswer] = ()
    taken_at: dt.datetime | None = None
    failed: Iterable[str] = ()


class RoundOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a round may do.

    Attributes:
        as_of: The instant of the answers; None: the present.
        now: The present; None: by the clock.
        multipliers: Venue code -> what it stands for.
        is_plan: Change nothing.
        verb: Of the reason that the registry notes: `import`, `reconciliation`.
    """

    as_of: dt.datetime | None = None
    now: dt.datetime | None = None
    multipliers: Mapping[str, Multiplier] = {}
    allow_mass_change: bool = False
    is_plan: bool = False
    verb: str = "import"


class VenueRound(NamedTuple):
    """What a round has read, planned and done.

    Attributes:
        revision: The registry's, for which the plan was made.
        applied: What the writer did; None: the round was only planned.
    """

    plan: Plan
    revision: int
    applied: ApplyResult | None


#: What a round reads: of the registered venue, at an instant.
Take = Callable[[Venue], Reading]
#: A progress bar for so many changes.
ShowsProgress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


def no_progress(_: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _: None)


def run_round(
    connection: Connection,
    venue_id: str,
    take: Take,
    options: RoundOptions,
    products: Products | None = None,
    also: Callable[[Plan], Iterable[Finding]] = lambda _: (),
    progress: ShowsProgress = no_progress,
    turn: AbstractContextManager[Any] | None = None,
) -> VenueRound:
    """Read a venue's answers, compare them with the registry, and apply what the policy applies.

    Args:
        take: Reads the answers; called once, before the registry is read.
        products: Those of earlier rounds; they are current afterwards, too. None: they are loaded.
        also: Findings beside the plan's own.
        turn: Held from when the answers were taken: `products` are one round's at a time.

    Raises:
        CallFailed: The writer refused or did not answer, or the venue is not registered.
        UnusableAnswer: The answers are not this venue's listing, or nothing can read them.
        MassChange: Too much is missing at once; that is stated as a finding.
        OutOfOrder: The answers are of the future.
    """
    now = options.now or dt.datetime.now(dt.UTC)
    at = options.as_of or now
    require_present(at, now)
    venue = venue_of(connection, venue_id)
    reading = take(venue)
    if options.as_of is None and reading.taken_at is not None:
        require_fresh(reading.taken_at, at)
    products = products if products is not None else Products()
    with turn or nullcontext():
        if options.as_of is None:
            require_newest(connection, venue_id, reading, at)
        return _settled(
            connection, venue, reading, at, options, products, also=also, progress=progress
        )


def _settled(
    connection: Connection,
    venue: Venue,
    reading: Reading,
    at: dt.datetime,
    options: RoundOptions,
    products: Products,
    *,
    also: Callable[[Plan], Iterable[Finding]],
    progress: ShowsProgress,
) -> VenueRound:
    """Plan, and apply the plan."""
    venue_id = venue.venue_id
    try:
        for again in range(PLANS_AGAIN_MAX + 1):
            plan, revision = _planned(connection, venue, reading, at, options, products)
            is_last = options.is_plan or again == PLANS_AGAIN_MAX
            if is_last or not has_moved_on(connection, [venue_id], revision):
                break
    except MassChange as error:
        if not options.is_plan:
            raise _stated(connection, error, venue_id, options.verb) from error
        raise
    if options.as_of is None:
        # What was applied since the last look is what the plan has seen, or what made it anew.
        require_newest(connection, venue_id, reading, at)
    plan.findings += also(plan)
    if options.is_plan:
        return VenueRound(plan, revision, None)
    reason = f"{options.verb} of {venue_id} as of {at.isoformat()}"
    with progress(len(entities_of(plan)) + len(plan.past)) as advance:
        applied = apply_plan(connection, plan, reason, revision, options.as_of, advance)
    if not (applied.rejected or plan.past):
        products.take(plan.changes, revision, applied.revision, applied.commits)
    return VenueRound(plan, revision, applied)


def _planned(
    connection: Connection,
    venue: Venue,
    reading: Reading,
    at: dt.datetime,
    options: RoundOptions,
    products: Products,
) -> tuple[Plan, int]:
    """The plan, and the registry's revision for which it was made."""
    names = [
        spelling
        for market in reading.markets
        for spelling in (market.spelling, *(alias.spelling for alias in market.aliases))
    ]
    # A venue that was never imported has no archived listings.
    archivable = names if LISTINGS_SINCE in (venue.metadata or {}) else []
    priced_at = reading.priced_at(at)
    state = load_state(connection, venue, at, options.as_of, archivable, priced_at, products)
    # Another import may have noted something in it since it was read.
    venue = state.get(VENUE.name, venue.venue_id) or venue
    allowed = options.allow_mass_change
    plan = make_plan(
        state, venue, reading, at, dict(options.multipliers), allow_mass_change=allowed
    )
    plan.findings = with_records_before(connection, plan.findings)
    taken_at = reading.taken_at
    if taken_at is not None and abs(at - taken_at) > SAME_DAY:
        plan.notes.append(f"the file states that it was taken at {taken_at:%Y-%m-%d %H:%M} UTC")
    plan.notes += [f"{name}: no request reads this file" for name in reading.unused]
    plan.notes += reading.refused
    plan.notes += [
        f"{count} {kind} markets: not of {venue.venue_id}"
        for kind, count in reading.other_types.items()
    ]
    return plan, state.revision


def _stated(connection: Connection, error: MassChange, venue_id: str, verb: str) -> MassChange:
    """A refused round, stated as a finding, so that a person can decide it."""
    finding = error.finding
    send_finding(connection, finding, f"{verb} of {venue_id}, refused")
    text = f"{error}, or: cqar findings approve {finding.finding_id}, and import it again"
    return MassChange(text, finding)


def venue_of(connection: Connection, venue_id: str) -> Venue:
    """The registered venue.

    Raises:
        CallFailed: It is not registered, or the writer did not answer.
    """
    request = pb.GetVenueRequest(venue_id=venue_id)
    answer = connection.call(connection.registry.GetVenue, request)
    return entity_codec.from_message(VENUE, answer.venue)


def require_fresh(taken_at: dt.datetime, now: dt.datetime) -> None:
    """Refuse to take an old answer as the present.

    Raises:
        OldAnswer: It is.
    """
    if now - taken_at > FRESH_FOR:
        taken = f"{taken_at:%Y-%m-%dT%H:%M:%SZ}"
        raise OldAnswer(f"the file was taken at {taken}: give --at {taken}")


# ---------------------------------------------------------------- where answers are from


def from_answers(line: ProductLine, given: Answers) -> Reading:
    """What a venue's answers say, by our reader.

    Raises:
        UnusableAnswer: The answers are not this venue's listing.
    """
    reading = read_answers(line, given.answers, given.tickers, given.taken_at)
    reading.refused += given.failed
    return reading


def live_reading(line: ProductLine, asking: Asking) -> Reading:
    """What a venue says now.

    Raises:
        UnusableAnswer: The venue does not answer with its listing.
    """
    live = fetch_all(line, asking)
    now = dt.datetime.now(dt.UTC)
    return from_answers(line, Answers(live.answers, live.tickers, now, live.failed))


def saved_reading(
    venue: Venue,
    files: Iterable[SavedResponse],
    prices: Iterable[SavedResponse],
    as_of: dt.datetime | None,
) -> Reading:
    """What saved answers of a venue say: by our reader, or else by ccxt.

    Raises:
        UnusableAnswer: They are not this venue's listing, or nothing can read it.
    """
    line = reader_of(venue.venue_id, venue.metadata)
    if line is not None:
        answers, tickers = map(decode_file, files), map(decode_file, prices)
        return from_answers(line, Answers(answers, tickers, as_of))
    if list(prices):
        raise UnusableAnswer(f"{venue.venue_id} has no reader: nothing reads its prices")
    return ccxt_reading(venue, list(files))


def ccxt_reading(venue: Venue, files: list[SavedResponse] | None) -> Reading:
    """What ccxt makes of a venue without a reader, unreviewed.

    Args:
        files: The saved answers; None: ccxt asks the venue.

    Raises:
        UnusableAnswer: ccxt does not know it, or it does not answer.
    """
    metadata: Mapping[str, Any] = venue.metadata or {}
    if CCXT_ID not in metadata:
        raise UnusableAnswer(
            f"{venue.venue_id} has no reader and no {CCXT_ID} in its metadata. If ccxt reads the"
            f" venue, set it: cqar venue set {venue.venue_id} --metadata"
            """ '{"ccxt_id": "…", "market_types": ["spot"]}'"""
        )
    types = metadata.get(MARKET_TYPES) or ["spot", "swap", "future", "option"]
    ccxt_id, contracts = str(metadata[CCXT_ID]), metadata.get(CONTRACTS)
    return read_with_ccxt(venue.venue_id, ccxt_id, types, files, contracts)
