"""What an import would change, judged by the very rules that the writer will apply. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from cqar.importer.answer_dates import AnswerDates
from cqar.importer.answer_reader import Reading
from cqar.importer.apply import RejectedRecord
from cqar.importer.backfill import PastProposals
from cqar.importer.code_descriptions import CodeDescriptions
from cqar.importer.differences.review import DifferenceReview
from cqar.importer.evidence import source_of
from cqar.importer.identity import AssetIdentity, CodeBinding, looks_multiplied
from cqar.importer.listing_proposals import Proposals, open_listing, upsert
from cqar.importer.market import Code, Market
from cqar.importer.missing import Missing, find_missing
from cqar.importer.multipliers import Multiplier, note_multipliers, stated_multipliers
from cqar.importer.plan_judgement import is_stated_again, judge, judge_behind
from cqar.importer.price_rows import price_outcomes
from cqar.importer.registry_state import RegistryState, holder_of
from cqar.importer.venue_notes import facts_of, record_in_venue, stated_terms
from cqar_shared.domain import entity_diff
from cqar_shared.domain.evaluation import Item, Outcome, Result
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import Venue
from cqar_shared.domain.kinds.venue_facts import VenueFacts
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    is_open,
)
from cqar_shared.domain.rules import CLOCKS_APART


class OutOfOrder(Exception):
    """The listing is of the future."""


class Plan:
    """An import's changes, in the order in which they are to be applied.

    Attributes:
        state: The registry as it will be.
        reading: What the venue's answers say.
        changes: Outcomes that change something, by the order of kinds.
        changes_at: The instant as of which they are, where newer answers are known: the newest's.
        facts: How current what is said of the venue is then; None: no more than it was.
        past: Of an older answer, what it says of its time, to be stored behind `changes`.
        unchanged: Listings that are already as the venue says.
        stated_again: How many of these are in `changes`, to note when they were stated.
        rejected: Markets that are not imported, and why.
        bindings: Codes that are bound to assets of the registry now, and by what evidence.
        multiples: Codes that look like a multiple of a coin, which nobody has stated.
        vanished: Terms that the venue stated before and states of no market any more.
        notes: Lines for people.
        findings: What is found anew, with its action and the policy's rule.
        superseded: What was found before and is not so any more, as the writer takes it.
    """

    def __init__(self, venue_id: str, state: RegistryState, reading: Reading) -> None:
        self.venue_id = venue_id
        self.at = state.now
        self.state = state
        self.reading = reading
        self.bindings: list[CodeBinding] = []
        self.findings: list[Finding] = []
        self.changes: list[Outcome] = []
        self.changes_at: dt.datetime | None = None
        self.facts: VenueFacts | None = None
        self.past: list[Outcome] = []
        self.unchanged = 0
        self.stated_again = 0
        self.rejected: list[RejectedRecord] = []
        self.multiples: list[str] = []
        self.vanished: list[str] = []
        self.notes: list[str] = []
        self.superseded: list[Finding] = []

    def note_findings(self, review: DifferenceReview) -> None:
        """Take what a review found, but for what is about listings that cannot be stored."""
        stored = {o.key for o in self.listed}
        self.findings += [
            finding
            for finding in review.findings
            if finding.listing_id in stored
            or finding.listing_id is None
            or self.state.get(VENUE_SYMBOL.name, finding.listing_id) is not None
        ]
        self.superseded += review.superseded()
        if review.kept:
            self.notes.append(
                f"{review.kept} findings of before are undecided still: what they are about stands"
            )

    def of(self, kind: AnyKind, *results: Result) -> list[Outcome]:
        return [o for o in self.changes if o.kind is kind and o.result in results]

    @property
    def listed(self) -> list[Outcome]:
        return self.of(VENUE_SYMBOL, Result.CREATED)

    @property
    def changed(self) -> list[Outcome]:
        updated = self.of(VENUE_SYMBOL, Result.UPDATED)
        return [o for o in updated if not _ends(o) and not is_stated_again(o)]

    @property
    def delisted(self) -> list[Outcome]:
        return [o for o in self.of(VENUE_SYMBOL, Result.UPDATED) if _ends(o)]

    @property
    def new_assets(self) -> list[Outcome]:
        return self.of(ASSET, Result.CREATED)

    @property
    def new_symbols(self) -> list[Outcome]:
        return self.of(SYMBOL, Result.CREATED)

    @property
    def doubted(self) -> list[Outcome]:
        """Listings that get a doubt: opening them will be denied."""
        return [o for o in self.changed if _doubts(o.after) - _doubts(o.before)]

    def untraced(self) -> Counter[str]:
        """In how many rows ccxt states a term that no field of the record does, by term."""
        return Counter(term for terms in self.reading.untraced.values() for term in terms)

    def is_untraced(self, spelling: str, field: str) -> bool:
        """Whether ccxt states it of this row, and no field of the record does."""
        return field in self.reading.untraced.get(spelling, ())

    def fields_changed(self) -> Counter[str]:
        """How many listings change, by field; a status by where it goes."""
        counts: Counter[str] = Counter()
        for outcome in self.changed:
            for field, was, becomes in entity_diff.visible_diff(outcome.before, outcome.after):
                counts[f"status {was} → {becomes}" if field == "status" else field] += 1
        return counts


def _ends(outcome: Outcome) -> bool:
    before: Any = outcome.before
    after: Any = outcome.after
    return before.delisted_at is None and after.delisted_at is not None


def _takes_terms(outcome: Outcome) -> bool:
    """Whether anything of it is from the answers, and not only a doubt about them."""
    changes = entity_diff.visible_diff(outcome.before, outcome.after)
    return any(field != "doubts" for field, _, _ in changes)


def _is_lifted(outcome: Outcome) -> bool:
    before: Any = outcome.before
    after: Any = outcome.after
    return (before.status, after.status) == (MarketStatusCode.HALTED, MarketStatusCode.ONLINE)


def _doubts(entity: Any) -> set[str]:
    return set(entity.doubts or ()) if entity is not None else set()


def make_plan(
    state: RegistryState,
    venue: Venue,
    reading: Reading,
    at: dt.datetime,
    multipliers: Mapping[str, Multiplier],
    *,
    allow_mass_change: bool = False,
) -> Plan:
    """Compare what a venue's answers say with the registry.

    Args:
        at: The instant of the answers.
        multipliers: Venue code -> what it stands for, beside what the registry has been told.

    Raises:
        MassChange: Too much is missing at once.
    """
    types = {market.symbol_type for market in reading.markets}
    dates = AnswerDates(venue)
    later = {kind: found for kind, found in dates.later(at).items() if kind in types}
    plan = Plan(venue.venue_id, state, reading)
    known = {**stated_multipliers(state), **multipliers}
    markets = [_with_multiplier(state, venue, m, known, plan) for m in reading.markets]
    identity = AssetIdentity(
        *(state, venue, reading, markets), last_seen=dates.as_of, is_newest=not later
    )
    identity.assign(
        (m.base.venue, m.multiple_of, _coin_id(known, m)) for m in markets if m.multiple_of
    )
    stated, plan.vanished = stated_terms(venue, markets)
    about: Any = {
        "reader": None if reading.is_reviewed else reading.reader,
        "stated": stated,
        "last_seen": dates.as_of,
    }
    behind = PastProposals(state, venue, identity, later=later, **about) if later else None
    proposals = behind or Proposals(state, venue, identity, **about)
    for market in markets:
        try:
            proposals.propose(market)
        except ValueError as error:
            plan.rejected.append(RejectedRecord(market.spelling, str(error)))
    if proposals.archived:
        plan.unchanged += len(proposals.archived)
        plan.notes.append(f"{len(proposals.archived)} listings are archived: left as they are")
    notes = [*note_multipliers(state, identity, multipliers)]
    if behind is not None:
        behind.earlier_misses(reading)
        plan.changes_at = min(found[-1] for found in later.values())
        used = judge_behind(state, notes, behind, plan)
        plan.notes.append(
            f"newer answers are known: {len(plan.past)} listings get the terms of {at:%Y-%m-%d}"
            " behind what they are now"
        )
    else:
        missing = find_missing(state, venue.venue_id, reading, proposals.spellings, dates.as_of)
        plan.notes += missing.notes
        review = DifferenceReview(state, venue.venue_id, reading, missing)
        if allow_mass_change:
            review.allow_mass()
        else:
            review.refuse_mass()
        items = [*notes, *_in_order(proposals, missing)]
        described = CodeDescriptions(state, reading.currencies).items(
            holder_of(state, venue), items
        )
        used = judge(state, review.settle([*described]), plan, identity.beside)
        plan.note_findings(review)
    plan.bindings = [binding for binding in identity.bindings if binding.asset_id in used]
    plan.findings += identity.findings(_listings(plan), used)
    if lifted := [o for o in plan.changed if _is_lifted(o)]:
        plan.notes.append(
            f"{len(lifted)} listings that are HALTED here go ONLINE, as the venue says: a halt of"
            " your own does not outlive an import"
        )
    _record_sources(plan)
    plan.changes += price_outcomes(state, venue, reading, at, plan.changes)
    plan.facts = facts_of(venue, types, dates, plan, is_dated=state.as_of is not None)
    record_in_venue(state, venue, types, dates, plan)
    return plan


def _record_sources(plan: Plan) -> None:
    """With every listing that is made or changed, what says so; a newer answer's stays.

    The plan's state holds no sources and not what the plan makes: the writer judges them.
    """
    is_newest = plan.changes_at is None
    results = (Result.CREATED, Result.UPDATED) if is_newest else (Result.CREATED,)
    for outcome in plan.of(VENUE_SYMBOL, *results):
        listing: Any = outcome.after
        source = source_of(plan.reading, listing.venue_symbol, listing.listing_id, plan.at)
        if source is not None and not listing.alias_of and _takes_terms(outcome):
            key, new = source.listing_id, Result.CREATED
            plan.changes.append(Outcome(kind=LISTING_SOURCE, key=key, result=new, after=source))


def _listings(plan: Plan) -> dict[str, VenueSymbol]:
    """Spelling -> its open listing, of those that the plan makes or changes."""
    found: list[Any] = [o.after for o in plan.of(VENUE_SYMBOL, Result.CREATED, Result.UPDATED)]
    return {v.venue_symbol: v for v in found if is_open(v, plan.at) and not v.alias_of}


def _coin_id(multipliers: Mapping[str, Multiplier], market: Market) -> str | None:
    stated = multipliers.get(market.base.venue)
    return stated.asset_id if stated else None


def _in_order(proposals: Proposals, missing: Missing) -> list[Item]:
    """What ends is judged first: its spelling or its symbol may begin anew."""
    ends = [upsert(VENUE_SYMBOL, entity) for entity in missing.ended]
    doubts = [upsert(VENUE_SYMBOL, entity) for entity in missing.doubted]
    return [*proposals.codes(), *proposals.ends, *ends, *proposals.items, *doubts]


def require_present(at: dt.datetime, now: dt.datetime) -> None:
    """Refuse a listing of the future.

    Raises:
        OutOfOrder: It is one.
    """
    if at > now + CLOCKS_APART:
        raise OutOfOrder(f"--at {at.isoformat()} has not come yet")


def _with_multiplier(
    state: RegistryState,
    venue: Venue,
    market: Market,
    multipliers: Mapping[str, Multiplier],
    plan: Plan,
) -> Market:
    """The market with the multiplier that was stated for its code.

    A code that looks like a multiple which nobody has stated is an asset of its own until then.
    """
    stated = multipliers.get(market.base.venue)
    if stated is not None:
        if stated.units == 1:
            return msgspec.structs.replace(market, base=Code(market.base.venue, stated.code))
        coin = Code(stated.code)
        return msgspec.structs.replace(market, unit_multiplier=stated.units, multiple_of=coin)
    known = open_listing(state, venue.venue_id, market.spelling)
    is_told = market.unit_multiplier is not None or (known and known.unit_multiplier is not None)
    if looks_multiplied(market.base) and not is_told:
        plan.multiples.append(market.base.venue)
    return market
