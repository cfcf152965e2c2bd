"""Token lists in the form of the Uniswap standard: Uniswap's, the Superchain's, Solana's. Pure.

https://github.com/Uniswap/token-lists. A list's links between addresses (`extensions.bridgeInfo`,
and the Superchain's `opTokenId`) make two places one asset only if both have one ticker and both
are on main networks or both on test networks: links also lead from USDC to USDC.e, which is
another asset.

A CSV with the columns chain, address, symbol, name and decimals, such as rotki's assets, is read as
a list without links.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import (
    ListFile,
    Record,
    UnreadableRow,
    as_record,
    number_of,
    records_of,
    required,
    text_of,
)
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import OWN_COIN_ADDRESSES, ChainPlace, Places
from cqar.importer.reference.statements import RowOutcome, Statements
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.chain import Chain

KIND: Final = "tokenlist"
#: A CSV of tokens; a chain is a network's number, or solana.
_CSV_COLUMNS: Final = frozenset({"chain", "address", "symbol", "name", "decimals"})
_SOLANA_NUMBER: Final = "501000101"
#: Networks that one token's links may lead to.
LINKS_MAX: Final = 256


class Token(NamedTuple):
    """A token of a list.

    Attributes:
        links: (network number, address) of what the list calls the same token elsewhere.
        group: The list's own id of the token on all networks; empty without one.
    """

    number: int
    address: str
    symbol: str
    name: str
    decimals: int
    links: tuple[tuple[int, str], ...]
    group: str


class _Listed(NamedTuple):
    token: Token
    chain: Chain
    place: ChainPlace


def tokens_of(source: ListFile) -> list[Any]:
    """Return a list's raw tokens.

    Raises:
        UnusableAnswer: It is no token list.
    """
    value, where = source.value, source.name
    if source.is_csv:
        if not set(source.columns) >= _CSV_COLUMNS:
            wanted = ", ".join(sorted(_CSV_COLUMNS))
            raise UnusableAnswer(f"{where} is no token list: a CSV of one has {wanted}")
        return [_token_of_row(record) for record in value]
    inner = value.get("default") if isinstance(value, dict) and "tokens" not in value else value
    if not isinstance(inner, dict) or "tokens" not in inner:
        raise UnusableAnswer(f"{where} is no token list: it has no `tokens`")
    return records_of(inner["tokens"], where)


def _token_of_row(record: Record) -> Record:
    """A row of a CSV, such as rotki's assets, in the standard's words."""
    names = {"chain": "chainId", "identifier": "identifier"}
    token = {names.get(name, name): text for name, text in record.items() if text}
    if token.get("chainId") == "solana":
        token["chainId"] = _SOLANA_NUMBER
    return token


def read_token(raw: Any) -> Token:
    """Read a token.

    Raises:
        UnreadableRow: It does not have the standard's form.
    """
    record = as_record(raw)
    extensions = record.get("extensions") or {}
    bridged = extensions.get("bridgeInfo") if isinstance(extensions, dict) else None
    links: list[tuple[int, str]] = []
    for number, target in (bridged if isinstance(bridged, dict) else {}).items():
        address = target.get("tokenAddress") if isinstance(target, dict) else None
        if isinstance(address, str) and number.isdecimal() and len(links) < LINKS_MAX:
            links.append((number_of(number, "bridgeInfo"), address))
    return Token(
        number_of(required(record, "chainId"), "chainId"),
        required(record, "address"),
        required(record, "symbol"),
        required(record, "name"),
        number_of(required(record, "decimals"), "decimals"),
        tuple(links),
        text_of(extensions, "opTokenId") if isinstance(extensions, dict) else "",
    )


def plan_token_list(stated: Statements) -> ListPlan:
    """Say what a token list would change.

    Raises:
        UnusableAnswer: It is no token list.
    """
    places = Places(stated.state)
    assets = ListAssets(stated, places)
    raws = tokens_of(stated.source)
    listed = [_listed(raw, places) for raw in raws]
    links = _Links(assets, [one for one in listed if isinstance(one, _Listed)])
    for raw, one in zip(raws, listed, strict=True):
        stated.begin(_text(raw), raw)
        if isinstance(one, _Listed):
            _state(stated, assets, links, one)
        else:
            stated.refuse(*one)
    return ListPlan(KIND, stated)


def _text(raw: Any) -> str:
    record = raw if isinstance(raw, dict) else {}
    names = [str(record.get(name, ""))[:64] for name in ("chainId", "address", "symbol", "name")]
    return f"chain {names[0]}, {names[1]}: {names[2]} ({names[3]})"


def _listed(raw: Any, places: Places) -> _Listed | tuple[RowOutcome, str]:
    if isinstance(raw, dict) and "identifier" in raw and not raw.get("address"):
        return RowOutcome.UNSUPPORTED, "it is no contract"
    try:
        token = read_token(raw)
    except UnreadableRow as error:
        return RowOutcome.UNREADABLE, str(error)
    if token.address.lower() in OWN_COIN_ADDRESSES:
        return RowOutcome.UNSUPPORTED, "no contract stands there: it names the chain's own coin"
    chain = places.chain_of_listed(token.number, token.address)
    if chain is None:
        return RowOutcome.UNSUPPORTED, f"no chain of the number {token.number}: import chains first"
    return _Listed(token, chain, places.place(chain, token.address))


def _state(stated: Statements, assets: ListAssets, links: _Links, one: _Listed) -> None:
    token, chain, place = one
    asset_id = assets.places.asset_at(place)
    if asset_id is not None:
        stated.row.by = "CONTRACT"
    elif (asset_id := links.asset_of(place)) is not None:
        stated.row.by = "LINK"
    else:
        asset_id = assets.new_asset(place, token.symbol, token.name, chain=chain)
    assets.deploy(asset_id, chain, token.address, token.decimals)
    links.settle(place, asset_id)


class _Links:
    """Places that a list takes for one asset, as far as their tickers agree."""

    def __init__(self, assets: ListAssets, listed: list[_Listed]) -> None:
        self._assets = assets
        self._near: defaultdict[ChainPlace, list[ChainPlace]] = defaultdict(list)
        self._symbols: defaultdict[ChainPlace, set[str]] = defaultdict(set)
        self._is_testnet: dict[ChainPlace, bool] = {}
        for one in listed:
            self._symbols[one.place].add(one.token.symbol.upper())
            self._is_testnet[one.place] = one.chain.is_testnet
        for place, other in self._pairs(listed):
            if self._agree(place, other):
                self._near[place].append(other)
                self._near[other].append(place)

    def _pairs(self, listed: Iterable[_Listed]) -> Iterator[tuple[ChainPlace, ChainPlace]]:
        groups: defaultdict[str, list[ChainPlace]] = defaultdict(list)
        places = self._assets.places
        for one in listed:
            for number, address in one.token.links:
                chain = places.chain_of_listed(number, address)
                if chain is not None:
                    other = places.place(chain, address)
                    self._is_testnet[other] = chain.is_testnet
                    yield one.place, other
            if one.token.group:
                # One pair a ticker and kind of network is enough.
                groups[f"{one.token.group}\n{one.token.symbol}\n{one.chain.is_testnet}"].append(
                    one.place
                )
        for members in groups.values():
            yield from itertools.pairwise(members)

    def _agree(self, one: ChainPlace, other: ChainPlace) -> bool:
        if one == other or self._is_testnet[one] != self._is_testnet[other]:
            return False
        return bool(self._symbols_of(one) & self._symbols_of(other))

    def _symbols_of(self, place: ChainPlace) -> set[str]:
        known = self._assets.places.asset_at(place)
        named = self._assets.symbols_of(known) if known is not None else set()
        return self._symbols[place] | named

    def asset_of(self, place: ChainPlace) -> str | None:
        """Return the one known asset that a place is linked to, over however many links.

        The nearest ones count: a link of the place itself overrules one of a link.
        """
        seen, frontier = {place}, [place]
        while frontier:
            beyond: list[ChainPlace] = []
            for at in frontier:
                beyond += [other for other in self._near[at] if other not in seen]
                seen.update(self._near[at])
            known = {self._assets.places.asset_at(other) for other in beyond} - {None}
            if known:
                return known.pop() if len(known) == 1 else None
            frontier = beyond
        return None

    def settle(self, place: ChainPlace, asset_id: str) -> None:
        """Propose to merge what the list links and the registry has as two assets."""
        for other in self._near[place]:
            found = self._assets.places.asset_at(other)
            if found is not None and found != asset_id:
                keep, gone = self._assets.older(asset_id, found)
                self._assets.duplicates(keep, gone, f"links {place.address} and {other.address}")
