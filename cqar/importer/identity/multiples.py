"""Codes that look like many units of a coin, which nobody has stated. Pure.

The factor stands in the code's text, and in the ratio of prices where there are some. It is
proposed and never taken: two people decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cqar.importer.identity.asset_index import AssetIndex
from cqar.importer.identity.candidates import evidence
from cqar.importer.identity.code_facts import CodeFacts
from cqar.importer.identity.codes import is_of_class, multiple_in
from cqar.importer.identity.ladder import Candidate, EvidenceKind
from cqar.importer.identity.undecided import IdentityQuestion
from cqar.importer.market import Market
from cqar.importer.price_evidence import PriceVerdict, Quote, compare
from cqar_shared.domain.finding_policy import FindingKind

_K = EvidenceKind


def ask_multiple(
    index: AssetIndex,
    facts: CodeFacts,
    asset_id: str,
    quotes: Sequence[Quote],
    markets: Iterable[Market],
) -> Iterator[IdentityQuestion]:
    """Ask what a code is a multiple of, for each of its listings.

    Args:
        asset_id: What the code is until it is decided.
        quotes: Prices of one unit of it.
        markets: Those of which it is the base.
    """
    multiple = multiple_in(facts.code)
    if multiple is None:
        return
    candidates = []
    units = {}
    for asset in index.by_ticker(multiple.ticker):
        if asset.asset_id == asset_id or is_of_class(asset, facts.kind) is False:
            continue
        pieces = [evidence(_K.TICKER, multiple.ticker)]
        found = compare(quotes, index.quotes(asset.asset_id), index.rates)
        if found.verdict is PriceVerdict.RATIO:
            pieces.insert(0, evidence(_K.PRICE, found.detail, is_enough=found.is_enough))
            units[asset.asset_id] = found.units
        elif found.verdict is not PriceVerdict.UNKNOWN:
            pieces.insert(0, evidence(_K.PRICE, found.detail, against=True))
        candidates.append(Candidate(asset.asset_id, tuple(pieces)))
    free = [c for c in candidates if not c.contradictions]
    priced = [c for c in free if c.asset_id in units]
    likely = priced or free
    proposed = likely[0].asset_id if len(likely) == 1 else None
    for market in markets:
        yield IdentityQuestion(
            kind=FindingKind.MULTIPLIER,
            code=facts.code.venue,
            asset_id=asset_id,
            candidates=tuple(candidates),
            is_about_listing=True,
            spelling=market.spelling,
            proposed=proposed,
            units=units.get(proposed or "") or multiple.units,
        )
