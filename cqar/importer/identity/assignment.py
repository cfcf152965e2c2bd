"""Assigns assets to a venue's codes, by what is known of them. Pure.

In this order: a code that may mean another coin than it did gets a new asset; one that the operator
has keeps its meaning; the ladder decides about the others. What it cannot decide is an asset of its
own, unverified, and a question for people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cqar.importer.answer_reader import Reading
from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.candidates import evidence, find_candidates, with_evidence
from cqar.importer.identity.code_facts import CodeFacts, code_facts, facts_of_codes, own_codes
from cqar.importer.identity.code_prices import CodePrices
from cqar.importer.identity.codes import imported_id
from cqar.importer.identity.earlier_meaning import EarlierMeanings
from cqar.importer.identity.ladder import (
    BindingDecision,
    BindingVerdict,
    Candidate,
    Evidence,
    EvidenceKind,
    decide,
    proposed,
)
from cqar.importer.identity.multiples import ask_multiple
from cqar.importer.identity.operator_codes import OperatorCodes, binding_evidence
from cqar.importer.identity.relisting import assets_traded
from cqar.importer.identity.reuse import Reuse, ReuseFinder, reuse_questions
from cqar.importer.identity.succession import NewCode, SuccessionFinder
from cqar.importer.identity.undecided import IdentityQuestion
from cqar.importer.market import Code, Currency, Market
from cqar.importer.price_evidence import Quote
from cqar.importer.readers.registry import production_operator
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.asset import Asset, AssetClassCode
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, first_open

_K = EvidenceKind


class AmbiguousCode(ValueError):
    """A code that would be a second asset of a ticker that the venue has already."""


class CodeBinding(NamedTuple):
    """A code that an import binds to an asset of the registry, and by what.

    Attributes:
        evidence: Kinds that speak for it and count, the strongest first.
    """

    code: str
    ticker: str
    asset_id: str
    asset_name: str
    evidence: tuple[str, ...]
    detail: str


class CodeAssignment:
    """Assigns assets to codes that are their coins' own.

    Attributes:
        codes: The operator's codes.
        new_assets: Assets that are to be made, by id.
        questions: What is not decided.
        bindings: What is bound now, with what decided.
        reused: Codes that may mean another coin than before.
        earlier: Of an older answer, codes that meant another coin then: as bases, this one.
        beside: Assets of which codes are noted that no market needs.
    """

    def __init__(
        self,
        state: RegistryState,
        venue_id: str,
        holder: str,
        reading: Reading,
        markets: Sequence[Market],
        last_seen: Mapping[SymbolTypeCode, dt.datetime],
        *,
        is_newest: bool,
    ) -> None:
        self._state = state
        self._venue_id = venue_id
        self._reading = reading
        self._markets = markets
        self.index = AssetIndex(state)
        self.holder = holder
        #: A test environment's codes are its operator's: whichever is imported first makes one.
        self._maker = production_operator(venue_id) or holder
        self.codes = OperatorCodes(
            *(state, self.index, holder, state.now),
            is_newest=is_newest,
            plain_code=reading.plain_code,
            makers=(self._maker,),
        )
        self.prices = CodePrices(reading, markets, state.now)
        self.new_assets: dict[str, Asset] = {}
        self.questions: list[IdentityQuestion] = []
        self.bindings: list[CodeBinding] = []
        self.reused: dict[str, Reuse] = {}
        self.beside: set[str] = set()
        self._is_newest = is_newest
        self._by_base: dict[str, list[Market]] = {}
        for market in markets:
            self._by_base.setdefault(market.base.venue, []).append(market)
        self._traded = assets_traded(state, venue_id)
        self.earlier: dict[str, str] = {}
        self._earlier = EarlierMeanings(state, venue_id, holder, self.index)
        self._reuses = ReuseFinder(state, venue_id, self.index, self.codes, markets, last_seen)
        self._successions = SuccessionFinder(state, venue_id, self.index, self._by_base)

    def assign(self) -> None:
        """Assign assets to all codes: quotes first, for others are valued in them.

        Codes that are their own ticker come before others: they have the better claim to it.
        """
        facts = facts_of_codes(self._markets, self._reading.currencies)
        for one in sorted(
            facts.values(),
            key=lambda f: (not f.is_quote, f.code.venue != f.code.ticker, f.code.venue),
        ):
            self._identify(one)
        for currency in self._reading.currencies.values():
            self._assign_units(currency)

    def _assign_units(self, currency: Currency) -> None:
        """Note the small units that the venue counts a coin in as codes of it: they are no coins.

        It does so of coins that the venue has no market of, too, where it is known which they are.
        """
        if not currency.units:
            return
        asset_id = self.codes.meanings.get(currency.code)
        if asset_id is None:
            facts = code_facts(Code(currency.code), currency)
            candidate = decide(self.candidates(facts, ())).candidate
            if candidate is None:
                return
            self.bind(facts, candidate)
            asset_id = candidate.asset_id
        self.beside.add(asset_id)
        for unit in currency.units:
            if unit not in self.codes.meanings:
                self.codes.bind(unit, asset_id)

    def asset_of(self, code: Code) -> str:
        """The asset that a code means.

        Raises:
            AmbiguousCode: the evidence fits several assets, or none.
        """
        if code.venue not in self.codes.meanings:
            message = (
                f"the code {code.venue} would be a second {code.ticker} at this venue:"
                " register which asset it is as a venue asset"
            )
            raise AmbiguousCode(message)
        return self.codes.meanings[code.venue]

    def _identify(self, facts: CodeFacts) -> None:
        code = facts.code.venue
        quotes = self.prices.of(code, self.codes.meanings)
        reuse = self._reuses.find(facts, quotes) if self._is_newest else None
        if reuse is not None:
            self._use_anew(facts, reuse)
        elif code in self.codes.meanings:
            self._keep(facts, quotes)
            self._keep_earlier(facts, quotes)
        elif (same := self.codes.other_form(code) or self._other_case(facts.code)) is not None:
            self.codes.bind(code, same)
        else:
            self._take(facts, quotes)

    def _keep(self, facts: CodeFacts, quotes: Sequence[Quote]) -> None:
        """Leave a code as it is; say so where an undecided one could be decided now."""
        code = facts.code.venue
        asset_id = self.codes.meanings[code]
        if facts.names and self._is_newest:
            self.codes.rename(code, facts.names[0])
        asset = self.index.get(asset_id)
        is_own = self.codes.is_made(code, asset_id)
        if asset is None or not (is_own and asset.unverified) or self.codes.is_reviewed(code):
            return
        candidates = self.candidates(facts, quotes)
        decision = decide(c for c in candidates if c.asset_id != asset_id)
        if decision.candidate is not None:
            self.ask(facts, asset_id, decision, decision.candidate.asset_id)

    def _keep_earlier(self, facts: CodeFacts, quotes: Sequence[Quote]) -> None:
        """Give a code that meant another coin at the time of an older answer an asset of then."""
        code = facts.code.venue
        if self._is_newest or self.codes.is_reviewed(code):
            return
        meant, markets = self.codes.meanings[code], self._by_base.get(code, ())
        own = self._earlier.of(facts, meant, markets, quotes)
        if own is not None:
            self.earlier[code] = own
            if self.index.get(own) is None:
                self.make_asset(own, facts.code.ticker, facts.names)

    def _other_case(self, code: Code) -> str | None:
        """The asset of a code that differs in case alone, if its ticker is this one's.

        HTX's spot says `btc` and its contracts BTC.
        """
        found = self.codes.in_any_case(code.venue)
        asset = self.asset(next(iter(found))) if len(found) == 1 else None
        return asset.asset_id if asset is not None and asset.symbol == code.ticker else None

    def asset(self, asset_id: str) -> Asset | None:
        """An asset, made just now or known."""
        return self.new_assets.get(asset_id) or self.index.get(asset_id)

    def _take(self, facts: CodeFacts, quotes: Sequence[Quote]) -> None:
        """Decide about a code that the operator has not."""
        code = facts.code.venue
        made = imported_id("asset", self._maker, code)
        own = self.index.get(made)
        if own is not None and self.codes.code_of(own.asset_id) is not None:
            own = None
        if own is not None and not self._is_anothers(own):
            self.codes.bind(code, own.asset_id, name=facts.name)
            return
        found = self.candidates(facts, quotes)
        decision = decide(found)
        others = decide(c for c in found if c.asset_id != made)
        if decision.candidate is not None:
            self.bind(facts, decision.candidate)
            if own is not None and decision.candidate.asset_id != made:
                # What the other environment's code got before it was decided here.
                self.ask(facts, made, others, decision.candidate.asset_id)
        elif own is not None:
            said = (evidence(_K.OPERATOR_CODE, f"a test environment repeats {code}"),)
            kept = binding_evidence(Candidate(made, said), code, self._state.now)
            self.codes.bind(code, made, kept, name=facts.name)
            self.ask(facts, made, others, proposed(others))
        elif not self._is_ambiguous(facts.code):
            self._make(facts, made, decision, quotes)

    def _is_anothers(self, own: Asset) -> bool:
        """Whether a code's own asset was made by another environment's import, and undecided."""
        key = f"{self.holder}/{own.asset_id}"
        return own.unverified and self._state.get(VENUE_ASSET.name, key) is None

    def candidates(self, facts: CodeFacts, quotes: Sequence[Quote]) -> list[Candidate]:
        """Those of a code, and against those that have another code here: that they have."""
        known: dict[str, list[Evidence]] = {}
        ticker, at = facts.code.ticker, self._state.now
        for asset in self.index.by_ticker(ticker):
            is_its = not self.index.was_anothers(ticker, asset.asset_id, at)
            if asset.symbol == ticker and asset.asset_id in self._traded and is_its:
                detail = f"listings of {self._venue_id} stand on it"
                known[asset.asset_id] = [evidence(_K.OPERATOR_CODE, detail)]
        repeated = self._state.repeated_codes.get(facts.code.venue)
        if repeated is not None and not known:
            detail = f"{production_operator(self._venue_id)} means it by {facts.code.venue}"
            known[repeated.asset_id] = [evidence(_K.OPERATOR_CODE, detail)]
        found = find_candidates(self.index, facts, at, quotes, known)
        return [self._if_free(facts.code.venue, candidate) for candidate in found]

    def _if_free(self, code: str, candidate: Candidate) -> Candidate:
        other = self.codes.code_of(candidate.asset_id)
        if other in (None, code) or self._are_names_of_one(candidate.asset_id, code, other):
            return candidate
        detail = f"{other} means it here"
        return with_evidence(candidate, evidence(_K.OPERATOR_CODE, detail, against=True))

    def _are_names_of_one(self, asset_id: str, *codes: str | None) -> bool:
        """Whether codes are an asset's ticker and one that it had: a venue may list both."""
        asset = self.index.get(asset_id)
        former = () if asset is None else asset.former_names or ()
        tickers = {f.symbol for f in former if f.symbol and f.until is not None}
        return asset is not None and bool(tickers) and {*codes} <= {asset.symbol, *tickers}

    def _is_ambiguous(self, code: Code) -> bool:
        """Whether ccxt calls two of the venue's coins by one name, and this by no other."""
        if self._reading.is_reviewed:
            return False
        is_like = code.venue.isdigit() or code.venue.upper() == code.ticker.upper()
        return is_like and self._is_taken(code.ticker)

    def _is_taken(self, ticker: str) -> bool:
        assets = (self.asset(held) for held in set(self.codes.meanings.values()))
        return any(asset is not None and asset.symbol == ticker for asset in assets)

    def bind(self, facts: CodeFacts, candidate: Candidate) -> None:
        """Note a code as the candidate's."""
        code = facts.code.venue
        kept = list(binding_evidence(candidate, code, self._state.now))
        since = self._repeated_since(code, candidate)
        self.codes.bind(code, candidate.asset_id, kept, name=facts.name, since=since)
        asset = self.index.get(candidate.asset_id)
        self.bindings.append(
            CodeBinding(
                code,
                facts.code.ticker,
                candidate.asset_id,
                asset.name if asset is not None else "",
                tuple(e.kind for e in kept),
                "; ".join(e.detail for e in kept if e.detail),
            )
        )

    def _repeated_since(self, code: str, candidate: Candidate) -> dt.datetime | None:
        """Of a test environment's code: since when it means what it repeats, if that is known."""
        repeated = self._state.repeated_codes.get(code)
        if repeated is None or repeated.asset_id != candidate.asset_id:
            return None
        begun = repeated.listed_at
        return begun if begun is not None and begun <= self._state.now else None

    def _make(
        self, facts: CodeFacts, asset_id: str, decision: BindingDecision, quotes: Sequence[Quote]
    ) -> None:
        """Make an asset of its own for a code, and ask what there is to ask."""
        code = facts.code.venue
        # Two coins of one ticker: a reader that knows the venue's documentation says so.
        is_own_ticker = self._reading.is_reviewed or not self._is_taken(facts.code.ticker)
        self.make_asset(asset_id, facts.code.ticker if is_own_ticker else code, facts.names)
        self.codes.bind(code, asset_id, name=facts.name)
        if not self._is_newest:
            return
        markets = self._by_base.get(code, [])
        asked = list(ask_multiple(self.index, facts, asset_id, quotes, markets))
        if not asked:
            meanings = self.codes.meanings
            new = NewCode(facts, asset_id, decision.candidates, quotes, meanings)
            asked = self._successions.questions(new)
        self.questions += asked
        if not asked:
            self.ask(facts, asset_id, decision, proposed(decision))

    def make_asset(
        self,
        asset_id: str,
        ticker: str,
        names: Sequence[str] = (),
        asset_class: AssetClassCode | None = None,
    ) -> None:
        """Make an unverified asset."""
        self.new_assets[asset_id] = Asset(
            asset_id=asset_id,
            symbol=ticker,
            name=names[0] if names else ticker,
            asset_class=asset_class,
            unverified=True,
        )

    def ask(
        self, facts: CodeFacts, asset_id: str, decision: BindingDecision, asset_proposed: str | None
    ) -> None:
        """Ask which of the candidates a code is, if there are any; an older answer asks nothing."""
        if decision.verdict is not BindingVerdict.NEW and self._is_newest:
            self.questions.append(
                IdentityQuestion(
                    kind=FindingKind.SAME_TICKER,
                    code=facts.code.venue,
                    asset_id=asset_id,
                    candidates=decision.candidates,
                    spelling=facts.spelling,
                    proposed=asset_proposed,
                )
            )

    # ------------------------------------------------------------ reuse

    def _use_anew(self, facts: CodeFacts, reuse: Reuse) -> None:
        """Give a code a new asset from now on, until people say which one it is."""
        code = facts.code.venue
        asset_id = imported_id("asset", self.holder, code, reuse.begins.isoformat())
        self.codes.free(code, reuse.begins)
        if self.index.get(asset_id) is None:
            self.make_asset(asset_id, facts.code.ticker, facts.names)
        self.codes.bind(code, asset_id, name=facts.name, since=reuse.begins)
        self.reused[code] = reuse
        self.questions += reuse_questions(self.index, reuse, asset_id, self._last)

    def _last(self, spelling: str) -> VenueSymbol | None:
        find = self._state.find
        periods = list(find(VENUE_SYMBOL.name, "spelling", self._venue_id, spelling))
        ended = [v for v in periods if v.delisted_at is not None]
        last = max(ended, key=lambda v: v.delisted_at or self._state.now, default=None)
        return first_open(periods, self._state.now) or last

    def reuses_of(self, market: Market) -> list[Reuse]:
        """Of a market's codes, those that may mean another coin than before."""
        found = (self.reused.get(code.venue) for code in own_codes(market))
        return [reuse for reuse in found if reuse is not None]
