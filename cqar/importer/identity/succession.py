"""Codes that may be what an operator called otherwise before. Pure.

Known successions join the code of the new asset with that of the old one. A full name that stands
under a new code while the old code is gone is a rename. What has another ticker and the same name,
or a longer ticker and the same price, may be listed twice. All of it is proposed, never taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.candidates import evidence
from cqar.importer.identity.code_facts import CodeFacts
from cqar.importer.identity.codes import is_of_class
from cqar.importer.identity.ladder import Candidate, EvidenceKind
from cqar.importer.identity.relisting import trades
from cqar.importer.identity.undecided import IdentityQuestion
from cqar.importer.market import Market
from cqar.importer.price_evidence import PriceVerdict, Quote, compare
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.asset_relationship import SuccessionCode
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol

#: A shorter ticker is the beginning or the end of too many others.
TICKER_CHARS_MIN: Final = 3
_K = EvidenceKind


class NewCode(NamedTuple):
    """A code that was not known, with the asset of its own that it got.

    Attributes:
        candidates: Those that have its ticker.
        quotes: Prices of one unit of it.
        meanings: Code -> asset id, of the operator's codes.
    """

    facts: CodeFacts
    asset_id: str
    candidates: tuple[Candidate, ...]
    quotes: Sequence[Quote]
    meanings: Mapping[str, str]


class SuccessionFinder:
    """Finds what a new code may be, among what the registry and the operator have.

    Args:
        markets: Of the answers, by the code of their base.
    """

    def __init__(
        self,
        state: RegistryState,
        venue_id: str,
        index: AssetIndex,
        markets: Mapping[str, Sequence[Market]],
    ) -> None:
        self._state = state
        self._venue_id = venue_id
        self._index = index
        self._markets = markets

    def questions(self, new: NewCode) -> list[IdentityQuestion]:
        """Ask what a new code is, where something says that it is not simply new."""
        return list(self._known(new)) or list(self._same_name(new)) or list(self._same_price(new))

    def _known(self, new: NewCode) -> Iterator[IdentityQuestion]:
        codes = set(new.meanings.values())
        for candidate in new.candidates:
            for edge in self._index.became(candidate.asset_id):
                has_come = edge.effective_at is None or edge.effective_at <= self._state.now
                if edge.from_asset_id in codes and has_come and not candidate.contradictions:
                    is_rename = edge.succession is SuccessionCode.RENAME
                    question = self._question(
                        new, FindingKind.RENAMED if is_rename else FindingKind.SWAP
                    )
                    question = msgspec.structs.replace(
                        question,
                        proposed=candidate.asset_id,
                        rate=edge.conversion_rate,
                        effective_at=edge.effective_at,
                    )
                    yield from self._by_listing(new, question, edge.from_asset_id)
                    return

    def _same_name(self, new: NewCode) -> Iterator[IdentityQuestion]:
        """Assets of the same full name and another ticker."""
        if not new.facts.names:
            return
        codes = {asset_id: code for code, asset_id in new.meanings.items()}
        known = {c.asset_id for c in new.candidates} | {new.asset_id}
        named = self._index.by_names(new.facts.names, new.facts.code.ticker)
        found = [a for a in named if a.asset_id not in known]
        found = [a for a in found if is_of_class(a, new.facts.kind) is not False]
        if not found:
            return
        detail = new.facts.names[0]
        others = tuple(
            Candidate(a.asset_id, (evidence(_K.NAME, detail, is_enough=False),)) for a in found
        )
        own = [a.asset_id for a in found if a.asset_id in codes]
        question = self._question(new, FindingKind.DUPLICATE, others)
        if len(own) == 1:
            is_gone = not self._trades(codes[own[0]])
            kind = FindingKind.RENAMED if is_gone else FindingKind.DUPLICATE
            question = msgspec.structs.replace(question, kind=kind, proposed=own[0])
            yield from self._by_listing(new, question, own[0])
        else:
            sole = found[0].asset_id if len(found) == 1 else None
            yield msgspec.structs.replace(question, proposed=sole)

    def _trades(self, code: str) -> bool:
        return any(trades(market, self._state.now) for market in self._markets.get(code, ()))

    def _same_price(self, new: NewCode) -> Iterator[IdentityQuestion]:
        """Assets of the operator's of a shorter ticker, which are worth the same."""
        if not new.quotes:
            return
        ticker = new.facts.code.ticker
        parts = {ticker[:n] for n in range(TICKER_CHARS_MIN, len(ticker))}
        parts |= {ticker[n:] for n in range(1, len(ticker) - TICKER_CHARS_MIN + 1)}
        held = set(new.meanings.values()) - {new.asset_id}
        assets = [a for part in sorted(parts) for a in self._index.by_ticker(part)]
        for asset in assets:
            if asset.asset_id not in held:
                continue
            found = compare(new.quotes, self._index.quotes(asset.asset_id), self._index.rates)
            if found.verdict is PriceVerdict.AGREES:
                price = evidence(_K.PRICE, found.detail, is_enough=False)
                other = Candidate(asset.asset_id, (price,))
                question = self._question(new, FindingKind.DUPLICATE, (other,))
                question = msgspec.structs.replace(question, proposed=asset.asset_id)
                yield from self._by_listing(new, question, asset.asset_id)
                return

    def _question(
        self, new: NewCode, kind: FindingKind, others: tuple[Candidate, ...] = ()
    ) -> IdentityQuestion:
        return IdentityQuestion(
            kind=kind,
            code=new.facts.code.venue,
            asset_id=new.asset_id,
            candidates=(*others, *new.candidates),
            spelling=new.facts.spelling,
        )

    # ------------------------------------------------------------ counterparts

    def _by_listing(
        self, new: NewCode, question: IdentityQuestion, old_asset_id: str
    ) -> Iterator[IdentityQuestion]:
        """Ask for each new listing of which the old asset has a counterpart; else for the first."""
        before = self._listings_of(old_asset_id)
        own = self._markets.get(new.facts.code.venue, ())
        asked = False
        for market in own:
            pair = (market.symbol_type, new.meanings.get(market.quote.venue))
            if pair in before:
                asked = True
                yield msgspec.structs.replace(
                    question,
                    is_about_listing=True,
                    spelling=market.spelling,
                    from_spelling=before[pair].venue_symbol,
                )
        if not asked:
            yield msgspec.structs.replace(question, is_about_listing=bool(own))

    def _listings_of(self, asset_id: str) -> dict[tuple[object, str | None], VenueSymbol]:
        """Type and quote asset -> the newest listing of an asset at the venue."""
        found: dict[tuple[object, str | None], VenueSymbol] = {}
        for listing in self._listings.get(asset_id, ()):
            symbol: Symbol | None = self._state.get(SYMBOL.name, listing.symbol_id)
            if symbol is not None:
                found[symbol.symbol_type, symbol.quote_asset_id] = listing
        return found

    @cached_property
    def _listings(self) -> dict[str, list[VenueSymbol]]:
        """Base asset -> listings at the venue, the oldest first."""
        found: dict[str, list[VenueSymbol]] = {}
        own = (v for v in self._state.all(VENUE_SYMBOL) if v.venue_id == self._venue_id)
        for listing in sorted(own, key=lambda v: v.first_seen_at or self._state.now):
            symbol = self._state.get(SYMBOL.name, listing.symbol_id)
            if symbol is not None and not listing.alias_of:
                found.setdefault(symbol.base_asset_id, []).append(listing)
        return found
