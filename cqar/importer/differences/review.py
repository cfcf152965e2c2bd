"""The proposals of an import as the policy takes them, and what is found beside. Pure.

What the policy applies is proposed as it is. What people decide keeps its old value in the listing
until then; where the policy wants it, the listing gets a doubt that denies opening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cqar.importer.answer_reader import Reading
from cqar.importer.differences.absence_review import (
    refuse_mass,
    reviewed_absence,
    reviewed_unreadable,
)
from cqar.importer.differences.decisions import Decisions
from cqar.importer.differences.findings import FindingMaker
from cqar.importer.differences.listing_review import (
    reviewed,
    reviewed_contract,
    reviewed_end,
    reviewed_new,
)
from cqar.importer.differences.open_findings import OpenFindings
from cqar.importer.missing import Missing
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kinds.finding import Finding
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol, complete
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, is_open

Settled = dict[str, VenueSymbol | None]


class DifferenceReview:
    """Decides an import's proposals by the policy.

    Args:
        others: Findings of the same import that are made elsewhere: their doubts stay.
    """

    def __init__(
        self,
        state: RegistryState,
        venue_id: str,
        reading: Reading,
        missing: Missing,
        others: Iterable[Finding] = (),
    ) -> None:
        self._state = state
        self._missing = missing
        maker = FindingMaker(venue_id, reading, state.now, state.rules)
        self._decisions = Decisions(maker, OpenFindings(venue_id, state.known_findings, others))

    @property
    def findings(self) -> list[Finding]:
        """What is new, with its action and the rule that decided it."""
        return self._decisions.findings

    @property
    def kept(self) -> int:
        """How many findings of before are undecided still."""
        return self._decisions.open.kept

    def superseded(self) -> list[Finding]:
        """What was found before and is not so any more, as the writer takes it."""
        return self._decisions.open.superseded()

    def refuse_mass(self) -> None:
        """Refuse answers that lack too much.

        Raises:
            MassChange: The answers lack too much, and neither a person nor the policy allows
                just that.
        """
        refuse_mass(self._decisions, self._missing)

    def allow_mass(self) -> None:
        """Take answers as they are, however much they lack."""
        self._decisions.open.note_whole(self._missing.covered)

    def settle(self, items: Sequence[Item]) -> list[Item]:
        """The items as the policy takes them; a listing that stays as it is is left out."""
        symbols: dict[str, Any] = {
            i.kind.key_of(i.given): i.given for i in items if i.kind is SYMBOL
        }
        listings: list[Any] = [i.given for i in items if i.kind is VENUE_SYMBOL]
        primaries = [listing for listing in listings if not listing.alias_of]
        periods = Counter(listing.venue_symbol for listing in primaries)
        settled: Settled = {}
        for listing in primaries:
            # What ends where another period begins is another product's from then on.
            is_relisted = periods[listing.venue_symbol] > 1 and self._is_over(listing)
            settled[listing.listing_id] = (
                listing if is_relisted else self._settled(listing, symbols)
            )
        self._review_rest(settled)
        by_spelling = {v.venue_symbol: settled[v.listing_id] or self._before(v) for v in primaries}
        left = []
        for item in items:
            if item.kind is not VENUE_SYMBOL:
                left.append(item)
            elif (listing := self._with_primary(item.given, settled, by_spelling)) is not None:
                left.append(msgspec.structs.replace(item, given=listing))
        return left

    def _settled(self, given: VenueSymbol, symbols: Mapping[str, Symbol]) -> VenueSymbol | None:
        now, get = self._state.now, self._state.get
        before = self._before(given)
        new: Any = symbols.get(given.symbol_id) or get(SYMBOL.name, given.symbol_id)
        if before is None:
            return reviewed_new(self._decisions, given, new, now)
        if (since := self._missing.absent.get(given.listing_id)) is not None:
            return reviewed_absence(self._decisions, before, given, since, now)
        if (reason := self._missing.unreadable.get(given.listing_id)) is not None:
            return reviewed_unreadable(self._decisions, before, given, reason)
        self._decisions.open.note_read(given.listing_id)
        old: Any = get(SYMBOL.name, before.symbol_id)
        if self._is_over(given):
            return reviewed_end(self._decisions, before, given, old)
        if given.symbol_id != before.symbol_id:
            whole = complete(None, new, self._state) if new is not None else None
            return reviewed_contract(self._decisions, before, given, (old, whole), now)
        return reviewed(self._decisions, before, given, old, now)

    def _before(self, listing: VenueSymbol) -> VenueSymbol | None:
        before: VenueSymbol | None = self._state.get(VENUE_SYMBOL.name, listing.listing_id)
        return before

    def _review_rest(self, settled: Settled) -> None:
        """What is missing still, and what was found of listings that are over meanwhile."""
        for listing_id, since in self._missing.absent.items():
            before: Any = self._state.get(VENUE_SYMBOL.name, listing_id)
            if listing_id not in settled and not before.alias_of:
                reviewed_absence(self._decisions, before, before, since, self._state.now)
        for finding in self._state.known_findings.values():
            known: Any = self._state.get(VENUE_SYMBOL.name, finding.listing_id or "")
            if known is not None and not is_open(known, self._state.now):
                self._decisions.open.note_read(known.listing_id)

    def _with_primary(
        self, given: Any, settled: Settled, primaries: Mapping[str, VenueSymbol | None]
    ) -> VenueSymbol | None:
        """A listing as settled; an alias has the status of its primary, and ends with it.

        Args:
            primaries: Spelling -> the listing as it will be.
        """
        listing: VenueSymbol = given
        if not listing.alias_of:
            return settled[listing.listing_id]
        if listing.alias_of not in primaries:
            return listing
        primary = primaries[listing.alias_of]
        if self._is_over(listing):
            return listing if primary is not None and self._is_over(primary) else None
        if primary is None or listing.status is None:
            return listing
        return msgspec.structs.replace(listing, status=primary.status)

    def _is_over(self, listing: VenueSymbol) -> bool:
        return listing.delisted_at is not None and listing.delisted_at <= self._state.now
