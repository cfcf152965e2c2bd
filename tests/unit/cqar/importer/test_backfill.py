"""Dated answers in any order leave the same history; an older one changes nothing of now."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from cqar.importer.answer_dates import LISTINGS_AS_OF
from cqar.importer.market import Alias, Market
from cqar.importer.plan import Plan
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    MarketStatusCode,
    VenueSymbol,
    is_open,
    sets_terms,
)
from tests.support.entity_builders import NOW
from tests.unit.cqar.importer.test_plan import APPLY_ALL, DAY, Registry, coin

BEGIN = NOW - 900 * DAY
TAKEN = tuple(BEGIN + n * 100 * DAY for n in range(4))
#: One is before all answers, and one beside each.
MOMENTS = (BEGIN - DAY, *(at + DAY for at in TAKEN), *(at + 50 * DAY for at in TAKEN))
Answer = tuple[Market, ...]
S = MarketStatusCode


class Told(Registry):
    """A registry that keeps the terms of listings by their instants, as the writer does."""

    def __init__(self) -> None:
        super().__init__()
        # What people leave as it was depends on the order in which they are asked.
        self.rules = APPLY_ALL
        self.terms: dict[str, dict[dt.datetime, Any]] = defaultdict(dict)

    def tell(self, answer: Answer, at: dt.datetime) -> Plan:
        plan = self.plan(*answer, at=at, as_of=at, allow_mass_change=True)
        assert plan.rejected == []
        for outcome in [*plan.changes, *plan.past]:
            self.entities[outcome.kind.name, outcome.key] = (outcome.kind, outcome.after)
            if outcome.kind is VENUE_SYMBOL:
                rows = self.terms[outcome.key]
                past: Any = outcome.past
                rows |= {one.terms_since: one for one in past}
                after: Any = outcome.after
                if sets_terms(outcome.before, after):
                    rows[after.terms_since] = after
        return plan

    def then(self, spelling: str, at: dt.datetime) -> tuple[Any, ...] | None:
        """What a spelling meant at an instant, its tick and status, by what is known now."""
        found = [e for kind, e in self.entities.values() if kind is VENUE_SYMBOL]
        periods = [v for v in found if v.venue_symbol == spelling and _covers(v, at)]
        if not periods:
            return None
        (period,) = periods
        rows = self.terms[period.listing_id]
        known = [since for since in rows if since <= at]
        if not known:
            return (period.symbol_id,)
        terms = rows[max(known)]
        # An alias has the terms of what it stands for.
        own = (terms.tick_size, terms.status)
        return period.symbol_id, *((terms.alias_of,) if terms.alias_of else own)


def _covers(listing: VenueSymbol, at: dt.datetime) -> bool:
    return (listing.listed_at is None or listing.listed_at <= at) and is_open(listing, at)


def told(answers: dict[dt.datetime, Answer], order: tuple[dt.datetime, ...]) -> Told:
    registry = Told()
    for at in order:
        registry.tell(answers[at], at)
    return registry


def random_answers(seed: int, taken: tuple[dt.datetime, ...]) -> dict[dt.datetime, Answer]:
    """Answers that name some of a few coins, with terms that may come again.

    One of three may lack a coin that the others name; of four, a coin comes once and goes once.
    """
    chance = random.Random(seed)
    spans = {code: sorted(chance.sample(range(5), 2)) for code in ("SOL", "ADA", "XMR")}

    def market(code: str) -> Market:
        aliases = (Alias(f"{code}/USDT"),) if code == "SOL" else ()
        tick = Decimal(chance.choice(("0.1", "0.01")))
        status = chance.choice((S.ONLINE, S.ONLINE, S.HALTED))
        return coin(code, tick_size=tick, status=status, aliases=aliases)

    def is_named(code: str, place: int) -> bool:
        begin, end = spans[code]
        return chance.random() < 0.7 if len(taken) < 4 else begin <= place < end

    return {
        at: (coin("BTC"), *(market(code) for code in spans if is_named(code, place)))
        for place, at in enumerate(taken)
    }


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("taken", [TAKEN[:3], TAKEN], ids=["three", "four"])
def test_answers_in_any_order_leave_one_history(seed: int, taken: tuple[dt.datetime, ...]) -> None:
    answers = random_answers(seed, taken)
    spellings = [f"{code}{mark}USDT" for code in ("BTC", "SOL", "ADA", "XMR") for mark in ("", "/")]
    in_order = told(answers, taken)
    wanted = {(s, at): in_order.then(s, at) for s in spellings for at in MOMENTS}
    for order in permutations(taken):
        registry = told(answers, order)
        found = {(s, at): registry.then(s, at) for s in spellings for at in MOMENTS}
        wrong = {key: (found[key], wanted[key]) for key in wanted if found[key] != wanted[key]}
        assert wrong == {}, [at.date() for at in order]


def test_what_is_told_twice_changes_nothing() -> None:
    for seed in range(20):
        answers = random_answers(seed, TAKEN[:3])
        registry = told(answers, (TAKEN[2], TAKEN[0], TAKEN[1]))
        before = dict(registry.entities)
        for at in TAKEN[:3]:
            registry.tell(answers[at], at)
        assert registry.entities == before


def test_an_older_answer_changes_nothing_of_now() -> None:
    registry = Told()
    registry.tell((coin("BTC"), coin("SOL", tick_size=Decimal("0.5"))), TAKEN[1])
    before = dict(registry.entities)
    plan = registry.tell((coin("BTC"), coin("SOL"), coin("XMR")), TAKEN[0])
    listing = registry.listing("SOLUSDT")
    assert (listing.tick_size, listing.first_seen_at) == (Decimal("0.5"), TAKEN[0])
    gone = registry.listing("XMRUSDT")
    assert gone.doubts == ("SOURCE_MISSING",)
    venue: Any = registry.entities[VENUE.name, "binance"][1]
    assert venue.metadata[LISTINGS_AS_OF] == {"SPOT": TAKEN[1].isoformat()}
    codes = {key for key in before if key[0] == VENUE_ASSET.name}
    assert all(registry.entities[key] == before[key] for key in codes)
    assert "newer answers are known: 3 listings get the terms of" in " ".join(plan.notes)


def test_what_is_stated_again_is_unchanged_and_noted() -> None:
    registry = Told()
    registry.tell((coin("BTC"), coin("SOL")), TAKEN[0])
    plan = registry.tell((coin("BTC"), coin("SOL")), TAKEN[1])
    assert (plan.changed, plan.unchanged, plan.stated_again) == ([], 2, 2)
    assert registry.listing("SOLUSDT").terms_stated_at == TAKEN[1]


def test_what_is_gone_since_ended_where_it_was_first_missed() -> None:
    registry = told(
        {TAKEN[0]: (coin("BTC"), coin("XMR")), TAKEN[1]: (coin("BTC"),), TAKEN[2]: (coin("BTC"),)},
        (TAKEN[2], TAKEN[0], TAKEN[1]),
    )
    gone = registry.listing("XMRUSDT")
    assert (gone.status, gone.delisted_at) == (S.DELISTED, TAKEN[1])
