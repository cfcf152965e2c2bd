"""Tickers that mean two things (`../shared/cases/false_friends.csv`), and who merges them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from tests.cases.case_files import CASES
from tests.identity.world import World

#: What the file calls an operator -> its id here. Product lines of one operator share its codes.
OPERATORS: Final = {
    "Binance": "binance",
    "Bitfinex": "bitfinex",
    "Bitget": "bitget",
    "BitMEX": "bitmex",
    "Bitstamp": "bitstamp",
    "Bybit": "bybit",
    "Coinbase": "coinbase",
    "Crypto.com": "cryptocom",
    "Gate": "gate",
    "HTX": "htx",
    "Huobi": "htx",
    "Hyperliquid": "hyperliquid",
    "Kraken": "kraken",
    "KuCoin": "kucoin",
    "MEXC": "mexc",
    "OKX": "okx",
    "Upbit": "upbit",
}
#: An operator that the text names without saying that it has another code or another time for it.
_PLAIN: Final = re.compile(
    r"(?:^|,\s*)(" + "|".join(map(re.escape, OPERATORS)) + r")(?=\s*(?:,|$))"
)


class FalseFriend(NamedTuple):
    """One ticker, two assets, and the operators at which it is plainly the one or the other."""

    ticker: str
    names: tuple[str, str]
    contracts: tuple[tuple[str, str] | None, tuple[str, str] | None]
    operators: tuple[tuple[str, ...], tuple[str, ...]]


def read_friends() -> list[FalseFriend]:
    with (CASES / "false_friends.csv").open(encoding="utf-8", newline="") as file:
        return [
            FalseFriend(
                row["ticker"],
                (row["asset_a"], row["asset_b"]),
                (_contract(row["asset_a_id"]), _contract(row["asset_b_id"])),
                (_operators(row["venues_a"]), _operators(row["venues_b"])),
            )
            for row in csv.DictReader(file)
        ]


def _contract(text: str) -> tuple[str, str] | None:
    chain_id, _, address = text.partition(" ")
    return (chain_id, address.split()[0]) if address else None


def _operators(text: str) -> tuple[str, ...]:
    return tuple(OPERATORS[name] for name in _PLAIN.findall(text))


def merges(world: World, friends: Iterable[FalseFriend]) -> Iterator[str]:
    """What the registry takes for one although it is two."""
    deployed = {
        (d.chain_id, (d.address or "").lower()): d.asset_id for d in world.all(ASSET_DEPLOYMENT)
    }
    bindings = world.bindings()
    for friend in friends:
        yield from _merges_of(friend, deployed, bindings)


def _merges_of(
    friend: FalseFriend,
    deployed: Mapping[tuple[str, str], str],
    bindings: Mapping[tuple[str, str], list[Any]],
) -> Iterator[str]:
    ids = [deployed.get((c[0], c[1].lower())) if c else None for c in friend.contracts]
    if ids[0] is not None and ids[0] == ids[1]:
        yield f"both contracts of {friend.ticker} are of {ids[0]}"
    meant = [
        {
            held.asset_id: operator
            for operator in operators
            for held in bindings.get((operator, friend.ticker), [])
            if held.delisted_at is None
        }
        for operators in friend.operators
    ]
    for asset_id in meant[0].keys() & meant[1].keys():
        one, other = meant[0][asset_id], meant[1][asset_id]
        yield f"{friend.ticker} of {one} and of {other} are one asset"
    for mine, theirs in ((0, 1), (1, 0)):
        if (wrong := ids[theirs]) is not None and wrong in meant[mine]:
            yield f"{friend.ticker} of {meant[mine][wrong]} is {friend.names[theirs]}"
