"""Lists of identifiers, each form read into the same rows. Pure.

A file's form is told by its content: CoinGecko's list of coins with platforms, CoinMarketCap's map
of ids, rotki's assets, Wormhole's and Jupiter's tables, the DTI registry, or a plain CSV with the
columns external_id, asset (and source). Only what a row says itself is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from cqar.importer.reference.list_file import (
    ListFile,
    Record,
    UnreadableRow,
    as_record,
    records_of,
    required,
    text_of,
)
from cqar.importer.reference.platforms import COINGECKO, COINMARKETCAP, WORMHOLE
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource

_S = AssetDataSource
#: Contracts of one row; more are no coin's.
CONTRACTS_MAX: Final = 64
_ISIN: Final = re.compile(r"ISIN: ?([A-Z]{2}[A-Z0-9]{9}[0-9])")
#: A chain's own id, or its network's number.
ChainRef = str | int


class IdentifierRow(NamedTuple):
    """What a row says of one asset.

    Attributes:
        text: The row in a line.
        names: (source, external id): what the row says that the asset is called.
        known_by: Further identifiers of the row, by which the asset may be known.
        contracts: (chain, address), of the asset itself.
        asset: The asset as a plain list names it; empty elsewhere.
        silent: Why there is nothing to attach.
    """

    text: str
    names: tuple[tuple[AssetDataSource, str], ...] = ()
    known_by: tuple[tuple[AssetDataSource, str], ...] = ()
    contracts: tuple[tuple[ChainRef | None, str], ...] = ()
    asset: str = ""
    silent: str = ""


Read = Callable[[Record], IdentifierRow]


def _coingecko(record: Record) -> IdentifierRow:
    coin = required(record, "id")
    platforms = record.get("platforms") or {}
    if not isinstance(platforms, dict):
        raise UnreadableRow("platforms is no object")
    contracts = [
        (COINGECKO.get(name), address.strip())
        for name, address in platforms.items()
        if isinstance(address, str) and address.strip()
    ]
    text = f"{coin}: {text_of(record, 'symbol')} ({text_of(record, 'name')})"
    return IdentifierRow(text, ((_S.COINGECKO, coin),), contracts=tuple(contracts[:CONTRACTS_MAX]))


def _coinmarketcap(record: Record) -> IdentifierRow:
    coin = required(record, "id")
    platform = record.get("platform") or {}
    if not isinstance(platform, dict):
        raise UnreadableRow("platform is no object")
    address = text_of(platform, "token_address")
    contracts = ((COINMARKETCAP.get(text_of(platform, "slug")), address),) if address else ()
    text = f"{coin}: {text_of(record, 'symbol')} ({text_of(record, 'name')})"
    return IdentifierRow(text, ((_S.COINMARKETCAP, coin),), contracts=contracts)


def _coinmarketcap_tokens(record: Record) -> IdentifierRow:
    text = f"{text_of(record, 'symbol')} ({text_of(record, 'name')}) {text_of(record, 'address')}"
    coin = text_of(record, "id")
    if not coin:
        return IdentifierRow(text, silent="the row has no id of CoinMarketCap")
    return IdentifierRow(text, ((_S.COINMARKETCAP, coin),), silent="the row names no chain")


def _rotki(record: Record) -> IdentifierRow:
    identifier, coin = required(record, "identifier"), text_of(record, "coingecko")
    text = f"{identifier}: {text_of(record, 'symbol')} ({text_of(record, 'name')})"
    if not coin:
        return IdentifierRow(text, silent="the row names no identifier of another source")
    chain, address = text_of(record, "chain"), text_of(record, "address")
    reference: ChainRef = int(chain) if chain.isdecimal() and len(chain) < 19 else chain
    contracts = ((reference, address),) if chain and address else ()
    return IdentifierRow(text, ((_S.COINGECKO, coin),), contracts=contracts)


def _wormhole(record: Record) -> IdentifierRow:
    """The token at its source; where it was bridged to, it is another asset."""
    chain = text_of(record, "origin") or text_of(record, "source")
    address, coin = text_of(record, "sourceAddress"), text_of(record, "coingeckoId")
    text = f"{chain} {address}: {text_of(record, 'symbol')} ({text_of(record, 'name')})"
    if not coin:
        return IdentifierRow(text, silent="the row names no identifier of another source")
    contracts = ((WORMHOLE.get(chain), address),) if address else ()
    return IdentifierRow(text, ((_S.COINGECKO, coin),), contracts=contracts)


def _jupiter(record: Record) -> IdentifierRow:
    text = f"{text_of(record, 'Mint')}: {text_of(record, 'Symbol')} ({text_of(record, 'Name')})"
    return IdentifierRow(text, silent="the row names a contract and no identifier")


def _dti(record: Record) -> IdentifierRow:
    """Its group of equivalent tokens has wrapped ones too, so it says of no asset which it is."""
    dti, name = required(record, "dti"), text_of(record, "long_name")
    isins = tuple((_S.ISIN, isin) for isin in _ISIN.findall(name)[:1])
    return IdentifierRow(f"{dti}: {name}", ((_S.DTI, dti),), known_by=isins)


def _plain(source: AssetDataSource | None) -> Read:
    def read(record: Record) -> IdentifierRow:
        named = text_of(record, "source").upper()
        if named and named not in _S.__members__:
            raise UnreadableRow(f"source {named[:40]!r} is none of {', '.join(_S.__members__)}")
        of = AssetDataSource[named] if named else source
        if of is None:
            raise UnreadableRow("source is missing: give --source")
        external, asset = required(record, "external_id"), required(record, "asset")
        return IdentifierRow(f"{of.name} {external}: {asset}", ((of, external),), asset=asset)

    return read


def reader_of(source: ListFile, data_source: AssetDataSource | None) -> tuple[str, Read]:
    """Return the name of a file's form, and what reads its records.

    Raises:
        UnusableAnswer: The file has none of the forms that are known.
    """
    columns = set(source.columns)
    forms: tuple[tuple[str, set[str], Read], ...] = (
        ("plain", {"external_id", "asset"}, _plain(data_source)),
        ("rotki's assets", {"identifier", "coingecko", "chain", "address"}, _rotki),
        ("Wormhole's table", {"sourceAddress", "coingeckoId"}, _wormhole),
        ("the DTI registry", {"dti", "dti_type", "long_name"}, _dti),
        ("Jupiter's tokens", {"Mint", "Symbol", "Name"}, _jupiter),
        (
            "CoinMarketCap's tokens",
            {"symbol", "name", "address", "market_cap"},
            _coinmarketcap_tokens,
        ),
    )
    for name, wanted, read in forms:
        if columns >= wanted:
            return name, read
    first = next(iter(raw_rows(source)), None) if not source.is_csv else None
    if isinstance(first, dict) and "platforms" in first:
        return "CoinGecko's coins", _coingecko
    if isinstance(first, dict) and {"id", "slug"} <= set(first):
        return "CoinMarketCap's map", _coinmarketcap
    raise UnusableAnswer(
        f"{source.name} is no list of identifiers that is known: CoinGecko's coins with platforms,"
        " CoinMarketCap's map, rotki's assets, Wormhole's or Jupiter's tables, the DTI registry, or"
        " a CSV with the columns external_id, asset and, if wanted, source"
    )


def raw_rows(source: ListFile) -> list[Any]:
    """Return a file's records.

    Raises:
        UnusableAnswer: It has none.
    """
    if source.is_csv:
        rows: list[Any] = source.value
        return rows
    value = source.value
    return records_of(value.get("data") if isinstance(value, dict) else value, source.name)


def identifier_rows(source: ListFile, read: Read) -> Iterator[tuple[Any, IdentifierRow | str]]:
    """Yield each record with what it says, or with why it cannot be read."""
    for raw in raw_rows(source):
        try:
            yield raw, read(as_record(raw))
        except UnreadableRow as error:
            yield raw, str(error)
