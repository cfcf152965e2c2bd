"""What others say that codes and assets are, as judges of the registry: each disagreement's cause.

Rotki's map of venues' codes and ccxt's are asked about codes, CoinGecko's list about assets: by its
ids and its contracts. A cause is decided by what the registry and the judge say; few are named.
"""

from __future__ import annotations

import csv
import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cqar.importer.identity.names import normal
from cqar.importer.reference.statements import RowOutcome
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kinds.asset import ASSET, Asset
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER, AssetDataSource
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.venue import VENUE
from tests.catalogue.fact_files import DATA, Fact, coingecko_facts, spelled
from tests.identity.whole import LISTED_AT
from tests.identity.world import World

ROTKI: Final = "identifiers/rotki_location_asset_mappings.csv"
CCXT: Final = "identifiers/ccxt_common_currencies.csv"
COINGECKO: Final = "identifiers/coingecko_coins_platforms_2023-05.json"
#: How a row of a code map ends that says another asset than is bound.
_OTHERWISE: Final = " in the list"
#: ccxt's names of a venue's lines -> the operator's.
_LINES: Final = {
    "binancecoinm": "binance",
    "binanceusdm": "binance",
    "coinbaseexchange": "coinbase",
    "kucoinfutures": "kucoin",
}


class Cause(enum.StrEnum):
    """Why a judge says otherwise."""

    UNDECIDED = "a coin of its own here until a person says which it is: nothing else is claimed"
    OWN_NAME = "ccxt's word for it is its name, and no ticker"
    AS_IT_IS = "ccxt leaves the venue's code as it is"
    ASKED = "two assets here; a finding DUPLICATE asks whether they are one"
    SUCCESSION = "the list has one coin where one became the other, and both are here"
    OTHER_FORM = "the list's ticker has its chain in it, or `old`, or a W before it"
    NAMED = "named, with why"
    UNKNOWN = "not known"


#: (judge, where) -> why.
NAMED: Final = {
    (CCXT, "kraken REP"): "REPV1 is ccxt's word for Augur (v1), which it is here, too",
    (CCXT, "kucoin BIFI"): "BIFIF is ccxt's word for BiFi, which it is here, too",
    (CCXT, "kucoinfutures BIFI"): "BIFIF is ccxt's word for BiFi, which it is here, too",
    (CCXT, "kucoin ALT"): "the coin of 2022; rotki's map, which is younger, says AltLayer",
    (CCXT, "kucoinfutures ALT"): "the coin of 2022; rotki's map, which is younger, says AltLayer",
    (COINGECKO, "FLUID"): "it was INST in 2023, when the list was made",
}


class Disagreement(NamedTuple):
    """What a judge says, and what is so here.

    Attributes:
        where: Operator and code, or an asset's ticker.
    """

    judge: str
    where: str
    says: str
    here: str
    cause: Cause

    @property
    def reason(self) -> str:
        return NAMED.get((self.judge, self.where), str(self.cause))


class Verdicts(NamedTuple):
    """What one judge was asked.

    Attributes:
        compared: Number of its rows that speak of what the registry has.
    """

    judge: str
    compared: int
    disagreements: tuple[Disagreement, ...]


def verdicts(world: World) -> list[Verdicts]:
    """Of all judges. The registry is left as it is."""
    return [_rotki(world), _ccxt(world), _coingecko(world)]


def _named_or(cause: Cause, judge: str, where: str) -> Cause:
    return Cause.NAMED if cause is Cause.UNKNOWN and (judge, where) in NAMED else cause


# ---------------------------------------------------------------- codes


def _rotki(world: World) -> Verdicts:
    """By the import of the map itself, after all files: what it would bind otherwise."""
    described = DATA / "identifiers/rotki_assets.csv"
    plan = world.list_planned("codes", DATA / ROTKI, LISTED_AT, described=described)
    compared, found = 0, []
    for row in plan.rows:
        if not row.raw.get("location") or row.outcome is RowOutcome.UNSUPPORTED:
            continue
        compared += 1
        kind, _, text = row.reason.partition(": ")
        if text.endswith(_OTHERWISE):
            here, _, says = text.removesuffix(_OTHERWISE).partition(" here, ")
            where = f"{row.raw['location']} {row.raw['location_symbol']}"
            cause = Cause.ASKED if kind == FindingKind.DUPLICATE else Cause.UNKNOWN
            cause = _named_or(cause, ROTKI, where)
            found.append(Disagreement(ROTKI, where, says, here.partition(" is ")[2], cause))
    return Verdicts(ROTKI, compared, tuple(found))


