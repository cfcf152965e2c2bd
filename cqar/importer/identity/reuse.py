"""Codes that may mean another coin than they did: they came back, or never left. Pure.

A spelling that comes back after its end is bound anew, from its evidence. It is the same coin if
another listing of the operator traded it all the while, or was found to be of it after the return,
or if name, contract or a person says so.
A listing that never left means another coin where its full name is another one, where the coin of
the ticker is known to have changed since the venue was read last, or where the price after a halt
has nothing to do with the price before it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from cqar.importer.identity.asset_index import AssetIndex, names_of
from cqar.importer.identity.candidates import evidence, find_candidates
from cqar.importer.identity.code_facts import CodeFacts, own_codes
from cqar.importer.identity.ladder import (
    BindingDecision,
    BindingVerdict,
    Evidence,
    EvidenceKind,
    decide,
    proposed,
)
from cqar.importer.identity.names import NameComparison, compare_with_any
from cqar.importer.identity.operator_codes import OperatorCodes
from cqar.importer.identity.relisting import CodeUse, Return, assets_of, return_of, trades
from cqar.importer.identity.undecided import IdentityQuestion
from cqar.importer.market import Market
from cqar.importer.price_evidence import Quote
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.symbol import SYMBOL, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode, VenueSymbol, first_open

#: A price after a halt that is so many times the one before it, or less, is another thing's.
BREAK_TIMES: Final = 10
_K = EvidenceKind
#: Kinds of evidence that repeat what a code meant before.
_REPEATED: Final = frozenset({_K.OPERATOR_CODE.value, _K.TICKER.value})


class Reuse(NamedTuple):
    """A code that may mean another coin from now on.

    Attributes:
        old_asset_id: What it meant.
        begins: From when on it is another one, or may be.
        spellings: Of the listings that it is so of.
        decision: What is known of the candidates, the old one among them.
        reason: Why it is not simply the old one; for people.
    """

    code: str
    old_asset_id: str
    begins: dt.datetime
    spellings: frozenset[str]
    decision: BindingDecision
    reason: str


class ReuseFinder:
    """Finds codes that may mean another coin.

    Args:
        last_seen: Type -> when the venue's listing of the type was read last.
    """

    def __init__(
        self,
        state: RegistryState,
        venue_id: str,
        index: AssetIndex,
        codes: OperatorCodes,
        markets: Iterable[Market],
        last_seen: Mapping[SymbolTypeCode, dt.datetime],
    ) -> None:
        self._state = state
        self._venue_id = venue_id
        self._index = index
        self._codes = codes
        self._seen = last_seen
        self._markets: dict[str, list[Market]] = defaultdict(list)
        for market in markets:
            for code in {code.venue: None for code in own_codes(market)}:
                self._markets[code].append(market)
        self._use = CodeUse(state, venue_id, (m for found in self._markets.values() for m in found))

    def find(self, facts: CodeFacts, quotes: Iterable[Quote]) -> Reuse | None:
        """Whether a code may mean another coin than before; None if nothing says so.

        Args:
            quotes: Prices of one unit of the code.
        """
        code = facts.code.venue
        old = self._codes.meanings.get(code) or self._ended(code)
        if old is None:
            return None
        back = [r for r in self._returns(code) if self._meant(r.before, old)]
        ours = list(quotes)
        if back:
            return self._came_back(facts, old, back, ours)
        if self._codes.held(code) is None:
            now = self._state.now
            spellings = frozenset(m.spelling for m in self._markets[code])
            decision = self._decide(facts, old, ours)
            return self._unless_same(code, old, now, spellings, decision, "the code had ended")
        if self._codes.is_reviewed(code):
            return None
        return self._never_left(facts, old, ours)

    def _ended(self, code: str) -> str | None:
        """What a code meant last that means nothing now."""
        over = [v for v in self._codes.ended(code) if v.delisted_at is not None]
        over = [v for v in over if v.delisted_at is not None and v.delisted_at <= self._state.now]
        last = max(over, key=lambda v: v.delisted_at or self._state.now, default=None)
        asset = self._index.get(last.asset_id) if last is not None else None
        return asset.asset_id if asset is not None else None

    def _returns(self, code: str) -> Iterator[Return]:
        for market in self._markets.get(code, ()):
            if market.base.venue == code and trades(market, self._state.now):
                seen = self._seen.get(market.symbol_type)
                found = return_of(self._state, self._venue_id, market, seen)
                if found is not None:
                    yield found

    def _meant(self, listing: VenueSymbol, asset_id: str) -> bool:
        """Whether a listing was of the asset's own units."""
        symbol = self._state.get(SYMBOL.name, listing.symbol_id)
        base = self._index.get(symbol.base_asset_id) if symbol is not None else None
        is_multiple = listing.unit_multiplier not in (None, 1)
        return base is not None and base.asset_id == asset_id and not is_multiple

    # ------------------------------------------------------------ what came back

    def _came_back(
        self, facts: CodeFacts, old: str, back: list[Return], quotes: list[Quote]
    ) -> Reuse | None:
        begins = min(one.begins for one in back)
        ended = max(one.ended for one in back)
        known: list[Evidence] = []
        if (use := self._use.between(old, back)) is not None:
            detail = f"{use.venue_id} {use.venue_symbol} traded it all the while"
            known.append(evidence(_K.OPERATOR_CODE, detail))
        elif (use := self._found_since(facts.code.venue, old, back, begins)) is not None:
            detail = f"{use.venue_id} {use.venue_symbol} was found to be it after that"
            known.append(evidence(_K.OPERATOR_CODE, detail))
        code = facts.code.venue
        if self._codes.is_reviewed(code):
            known.append(evidence(_K.REVIEWED, "somebody said what the code means"))
        reason = f"it ended or was last seen {ended:%Y-%m-%d}, and is listed {begins:%Y-%m-%d}"
        if any(one.market.listed_at is not None for one in back):
            known.append(evidence(_K.DATE, reason, against=True))
        decision = self._decide(facts, old, quotes, known)
        # Markets that are new with it are of the same coin as it is.
        spellings = frozenset(m.spelling for m in self._markets[code] if self._is_new(m, back))
        return self._unless_same(code, old, begins, spellings, decision, reason)

    def _found_since(
        self, code: str, old: str, back: list[Return], begins: dt.datetime
    ) -> VenueSymbol | None:
        """A listing of the old coin that trades, where the code was decided after its return.

        What rests on the operator's use of the code itself says nothing new.
        """
        held = self._codes.held(code)
        found = held.evidence or () if held is not None else ()
        is_decided = any(
            e.code in (None, code)
            and e.kind not in _REPEATED
            and e.taken_at is not None
            and e.taken_at >= begins
            for e in found
        )
        return self._use.since(old, back) if is_decided else None

    def _is_new(self, market: Market, back: list[Return]) -> bool:
        if any(one.market is market for one in back):
            return True
        return self._open(market) is None

    def _open(self, market: Market) -> VenueSymbol | None:
        periods = self._state.find("venue_symbol", "spelling", self._venue_id, market.spelling)
        return first_open(periods, self._state.now)

    def _decide(
        self, facts: CodeFacts, old: str, quotes: list[Quote], known: Iterable[Evidence] = ()
    ) -> BindingDecision:
        given = {old: tuple(known)}
        candidates = find_candidates(self._index, facts, self._state.now, quotes, given)
        return decide(candidates)

    @staticmethod
    def _unless_same(
        code: str,
        old: str,
        begins: dt.datetime,
        spellings: frozenset[str],
        decision: BindingDecision,
        reason: str,
    ) -> Reuse | None:
        bound = decision.candidate
        if decision.verdict is BindingVerdict.BIND and bound is not None and bound.asset_id == old:
            return None
        return Reuse(code, old, begins, spellings, decision, reason)

    # ------------------------------------------------------------ what never left

    def _never_left(self, facts: CodeFacts, old: str, quotes: list[Quote]) -> Reuse | None:
        code = facts.code.venue
        markets = self._markets.get(code, [])
        reason = self._another_name(facts, old) or self._another_bearer(facts, old, markets)
        before = {
            q.quote_asset_id: q
            for q in self._index.quotes_of(self._codes.holder, old)
            if quotes and q.taken_at < self._state.now
        }
        if reason is None and not before:
            return None
        open_now = [(m, self._open(m)) for m in markets]
        trading = [
            (m, v)
            for m, v in open_now
            if v is not None and self._refers(v, old) and trades(m, self._state.now)
        ]
        halted = any(v.status is MarketStatusCode.HALTED for _, v in trading)
        reason = reason or (_another_price(before, quotes) if halted else None)
        if reason is None or not trading:
            return None
        spellings = frozenset(m.spelling for m, _ in trading)
        new = frozenset(m.spelling for m, v in open_now if v is None)
        against = evidence(_K.DATE, reason, against=True)
        decision = self._decide(facts, old, quotes, [against])
        return Reuse(code, old, self._state.now, spellings | new, decision, reason)

    def _refers(self, listing: VenueSymbol, asset_id: str) -> bool:
        symbol = self._state.get(SYMBOL.name, listing.symbol_id)
        is_multiple = listing.unit_multiplier not in (None, 1)
        return symbol is not None and asset_id in assets_of(symbol) and not is_multiple

    def _another_name(self, facts: CodeFacts, old: str) -> str | None:
        """Whether the venue calls it otherwise than before, and otherwise than the asset is."""
        held = self._codes.held(facts.code.venue)
        if held is None or held.name is None or not facts.names:
            return None
        asset = self._index.get(old)
        known = [held.name, *(names_of(asset) if asset is not None else ())]
        result = compare_with_any(facts.names, known, facts.code.ticker)
        if result is not NameComparison.DIFFERENT:
            return None
        return f"the venue calls it {facts.names[0]}, and called it {held.name}"

    def _another_bearer(self, facts: CodeFacts, old: str, markets: list[Market]) -> str | None:
        """Whether the ticker went from one asset to another since the venue was read last."""
        seen = [self._seen[m.symbol_type] for m in markets if m.symbol_type in self._seen]
        if not seen:
            return None
        ticker = facts.code.ticker
        bearers = self._index.by_ticker(ticker)
        heirs = [a for a in bearers if a.symbol == ticker and a.asset_id != old]
        heirs = [a for a in heirs if not a.unverified]
        for asset in bearers if heirs else ():
            for former in asset.former_names or ():
                until = former.until
                is_between = until is not None and max(seen) < until <= self._state.now
                if former.symbol == ticker and is_between and asset not in heirs:
                    return f"{ticker} was {asset.name}'s until {until:%Y-%m-%d}, not any more"
        return None


