"""Why a row that is not taken is truly wrong, found without the code that refused it.

Each function looks at raw records only, by another route than the reader's and the rules', and
says in a sentence what is wrong; None means that it cannot tell, and then the product is accused.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from Crypto.Hash import keccak

from cqar.importer.reference.statements import ListRow
from tests.real import source_files

Evidence = Callable[[str, ListRow], str | None]

#: The most that a Solana mint can count.
_U64_MAX: Final = 2**64 - 1
#: Token lists' numbers of Solana's clusters.
_SOLANA: Final = {101: "solana", 501000101: "solana"}
_TOKEN_LISTS: Final = (source_files.SUPERCHAIN, source_files.SOLANA, source_files.UNISWAP)
#: Chains that the Cosmos registry describes elsewhere, and their numbers.
_EVM_NAMES: Final = {"binancesmartchain": 56, "zilliqa": 32769, "ethereum": 1, "polygon": 137}


def _asset_of(row: ListRow) -> Any:
    return row.raw["asset"] if "asset" in row.raw and "chainName" in row.raw else row.raw


def _address(_: str, row: ListRow) -> str | None:
    digits = str(_asset_of(row)["address"])[2:]
    hashed = keccak.new(digest_bits=256, data=digits.lower().encode()).hexdigest()
    cased = "".join(
        d.upper() if int(h, 16) > 7 else d for d, h in zip(digits.lower(), hashed, strict=False)
    )
    if digits not in (digits.upper(), digits.lower(), cased):
        return f"Its mixed case is no checksum: by Keccak-256 it is 0x{cased}."
    return None


def _decimals_range(_: str, row: ListRow) -> str | None:
    decimals = int(row.raw["decimals"])
    if int(row.raw["chainId"]) in _SOLANA and 10**decimals > _U64_MAX:
        return f"A mint counts in 64 bits: with {decimals} decimals not one whole token can be."
    return None


def _decimals_missing(_: str, row: ListRow) -> str | None:
    asset = _asset_of(row)
    if asset["display"] not in {unit["denom"] for unit in asset["denomUnits"]}:
        return f"It is shown in `{asset['display']}`, which is not among its units."
    return None


def _own_coin(_: str, row: ListRow) -> str | None:
    if set(row.raw["address"][2:].lower()) in ({"0"}, {"e"}):
        return "No contract stands there; the coin of a chain has no address."
    return None


def _unknown_number(_: str, row: ListRow) -> str | None:
    number, address = int(row.raw["chainId"]), row.raw["address"]
    if number in {record["chainId"] for record in source_files.records_of(source_files.EVM_CHAINS)}:
        return None if address.startswith("0x") else "Its address is of no EVM chain."
    return f"No list of chains has the number {number}."


def _unknown_name(_: str, row: ListRow) -> str | None:
    name = row.raw["chainName"]
    described = {
        record["chainName"]
        for record in source_files.records("chains", "cosmos_chains_mainnet.json")
    }
    return None if name in described else f"No list of chains describes `{name}`."


def _unknown_member(_: str, row: ListRow) -> str | None:
    identifier = row.raw["asset"]
    key = identifier.lower().removeprefix("eip155:").replace("/erc20:", "/")
    key = key.replace("solana/token:", "solana/")
    if key in _all_decimals():
        return None
    return f"No list of contracts has `{identifier}`."


def _no_id(title: str, row: ListRow) -> str | None:
    if title == "CoinMarketCap tokens" and "id" not in row.raw:
        return "The file has no column of ids."
    if title == "rotki assets" and not row.raw["coingecko"]:
        return "Its `coingecko` is empty."
    return None


def _no_contract(title: str, row: ListRow) -> str | None:
    if title == "CoinGecko coins" and not any(row.raw["platforms"].values()):
        return "It has no platform with an address."
    if title == "rotki assets" and not row.raw["address"]:
        return "It has no address, and no list of contracts has its CoinGecko id."
    if title == "DTI registry" and not re.search(r"0x[0-9a-f]{40}", str(row.raw)):
        return "The registry's public part names no contract."
    return None


def _others_decimals(title: str, row: ListRow) -> str | None:
    """Who else states decimals for the same address: all of them, and nobody for the row."""
    key, stated = next(_decimals_of(title, _flat(row)), ("", -1))
    others = {(who, number) for who, number in _all_decimals()[key] if who != title}
    if others and stated not in {number for _, number in others}:
        said = " and ".join(f"{who} {number}" for who, number in sorted(others))
        return f"Decimals: {said}, here {stated}."
    return None


def _flat(row: ListRow) -> Any:
    asset = _asset_of(row)
    return asset if asset is row.raw else {"chainName": row.raw["chainName"], **asset}


@functools.cache
def _all_decimals() -> defaultdict[str, list[tuple[str, int]]]:
    """`chain/address` in lower case -> (list, decimals as it states them)."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for source in (*_TOKEN_LISTS, source_files.COSMOS):
        for record in source_files.records_of(source):
            for key, number in _decimals_of(source.title, record):
                found[key].append((source.title, number))
    for record in source_files.records("relationships", "wormhole_by_source.csv"):
        if record["solAddress"]:
            key = f"solana/{record['solAddress']}".lower()
            found[key].append(("Wormhole", int(float(record["solDecimals"]))))
    return found


def _decimals_of(title: str, record: Any) -> Iterator[tuple[str, int]]:
    if title == source_files.COSMOS.title:
        units = {unit["denom"]: int(unit["exponent"]) for unit in record["denomUnits"]}
        chain = _EVM_NAMES.get(record["chainName"], record["chainName"])
        if record["display"] in units:
            key = f"{chain}/{record.get('address') or record['base']}"
            yield key.lower(), units[record["display"]]
    else:
        number = int(record["chainId"])
        key = f"{_SOLANA.get(number, number)}/{record['address']}"
        yield key.lower(), int(record["decimals"])


#: The beginning of a row's reason -> another look at it.
BY_REASON: Final[dict[str, Evidence]] = {
    "address NOT_AN_ADDRESS": _address,
    "decimals OUT_OF_RANGE": _decimals_range,
    "decimals REQUIRED": _decimals_missing,
    "DECIMALS_DISAGREE": _others_decimals,
    "no contract stands there": _own_coin,
    "no chain of the number": _unknown_number,
    "no chain '": _unknown_name,
    "no asset ": _unknown_member,
    "the row has no id of CoinMarketCap": _no_id,
    "the row names no identifier": _no_id,
    "it names no contract": _no_contract,
}


def evidence_of(row: ListRow) -> tuple[str, Evidence] | None:
    """The look that fits a row's reason, and how that begins."""
    return next(
        (
            (start, look)
            for start, look in BY_REASON.items()
            if row.reason.startswith(start) or f"; {start}" in row.reason
        ),
        None,
    )
