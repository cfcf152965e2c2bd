"""Which files say the same of an asset as the catalogue does.

A file's row speaks of an asset if it names one of its contracts, its CoinGecko id, or its name with
one of its tickers. Its ticker alone says nothing.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from cqar import catalogue
from tests.catalogue.fact_files import Fact, facts, plain_name, spelled

Row = dict[str, Any]


class Evidence(NamedTuple):
    """Facts that speak of one asset.

    Attributes:
        row: The asset's row of the catalogue.
        by_name: Those that name it: one of its names with one of its tickers.
        by_place: Those that name one of its contracts or its id at CoinGecko.
    """

    row: Row
    by_name: tuple[Fact, ...]
    by_place: tuple[Fact, ...]

    @property
    def ticker_files(self) -> set[str]:
        """The files that call it by its ticker."""
        ticker = self.row["symbol"].upper()
        return {f.file for f in (*self.by_name, *self.by_place) if f.ticker == ticker}

    @property
    def name_files(self) -> set[str]:
        """The files that call it by its present name, whatever ticker they give."""
        name = plain_name(self.row["name"])
        found = (*self.by_name, *self.by_place)
        return {f.file for f in found if f.name and plain_name(f.name) == name}


def tickers_of(row: Row) -> set[str]:
    """The tickers that an asset has or had, in capitals."""
    former = (name["symbol"] for name in row["former"])
    return {ticker.upper() for ticker in (row["symbol"], *former) if ticker}


def names_of(row: Row) -> set[str]:
    """The names that an asset has or had, as facts compare them."""
    former = (name["name"] for name in row["former"])
    return {plain_name(name) for name in (row["name"], *former) if name}


@functools.cache
def _places() -> dict[tuple[str, str], list[Fact]]:
    """Contract or id -> facts; what names no chain is under its address alone."""
    found: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts():
        if fact.address:
            found[fact.chain, fact.address].append(fact)
        if fact.coingecko:
            found["COINGECKO", fact.coingecko].append(fact)
    return dict(found)


@functools.cache
def by_ticker() -> dict[str, list[Fact]]:
    found: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts():
        found[fact.ticker].append(fact)
    return dict(found)


def facts_of_address(chain: str, address: str) -> list[Fact]:
    """Facts of a contract; of a file that names no chain, those of its address."""
    places = _places()
    plain = spelled(address)
    return [*places.get((chain, plain), ()), *places.get(("", plain), ())]


def facts_of_id(external_id: str) -> list[Fact]:
    return list(_places().get(("COINGECKO", external_id), ()))


def files(found: Iterable[Fact]) -> list[str]:
    return sorted({fact.file for fact in found})


@functools.cache
def evidence() -> dict[str, Evidence]:
    """Slug of the asset -> the facts that speak of it."""
    placed: defaultdict[str, list[Fact]] = defaultdict(list)
    for row in catalogue.read_table("deployments"):
        if row["address"]:
            placed[row["asset"]] += facts_of_address(row["chain"], row["address"])
    for row in catalogue.read_table("identifiers"):
        if row["source"] == "COINGECKO":
            placed[row["asset"]] += facts_of_id(row["id"])
    return {
        row["slug"]: Evidence(row, _named(row), tuple(placed[row["slug"]]))
        for row in catalogue.read_table("assets")
    }


def _named(row: Row) -> tuple[Fact, ...]:
    names = names_of(row)
    known = by_ticker()
    found = (fact for ticker in tickers_of(row) for fact in known.get(ticker, ()))
    return tuple(fact for fact in found if fact.name and plain_name(fact.name) in names)
