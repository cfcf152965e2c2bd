"""The Cosmos chain registry's asset lists, read: places, decimals and traces. Pure.

https://github.com/cosmos/chain-registry. Of an asset's traces the last is its own step and the
others its ancestors', whose own records state them.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cqar.importer.reference.list_file import (
    ROWS_MAX,
    Record,
    UnreadableRow,
    as_record,
    number_of,
    records_of,
    required,
    text_of,
)
from cqar.importer.reference.places import EVM, ChainPlace, Places
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset_relationship import RelationshipType
from cqar_shared.domain.kinds.chain import Chain

_T = RelationshipType
#: What a trace says of its asset (from) and its counterparty (to).
RELATIONSHIPS: Final = {
    # A voucher on one chain for a coin that is locked on another, whoever keeps the lock.
    "ibc": _T.BRIDGES,
    "ibc-cw20": _T.BRIDGES,
    "ibc-bridge": _T.BRIDGES,
    "bridge": _T.BRIDGES,
    # The same chain's coin in a contract: WETH.
    "wrapped": _T.WRAPS,
    # A claim on a staked coin: stATOM.
    "liquid-stake": _T.STAKES,
    # Follows a price and holds no claim on the thing: USDC and the dollar.
    "synthetic": _T.SYNTHETIC_OF,
    # The asset is the old coin and the counterparty the new: OM, MANTRA.
    "legacy-mintage": _T.MIGRATES_TO,
}
#: The same coin, issued on another chain too.
SAME_COIN: Final = "additional-mintage"
#: The registry's name of a chain -> its network's number: the lists of these say none. Its test
#: networks (`ethereumtestnet`) are left out: nobody can say which one is meant.
_NUMBERS: Final = {
    "arbitrum": 42161,
    "avalanche": 43114,
    "base": 8453,
    "berachain": 80094,
    "binancesmartchain": 56,
    "ethereum": 1,
    "fantom": 250,
    "filecoin": 314,
    "mantle": 5000,
    "moonbeam": 1284,
    "optimism": 10,
    "polygon": 137,
    "rootstock": 30,
    "zilliqa": 32769,
}
#: A chain's own coin, by the lists' type of asset.
_COINS: Final = frozenset({"evm-base", "svm-base", "bitcoin-like"})
#: Contracts of Cosmos chains; all else there is a denomination.
_CONTRACTS: Final = frozenset({"cw20", "snip20", "snip25"})


class Trace(NamedTuple):
    """An asset's own step: how it came from a counterparty."""

    kind: str
    chain_name: str
    base: str
    provider: str | None


class CosmosAsset(NamedTuple):
    """An asset of a list.

    Attributes:
        address: As the rules want it; None for the chain's own coin.
        decimals: Exponent of the unit that is shown; None if that is not among the units.
        trace: Its own step; None if it is at its origin.
    """

    chain: Chain
    place: ChainPlace
    base: str
    address: str | None
    symbol: str
    name: str
    decimals: int | None
    trace: Trace | None


class NoChain(Exception):
    """The registry lacks the chain of a list."""


def raw_assets(value: Any, where: str) -> list[tuple[str, Any]]:
    """Return (chain name, raw asset) of one list or of several.

    Raises:
        UnusableAnswer: It is no such list.
    """
    lists = records_of([value] if isinstance(value, dict) else value, where)
    found: list[tuple[str, Any]] = []
    for one in lists:
        name = (one.get("chainName") or one.get("chain_name")) if isinstance(one, dict) else None
        if not isinstance(name, str) or not isinstance(one.get("assets"), list):
            raise UnusableAnswer(f"{where} is no asset list of the Cosmos chain registry")
        found += [(name, asset) for asset in one["assets"]]
        if len(found) > ROWS_MAX:
            raise UnusableAnswer(f"{where} has more than {ROWS_MAX} assets")
    return found


def chain_named(places: Places, name: str) -> Chain | None:
    """Return a chain by the Cosmos registry's name of it."""
    if name in _NUMBERS:
        return places.chain_of_number(_NUMBERS[name])
    return places.chain(name)


def read_asset(places: Places, chain_name: str, raw: Any) -> CosmosAsset:
    """Read an asset.

    Raises:
        NoChain: The registry lacks its chain.
        UnreadableRow: It does not have the registry's form.
    """
    record = as_record(raw)
    chain = chain_named(places, chain_name)
    if chain is None:
        raise NoChain(f"no chain {chain_name!r}: import chains first")
    base, kind = required(record, "base"), _field(record, "typeAsset", "type_asset")
    address = _address(record, base, kind, chain)
    return CosmosAsset(
        chain,
        places.place(chain, address),
        base,
        address,
        required(record, "symbol"),
        required(record, "name"),
        _decimals(record),
        _trace(record),
    )


def _field(record: Record, *names: str) -> str:
    """Return a text under one of the names that the registry and its package have for it."""
    return next((text for name in names if (text := text_of(record, name))), "")


def is_own_coin(kind: str, chain: Chain) -> bool:
    """Whether an asset is its chain's own coin, which has no address.

    A Cosmos chain's own coin has a denomination like any other, so it is none. Where all tokens are
    contracts, what is none is the coin: Moonbeam's is "substrate", Tron's "unknown".
    """
    if chain.chain_type in {EVM, "TRON"}:
        return kind != "erc20"
    return kind in _COINS and chain.chain_type != "COSMOS"


def _address(record: Record, base: str, kind: str, chain: Chain) -> str | None:
    if is_own_coin(kind, chain):
        return None
    if chain.chain_type == "COSMOS" and kind not in _CONTRACTS:
        return base
    return text_of(record, "address") or base


def _decimals(record: Record) -> int | None:
    units = record.get("denomUnits") or record.get("denom_units")
    shown = text_of(record, "display")
    for unit in (units if isinstance(units, list) else [])[:64]:
        if isinstance(unit, dict) and unit.get("denom") == shown:
            return number_of(required(unit, "exponent"), "exponent")
    return None


def _trace(record: Record) -> Trace | None:
    traces = record.get("traces")
    if not isinstance(traces, list) or not traces:
        return None
    last = as_record(traces[-1])
    other = as_record(last.get("counterparty"))
    chain_name, base = (
        _field(other, "chainName", "chain_name"),
        _field(other, "baseDenom", "base_denom"),
    )
    if not chain_name or not base:
        raise UnreadableRow("the last trace names no counterparty")
    return Trace(required(last, "type"), chain_name, base, text_of(last, "provider") or None)
