"""The assets that a code may mean, and what speaks for and against each. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from cqar.importer.identity.asset_index import AssetIndex, names_of
from cqar.importer.identity.code_facts import CodeFacts
from cqar.importer.identity.codes import is_of_class, leveraged_in
from cqar.importer.identity.ladder import Candidate, Evidence, EvidenceKind
from cqar.importer.identity.names import NameComparison, compare_with_any, is_name
from cqar.importer.price_evidence import PriceVerdict, Quote, compare
from cqar_shared.domain.kinds.asset import Asset
from cqar_shared.domain.kinds.venue_asset import DETAIL_CHARS_MAX

#: More namesakes say no more: a finding holds 64 pieces of evidence.
CANDIDATES_MAX: Final = 16
_K = EvidenceKind


def evidence(
    kind: EvidenceKind, detail: str, *, against: bool = False, is_enough: bool = True
) -> Evidence:
    text = detail[:DETAIL_CHARS_MAX]
    return Evidence(kind=kind, detail=text, is_against=against, is_enough=is_enough)


def find_candidates(
    index: AssetIndex,
    facts: CodeFacts,
    at: dt.datetime,
    quotes: Sequence[Quote] = (),
    known: Mapping[str, Sequence[Evidence]] | None = None,
) -> list[Candidate]:
    """Collect the candidates of a code: by contract, by ticker, and those that are known.

    Args:
        at: The instant of the answers.
        quotes: Prices of one unit of the code.
        known: Asset id -> what is known of it already, such as that the operator uses the code.
    """
    contracts = index.by_contract(facts.currency)
    given = dict(known or {})
    ids = {*contracts, *given} | {a.asset_id for a in index.by_ticker(facts.code.ticker)}
    found = [a for a in map(index.get, sorted(ids)) if a is not None]
    ages = {a.asset_id: _name_age(facts, a, at) for a in found}
    newest = min((age for age in ages.values() if age is not None), default=None)
    candidates = []
    for asset in found:
        pieces = [
            *given.get(asset.asset_id, ()),
            *_by_contract(index, facts, asset, contracts),
            *_by_name(facts, asset, is_newest=ages[asset.asset_id] in (newest, None)),
            *_by_price(index, asset, quotes),
            *_by_ticker(index, facts, asset, at),
            *_by_class(facts, asset),
        ]
        candidate = Candidate(asset.asset_id, tuple(pieces), index.is_placeholder(asset))
        if _is_in_question(index, asset, candidate):
            candidates.append(candidate)
    candidates.sort(key=lambda c: (-len(c.supports), len(c.contradictions), c.asset_id))
    return candidates[:CANDIDATES_MAX]


def _is_in_question(index: AssetIndex, asset: Asset, candidate: Candidate) -> bool:
    """Whether a code may mean it: a namesake that only a list of tokens knows is no candidate.

    Such lists hold thousands of tokens that no venue trades. One that a person has identified, or
    on which a symbol stands, is asked about by its ticker alone; the others need more.
    """
    is_known = not asset.unverified or asset.asset_id in index.traded
    coin = leveraged_in(asset.symbol) if candidate.is_placeholder else None
    if coin is not None and any(not known.unverified for known in index.by_ticker(coin)):
        # Each venue issues its own BTC3L.
        is_known = False
    return is_known or bool(candidate.supports - {_K.TICKER})


def _by_contract(
    index: AssetIndex, facts: CodeFacts, asset: Asset, contracts: Mapping[str, str]
) -> Iterator[Evidence]:
    if asset.asset_id in contracts:
        yield evidence(_K.CONTRACT, contracts[asset.asset_id])
    elif contracts:
        detail = f"{next(iter(contracts.values()))} is another asset's"
        yield evidence(_K.CONTRACT, detail, against=True)
    elif other := index.other_contract(asset, facts.currency):
        yield evidence(_K.CONTRACT, f"{other}: its contract there is another one", against=True)


def _same_ticker(ticker: str, symbol: str | None) -> bool:
    return bool(symbol) and (symbol == ticker or (symbol or "").upper() == ticker)


def _name_age(facts: CodeFacts, asset: Asset, at: dt.datetime) -> int | None:
    """How current the name and ticker are under which the venue's are the asset's.

    0: the asset was called so at the instant, and is no more. 1: it is called so now. 2: it was
    called so before. None: it never was, or had another ticker then.
    """
    ages = []
    for former in asset.former_names or ():
        symbol, name = former.symbol or asset.symbol, former.name or asset.name
        is_then = former.until is not None and former.until > at
        if _same_ticker(facts.code.ticker, symbol) and _is_called(facts, [name], symbol):
            ages.append(0 if is_then else 2)
    if _same_ticker(facts.code.ticker, asset.symbol) and _is_called(
        facts, [asset.name], asset.symbol
    ):
        ages.append(1)
    return min(ages, default=None)


def _is_called(facts: CodeFacts, names: Iterable[str], symbol: str) -> bool:
    known = [n for n in names if is_name(n, symbol)]
    return compare_with_any(facts.names, known, facts.code.ticker) is NameComparison.SAME


def _by_name(facts: CodeFacts, asset: Asset, *, is_newest: bool) -> Iterator[Evidence]:
    names = names_of(asset)
    result = compare_with_any(facts.names, names, facts.code.ticker)
    ours = " or ".join(facts.names[:2])
    if result is NameComparison.SAME:
        has_ticker = any(
            _same_ticker(facts.code.ticker, symbol)
            for symbol in (asset.symbol, *(f.symbol for f in asset.former_names or ()))
        )
        detail = f"{ours}, {facts.code.ticker}"
        yield evidence(_K.NAME, detail, is_enough=has_ticker and is_newest)
    elif result is NameComparison.DIFFERENT:
        yield evidence(_K.NAME, f"{ours}, and not {asset.name}", against=True)


def _by_price(index: AssetIndex, asset: Asset, quotes: Sequence[Quote]) -> Iterator[Evidence]:
    if not quotes:
        return
    found = compare(quotes, index.quotes(asset.asset_id), index.rates)
    if found.verdict is PriceVerdict.AGREES:
        yield evidence(_K.PRICE, found.detail, is_enough=found.is_enough)
    elif found.verdict is PriceVerdict.CONTRADICTS:
        yield evidence(_K.PRICE, found.detail, against=True)
    elif found.verdict is PriceVerdict.RATIO:
        detail = f"{found.units} times: {found.detail}"
        yield evidence(_K.PRICE, detail, against=True)


def _by_ticker(
    index: AssetIndex, facts: CodeFacts, asset: Asset, at: dt.datetime
) -> Iterator[Evidence]:
    ticker = facts.code.ticker
    is_own = _same_ticker(ticker, asset.symbol)
    is_marked = asset.unambiguous_ticker and not facts.is_token
    if is_marked and is_of_class(asset, facts.kind):
        if is_own:
            yield evidence(_K.CATALOGUE_TICKER, f"nothing else trades as {ticker}")
        elif (until := _had_ticker_until(index, asset, ticker)) is not None and at < until:
            detail = f"nothing else traded as {ticker}, its ticker until {until:%Y-%m-%d}"
            yield evidence(_K.CATALOGUE_TICKER, detail)
    if is_own:
        yield evidence(_K.TICKER, ticker)
    elif any(_same_ticker(ticker, f.symbol) for f in asset.former_names or ()):
        yield evidence(_K.TICKER, f"{ticker} was its ticker")


def _had_ticker_until(index: AssetIndex, asset: Asset, ticker: str) -> dt.datetime | None:
    """When an asset lost a ticker that no other known one has or had; None if it did not."""
    others = (a for a in index.by_ticker(ticker) if a.asset_id != asset.asset_id)
    if any(not other.unverified for other in others):
        return None
    found = (f for f in asset.former_names or () if _same_ticker(ticker, f.symbol))
    return max((f.until for f in found if f.until is not None), default=None)


def _by_class(facts: CodeFacts, asset: Asset) -> Iterator[Evidence]:
    stated = facts.kind.name if facts.kind is not None else "a coin or a currency"
    known = asset.asset_class.name if asset.asset_class is not None else ""
    if facts.is_token and is_of_class(asset, facts.kind):
        detail = f"a token on it is not the {known.lower()} itself"
        yield evidence(_K.CLASS, detail, against=True)
    elif not facts.is_token and is_of_class(asset, facts.kind) is False:
        yield evidence(_K.CLASS, f"the code is {stated}, and it is {known}", against=True)


def with_evidence(candidate: Candidate, *more: Evidence) -> Candidate:
    return msgspec.structs.replace(candidate, evidence=(*candidate.evidence, *more))
