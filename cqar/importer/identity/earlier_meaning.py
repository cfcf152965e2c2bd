"""What a code meant at the time of an older answer, before a listing that came later. Pure.

It is the reuse of codes seen from behind: a spelling that the venue dates after the older answer is
another listing than the one there, and may be of another coin. An older answer asks nothing: what
nothing says to be the same coin gets an asset of its own, as it would have in the order of time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.candidates import evidence, find_candidates
from cqar.importer.identity.code_facts import CodeFacts
from cqar.importer.identity.codes import imported_id
from cqar.importer.identity.ladder import EvidenceKind, decide
from cqar.importer.market import Market
from cqar.importer.price_evidence import Quote
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, is_open


class EarlierMeanings:
    """Finds codes that meant another coin at the instant of the answers than they do since."""

    def __init__(self, state: RegistryState, venue_id: str, holder: str, index: AssetIndex) -> None:
        self._state = state
        self._venue_id = venue_id
        self._holder = holder
        self._index = index

    def of(
        self,
        facts: CodeFacts,
        asset_id: str,
        markets: Iterable[Market],
        quotes: Sequence[Quote],
    ) -> str | None:
        """The asset of its own that the code had then; None if it meant the same.

        Args:
            asset_id: What the code means since.
            markets: Of the answers, those of which it is the base.
        """
        at, code = self._state.now, facts.code.venue
        own_markets = list(markets)
        periods = [v for m in own_markets for v in self._periods(m.spelling)]
        # A market that has the date of a later period already was announced, and is that period.
        stated = {m.listed_at for m in own_markets}
        later = [
            v.listed_at
            for v in periods
            if v.listed_at is not None
            and v.listed_at > at
            and v.listed_at not in stated
            and self._base(v) == asset_id
        ]
        if not later:
            return None
        begins = min(later)
        own = imported_id("asset", self._holder, code, "until", begins.isoformat())
        covering = [v for v in periods if is_open(v, at) and (v.listed_at or at) <= at]
        if any(self._base(v) == own for v in covering):
            return own
        if any(self._base(v) == asset_id for v in (*covering, *self._others_then(begins))):
            return None
        late = evidence(EvidenceKind.DATE, f"listed {begins:%Y-%m-%d}", against=True)
        found = find_candidates(self._index, facts, at, quotes, {asset_id: (late,)})
        bound = decide(found).candidate
        return None if bound is not None and bound.asset_id == asset_id else own

    def _periods(self, spelling: str) -> list[VenueSymbol]:
        return list(self._state.find(VENUE_SYMBOL.name, "spelling", self._venue_id, spelling))

    def _others_then(self, begins: dt.datetime) -> Iterator[VenueSymbol]:
        """Listings of the operator's other product lines that traded all the while."""
        for listing in self._state.operator_listings:
            begun, seen = listing.listed_at, listing.first_seen_at
            if (begun is None or begun <= self._state.now) and (seen is None or seen < begins):
                yield listing

    def _base(self, listing: VenueSymbol) -> str | None:
        symbol = self._state.get(SYMBOL.name, listing.symbol_id)
        asset = self._index.get(symbol.base_asset_id) if symbol is not None else None
        return asset.asset_id if asset is not None else None
