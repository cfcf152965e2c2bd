"""In which files each fact of the catalogue stands: kind of fact -> fact -> files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Final

from cqar import catalogue
from tests.catalogue import successions
from tests.catalogue.evidence import (
    Evidence,
    by_ticker,
    evidence,
    facts_of_address,
    facts_of_id,
    files,
    tickers_of,
)
from tests.catalogue.fact_files import (
    CHAINS_FILE,
    DATA,
    DTI_FILE,
    Fact,
    chains_listed,
    facts,
    plain_name,
)
from tests.catalogue.venue_codes import files_of_codes

Standing = dict[str, list[str]]

#: What tokens of shares add to the share's ticker: AAPLX, AAPLON, AAPLx.
_SHARE_ENDINGS: Final = ("", "X", "ON")
_SHARE_NAMES: Final = re.compile(
    r"\b(xstock|tokenized stock.*|inc|incorporated|class a)\b", re.IGNORECASE
)


def tickers() -> Standing:
    return {slug: sorted(_ticker_files(known)) for slug, known in evidence().items()}


def _ticker_files(known: Evidence) -> set[str]:
    row = known.row
    if row["class"] == "CRYPTO":
        return known.ticker_files
    # Nobody gives these contracts or ids: whoever names them, and whoever trades them.
    named = {fact.file for fact in _named(row["symbol"], row["class"], row["name"])}
    return named | files_of_codes().get(row["symbol"], frozenset())


def names() -> Standing:
    """Coins' names; for the rest it is enough that one file has the name."""
    return {s: sorted(k.name_files) for s, k in evidence().items() if k.row["class"] == "CRYPTO"}


def names_of_others() -> Standing:
    """Names of what is no coin."""
    return {
        slug: files(_named(known.row["symbol"], known.row["class"], known.row["name"]))
        for slug, known in evidence().items()
        if known.row["class"] != "CRYPTO"
    }


def _named(ticker: str, asset_class: str, name: str) -> Iterator[Fact]:
    endings = ("",) if asset_class == "FIAT" else _SHARE_ENDINGS
    wanted = _bare(name)
    for ending in endings:
        for fact in by_ticker().get(f"{ticker}{ending}", ()):
            if fact.name and _bare(fact.name) == wanted:
                yield fact


def _bare(name: str) -> str:
    return plain_name(_SHARE_NAMES.sub(" ", name.replace("'", "")))


def contracts() -> Standing:
    return {
        f"{row['asset']} {row['chain']} {row['address']}": files(
            facts_of_address(row["chain"], row["address"])
        )
        for row in catalogue.read_table("deployments")
        if row["address"]
    }


def other_decimals() -> list[str]:
    """Contracts whose decimals no file states, or a file states otherwise."""
    found = []
    for row in catalogue.read_table("deployments"):
        stated = {
            fact.decimals
            for fact in facts_of_address(row["chain"], row["address"] or "")
            if fact.decimals is not None
        }
        if row["address"] and stated != {row["decimals"]}:
            found.append(f"{row['asset']} {row['chain']}: {row['decimals']}, not {stated}")
    return found


def identifiers() -> Standing:
    numbers: dict[tuple[str, str], set[str]] = {}
    for fact in facts():
        if fact.coinmarketcap:
            numbers.setdefault((fact.ticker, fact.coinmarketcap), set()).add(fact.file)
    found = {}
    for row in catalogue.read_table("identifiers"):
        known = evidence()[row["asset"]]
        if row["source"] == "DTI":
            continue
        if row["source"] == "COINGECKO":
            found[f"{row['asset']} {row['id']}"] = files(facts_of_id(row["id"]))
        else:
            key = (known.row["symbol"].upper(), row["id"])
            found[f"{row['asset']} {row['id']}"] = sorted(numbers.get(key, ()))
    return found


def registered() -> Standing:
    """Identifiers of the DTI's registry, which nobody else gives: its row names the asset."""
    with (DATA / DTI_FILE).open(newline="") as lines:
        rows = {row["dti"]: row for row in csv.DictReader(lines)}
    found = {}
    for identifier in catalogue.read_table("identifiers"):
        if identifier["source"] == "DTI":
            asset, row = evidence()[identifier["asset"]].row, rows[identifier["id"]]
            named = {plain_name(asset["name"]), plain_name(f"{asset['name']} {asset['symbol']}")}
            is_same = plain_name(row["long_name"]) in named and row["dti_type"] == "native"
            is_same = is_same and asset["symbol"].upper() in row["short_names"].upper().split("|")
            found[f"{asset['slug']} {identifier['id']}"] = [DTI_FILE] if is_same else []
    return found


def own_coins() -> Standing:
    """Chains' own coins, by the list of chains: number, ticker and decimals."""
    listed = {chain["chainId"]: chain["nativeCurrency"] for chain in chains_listed()}
    numbers = {row["id"]: row["network_id"] for row in catalogue.read_table("chains")}
    found = {}
    for row in catalogue.read_table("deployments"):
        if row["address"] is None:
            coin = listed[numbers[row["chain"]]]
            ticker = evidence()[row["asset"]].row["symbol"]
            is_same = (coin["symbol"], coin["decimals"]) == (ticker, row["decimals"])
            found[f"{row['asset']} {row['chain']}"] = [CHAINS_FILE] if is_same else []
    return found


def followers() -> Standing:
    known = evidence()
    return {
        f"{row['from']} -> {row['to']}": sorted(
            set(successions.shown_by(row, known[row["from"]], known[row["to"]]))
        )
        for row in catalogue.read_table("relationships")
        if row["succession"]
    }


def former_tickers() -> Standing:
    """Assets whose own ticker changed: files that call them by the former one."""
    found = {}
    for slug, known in evidence().items():
        for former in known.row["former"]:
            if former["symbol"]:
                ticker = former["symbol"].upper()
                linked = (f for f in (*known.by_name, *known.by_place) if f.ticker == ticker)
                traded = files_of_codes().get(former["symbol"], frozenset())
                found[f"{slug} {former['symbol']}"] = sorted({*files(linked), *traded})
    return found


def other_names() -> Standing:
    """Names that an asset had, or has at some."""
    found = {}
    for slug, known in evidence().items():
        for former in known.row["former"]:
            if former["name"]:
                name, tickers = plain_name(former["name"]), tickers_of(known.row)
                linked = (f for t in sorted(tickers) for f in by_ticker().get(t, ()))
                found[f"{slug} {former['name']}"] = files(
                    f for f in linked if f.name and plain_name(f.name) == name
                )
    return found


def multipliers() -> Standing:
    return {
        code: sorted(files_of_codes().get(code, ()))
        for row in catalogue.read_table("assets")
        for code in row["multiples"]
    }


KINDS: Final = (
    *(tickers, names, names_of_others, contracts, own_coins, identifiers, registered),
    *(followers, former_tickers, other_names, multipliers),
)
