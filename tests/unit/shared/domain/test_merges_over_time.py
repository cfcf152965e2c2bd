"""Whatever is bound, reused, renamed, merged and unmerged: one meaning at a time, and one past."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cqar_shared.domain.asset_merge import merge_items
from cqar_shared.domain.asset_unmerge import unmerge_items
from cqar_shared.domain.evaluation import ChangeIntent, Item, Outcome
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, delist
from cqar_shared.domain.relinking import Moved
from cqar_shared.domain.rules import overlap
from cqar_shared.errors import Invalid
from tests.support.entity_builders import (
    NOW,
    USDT,
    a_group,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.memory_registry import MemoryRegistry

COINS: Final = tuple(an_id(f"coin-{n}") for n in range(4))
SPELLINGS: Final = ("ONEUSDT", "TWOUSDT", "SAMEUSDT")
CODES: Final = ("ONE", "TWO", "SAME")
HOUR: Final = dt.timedelta(hours=1)
coins = st.sampled_from(COINS)
spellings = st.sampled_from(SPELLINGS)


class Registry(RuleBasedStateMachine):
    """A registry of four coins at one venue, and what its spellings were seen to mean."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.held = MemoryRegistry(*(an_asset(f"C{n}", asset_id=c) for n, c in enumerate(COINS)))
        self.held.create(an_asset("USDT"), a_venue())
        self.held.create(*(a_symbol(base_asset_id=coin) for coin in COINS[:2]))
        self.held.create(a_group(COINS[0], COINS[1], USDT))
        for n, coin in enumerate(COINS):
            name = f"coin-{n}"
            self.held.create(
                an_identifier(
                    identifier_id=an_id(f"id {n}"), asset_id=coin, external_id=name, is_primary=True
                )
            )
        #: Merged asset -> what its merge changed, and the registry before and after it.
        self.merges: dict[str, tuple[list[Moved], dict[Any, Entity], dict[Any, Entity]]] = {}
        #: (spelling, instant) -> listing that it was seen to mean then.
        self.seen: dict[tuple[str, dt.datetime], str | None] = {}
        #: Listing -> coin that it was of when it began.
        self.listed_as: dict[str, str] = {}
        #: Why the last plan was refused.
        self.refused: set[str] = set()

    def tick(self) -> None:
        self.now += HOUR
        self.held.now = self.now

    def apply(self, *items: Item) -> list[Outcome]:
        self.tick()
        return self.held.apply(*items)

    def planned(self, plan: Any) -> list[Outcome] | None:
        """Return the outcomes of a plan; None if it is refused."""
        self.tick()
        try:
            outcomes = self.held.apply_planned(plan)
        except Invalid as error:
            self.refused = {v.reason for v in error.violations}
            return None
        self.refused = {v.reason for o in outcomes for v in o.violations}
        return None if self.refused else outcomes

    # ------------------------------------------------------------ what happens

    @rule(spelling=spellings, coin=coins)
    def bind(self, spelling: str, coin: str) -> None:
        """List a spelling, or list it anew after its end: a reuse."""
        symbol = self.symbol_of(coin)
        listing_id = an_id(f"{spelling} {self.now}")
        given = a_venue_symbol(listing_id=listing_id, venue_symbol=spelling, symbol_id=symbol)
        self.apply(Item(kind=VENUE_SYMBOL, intent=ChangeIntent.UPSERT, given=given))

    @rule(spelling=spellings)
    def end(self, spelling: str) -> None:
        self.tick()
        listing = self.open_listing(spelling)
        if listing is not None:
            step = partial(delist, at=self.now)
            intent = ChangeIntent.EVOLVE
            key = listing.listing_id
            self.apply(Item(kind=VENUE_SYMBOL, intent=intent, key=key, step=step))

    @rule(old=spellings, new=spellings)
    def rename(self, old: str, new: str) -> None:
        self.tick()
        listing = self.open_listing(old)
        if listing is None:
            return
        ended = msgspec.structs.replace(listing, delisted_at=self.now, is_primary=False)
        begun = msgspec.structs.replace(
            listing,
            listing_id=an_id(f"{new} {self.now}"),
            venue_symbol=new,
            listed_at=self.now,
            first_seen_at=None,
        )
        upsert = ChangeIntent.UPSERT
        self.held.apply(
            Item(kind=VENUE_SYMBOL, intent=upsert, given=ended),
            Item(kind=VENUE_SYMBOL, intent=upsert, given=begun),
        )

    @rule(code=st.sampled_from(CODES), coin=coins, is_open=st.booleans())
    def use_code(self, code: str, coin: str, is_open: bool) -> None:
        self.tick()
        given = a_venue_asset(
            asset_id=coin, venue_asset_symbol=code, delisted_at=None if is_open else self.now
        )
        self.held.apply(Item(kind=VENUE_ASSET, intent=ChangeIntent.UPSERT, given=given))

    @rule(source=coins, into=coins)
    def merge(self, source: str, into: str) -> None:
        before = dict(self.held.entities)
        outcomes = self.planned(partial(merge_items, source, into))
        if outcomes is not None:
            moved = [Moved(o.kind.name, o.key, o.before, o.after) for o in outcomes if o.changes]
            self.merges[source] = (moved, before, dict(self.held.entities))

    @precondition(lambda self: self.merges)
    @rule(data=st.data())
    def unmerge(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from(sorted(self.merges)))
        moved, before, after = self.merges[source]
        refs = {(each.kind, each.key) for each in moved}
        untouched = {ref for ref in refs if self.held.entities.get(ref) == after.get(ref)}
        if any(ref[0] == "venue_asset" for ref in refs - untouched):
            # What changed in the row of both goes with the one whose it was.
            untouched = {ref for ref in untouched if ref[0] != "venue_asset"}
        outcomes = self.planned(partial(unmerge_items, source, moved))
        if outcomes is None:
            assert self.refused <= {"MERGED_SINCE", "CODE_TAKEN", "NOT_AFTER_LISTING"}
            return
        del self.merges[source]
        for each in moved:
            ref = (each.kind, each.key)
            if ref in untouched and each.before is not None:
                assert _bare(self.held.entities[ref]) == _bare(before[ref]), ref

    # ------------------------------------------------------------ what always holds

    @invariant()
    def nothing_refers_to_what_was_merged(self) -> None:
        for (name, key), entity in self.held.entities.items():
            if getattr(entity, "merged_into", None) is not None:
                target = self.held.entities[name, entity.merged_into]
                assert target.merged_into is None
                continue
            for _, ref in KIND_BY_NAME[name].refs_of(entity):
                assert getattr(self.held.entities[ref], "merged_into", None) is None, (name, key)

    @invariant()
    def a_spelling_and_a_code_mean_one_thing_at_a_time(self) -> None:
        listings: list[VenueSymbol] = self.held.of("venue_symbol")
        _no_two(listings, lambda v: {v.venue_symbol})
        _no_two([v for v in listings if v.is_primary], lambda v: {v.symbol_id})
        _no_two(self.held.of("venue_asset"), lambda v: set(v.codes))

    @invariant()
    def the_past_is_as_it_was_seen(self) -> None:
        for spelling in SPELLINGS:
            self.seen[spelling, self.now] = self.meaning(spelling, self.now)
        for (spelling, instant), known in self.seen.items():
            assert self.meaning(spelling, instant) == known, (spelling, instant)

    @invariant()
    def a_listing_means_the_coin_that_it_was_listed_as(self) -> None:
        for listing in self.held.of("venue_symbol"):
            coin = self.held.entities["symbol", listing.symbol_id].base_asset_id
            listed_as = self.listed_as.setdefault(listing.listing_id, coin)
            assert coin == self.current(listed_as), listing

    # ------------------------------------------------------------ reading it

    def open_listing(self, spelling: str) -> VenueSymbol | None:
        listings: list[VenueSymbol] = self.held.of("venue_symbol")
        return next(
            (v for v in listings if v.venue_symbol == spelling and v.delisted_at is None), None
        )

    def meaning(self, spelling: str, instant: dt.datetime) -> str | None:
        """The listing that a spelling means at an instant."""
        for listing in self.held.of("venue_symbol"):
            begun = listing.listed_at is None or listing.listed_at <= instant
            ended = listing.delisted_at is not None and listing.delisted_at <= instant
            if listing.venue_symbol == spelling and begun and not ended:
                return str(listing.listing_id)
        return None

    def symbol_of(self, coin: str) -> str:
        """The symbol of a coin, made if there is none; that is refused of one that was merged."""
        for symbol in self.held.of("symbol"):
            if symbol.base_asset_id == coin and symbol.merged_into is None:
                return str(symbol.symbol_id)
        made = a_symbol(base_asset_id=coin, symbol_id=an_id(f"{coin} {self.now}"))
        self.apply(Item(kind=SYMBOL, intent=ChangeIntent.UPSERT, given=made))
        return made.symbol_id

    def current(self, asset_id: str) -> str:
        return str(self.held.entities["asset", asset_id].merged_into or asset_id)


def _no_two(entities: list[Any], names_of: Any) -> None:
    for place, one in enumerate(entities):
        for other in entities[place + 1 :]:
            assert not (names_of(one) & names_of(other) and overlap(one, other)), (one, other)


def _bare(entity: Any) -> Any:
    """An entity without the time of its last change."""
    return msgspec.structs.replace(entity, updated_at=None) if _has_stamp(entity) else entity


def _has_stamp(entity: Any) -> bool:
    names: Iterable[str] = entity.__struct_fields__
    return "updated_at" in names


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