def _ccxt(world: World) -> Verdicts:
    operators = {v.venue_id: v.operator or v.venue_id for v in world.all(VENUE)}
    meant = {
        (operator, code.upper()): held
        for (operator, code), bindings in world.bindings().items()
        for held in sorted(bindings, key=lambda held: held.delisted_at is None)
    }
    compared, found = 0, []
    with (DATA / CCXT).open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            line = _LINES.get(row["exchange"], row["exchange"])
            held = meant.get((operators.get(line, line), row["venue_code"].upper()))
            if held is None:
                continue
            compared += 1
            asset = world.get(ASSET, held.asset_id)
            if row["unified_code"].upper() not in _tickers(asset):
                where = f"{row['exchange']} {row['venue_code']}"
                cause = _named_or(_cause_of_ccxt(row, asset), CCXT, where)
                found.append(Disagreement(CCXT, where, row["unified_code"], _shown(asset), cause))
    return Verdicts(CCXT, compared, tuple(found))


def _cause_of_ccxt(row: dict[str, str], asset: Asset) -> Cause:
    if row["venue_code"] == row["unified_code"]:
        return Cause.AS_IT_IS
    if asset.unverified:
        return Cause.UNDECIDED
    word = normal(row["unified_code"])
    names = (asset.name, *(f.name for f in asset.former_names or () if f.name))
    is_name = any(normal(name).startswith(word) for name in names)
    return Cause.OWN_NAME if is_name else Cause.UNKNOWN


def _tickers(asset: Asset) -> set[str]:
    former = (f.symbol for f in asset.former_names or ())
    return {ticker.upper() for ticker in (asset.symbol, *former) if ticker}


def _shown(asset: Asset) -> str:
    return f"{asset.name} ({asset.symbol}){', unverified' if asset.unverified else ''}"


# ---------------------------------------------------------------- assets


def _coingecko(world: World) -> Verdicts:
    """Assets that codes mean: one coin of the list each, of its ticker, and no coin of it twice."""
    listed = list(coingecko_facts())
    coins = {fact.coingecko: fact for fact in listed}
    bound = {held.asset_id for found in world.bindings().values() for held in found}
    told = {a: ids for a, ids in _told(world, listed, coins).items() if a in bound}
    found = [*_otherwise(world, told, coins), *_twice(world, told, coins)]
    return Verdicts(COINGECKO, len(told), tuple(found))


def _told(world: World, listed: Iterable[Fact], coins: dict[str, Fact]) -> dict[str, set[str]]:
    """Asset -> the list's ids of it, by identifier and by contract."""
    placed: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for fact in listed:
        if fact.address:
            placed[fact.chain, fact.address].add(fact.coingecko)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for held in world.all(ASSET_DEPLOYMENT):
        if held.address:
            found[held.asset_id] |= placed.get((held.chain_id, spelled(held.address)), set())
    for identifier in world.all(ASSET_IDENTIFIER):
        is_its = identifier.source is AssetDataSource.COINGECKO
        if is_its and identifier.external_id in coins:
            found[identifier.asset_id].add(identifier.external_id)
    return {asset_id: ids for asset_id, ids in found.items() if ids}


def _otherwise(
    world: World, told: dict[str, set[str]], coins: dict[str, Fact]
) -> Iterator[Disagreement]:
    related = _related(world)
    for asset_id, ids in told.items():
        asset: Any = world.get(ASSET, asset_id)
        for coin in (coins[i] for i in sorted(ids)):
            if coin.ticker in _tickers(asset):
                continue
            heirs = {t for other in related[asset_id] for t in _tickers(world.get(ASSET, other))}
            cause = Cause.UNKNOWN
            if coin.ticker in heirs:
                cause = Cause.SUCCESSION
            elif _is_form(coin.ticker, asset):
                cause = Cause.OTHER_FORM
            cause = _named_or(cause, COINGECKO, asset.symbol)
            yield Disagreement(
                COINGECKO, asset.symbol, f"{coin.name} ({coin.ticker})", _shown(asset), cause
            )


def _is_form(ticker: str, asset: Asset) -> bool:
    own = asset.symbol.upper()
    return ticker in (f"W{own}", f"{own}OLD") or own == f"W{ticker}" or ticker.startswith(f"{own}-")


def _twice(
    world: World, told: dict[str, set[str]], coins: dict[str, Fact]
) -> Iterator[Disagreement]:
    related = _related(world)
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for asset_id, ids in told.items():
        for coin in ids:
            holders[coin].append(asset_id)
    for coin, found in sorted(holders.items()):
        if len(found) > 1:
            assets = sorted(world.get(ASSET, asset_id).name for asset_id in found)
            is_followed = all(set(found) - {one} <= related[one] for one in found)
            where = coins[coin].ticker
            cause = Cause.SUCCESSION if is_followed else Cause.UNKNOWN
            cause = _named_or(cause, COINGECKO, where)
            yield Disagreement(COINGECKO, where, coins[coin].name, " and ".join(assets), cause)


def _related(world: World) -> defaultdict[str, set[str]]:
    """Asset -> those that it became, or was before."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for edge in world.all(ASSET_RELATIONSHIP):
        if edge.succession is not None:
            found[edge.from_asset_id].add(edge.to_asset_id)
            found[edge.to_asset_id].add(edge.from_asset_id)
    return found