def _another_price(before: Mapping[str, Quote], quotes: Iterable[Quote]) -> str | None:
    """Whether it trades again after a halt, at a price that is none of the old coin's."""
    for quote in quotes:
        last = before.get(quote.quote_asset_id)
        if last is not None and last.price > 0 and quote.price > 0:
            times = quote.price / last.price
            if times >= BREAK_TIMES or times <= Decimal(1) / BREAK_TIMES:
                return f"the price after a halt is {quote.price:f}, and was {last.price:f}"
    return None


def reuse_questions(
    index: AssetIndex,
    reuse: Reuse,
    asset_id: str,
    last: Callable[[str], VenueSymbol | None],
) -> Iterator[IdentityQuestion]:
    """Ask for each listing of a code that is used anew which coin it is now.

    Args:
        asset_id: The asset of its own that the code got.
        last: Returns what a spelling meant before.
    """
    bound = reuse.decision.candidate
    likely = bound.asset_id if bound is not None else proposed(reuse.decision)
    edges = index.became(likely) if likely else ()
    edge = next((e for e in edges if e.from_asset_id == reuse.old_asset_id), None)
    for spelling in sorted(reuse.spellings):
        yield IdentityQuestion(
            kind=FindingKind.REUSE,
            code=reuse.code,
            asset_id=asset_id,
            candidates=reuse.decision.candidates,
            is_about_listing=True,
            spelling=spelling,
            old_asset_id=reuse.old_asset_id,
            proposed=likely,
            rate=edge.conversion_rate if edge is not None else None,
            effective_at=edge.effective_at if edge is not None else None,
            before=last(spelling),
            remarks=(evidence(_K.DATE, reuse.reason, against=True),),
        )
