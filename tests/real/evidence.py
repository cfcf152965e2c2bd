"""Why a rejected row is truly wrong, found without the rules that rejected it.

Each function looks at raw records only, by another route than the rule's, and says in a sentence
what is wrong; None means that it cannot tell, and then the rule stands accused.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from Crypto.Hash import keccak

from tests.real import chains, source_files
from tests.real.asset_identity import SOLANA_NUMBERS
from tests.real.report import Reason
from tests.real.source_rows import SourceRow

Evidence = Callable[[SourceRow], str | None]

#: The most that a Solana mint can count.
_U64_MAX: Final = 2**64 - 1


def _address(row: SourceRow) -> str | None:
    text = row.raw["address"]
    if text == "0x" + "0" * 40:
        return "No contract stands at address zero; the coin of a chain has no address."
    digits = text[2:].lower()
    hashed = keccak.new(digest_bits=256, data=digits.encode()).hexdigest()
    cased = "".join(
        d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, hashed, strict=False)
    )
    if digits.upper() != text[2:] != digits and cased != text[2:]:
        return f"Its mixed case is no checksum: by Keccak-256 it is 0x{cased}."
    return None


def _decimals_range(row: SourceRow) -> str | None:
    decimals = row.raw["decimals"]
    if row.raw["chainId"] in SOLANA_NUMBERS and 10**decimals > _U64_MAX:
        return f"A mint counts in 64 bits: with {decimals} decimals not one whole token can be."
    return None


def _decimals_missing(row: SourceRow) -> str | None:
    shown = row.raw["display"]
    if shown not in {unit["denom"] for unit in row.raw["denomUnits"]}:
        return f"It is shown in `{shown}`, which is not among its units."
    return None


def _others_decimals(row: SourceRow) -> str | None:
    """Who else states decimals for the same address: all of them, and nobody for the row."""
    source, key, stated = next(_decimals_of(row.source, row.raw), ("", "", -1))
    others = {(s, n) for s, n in _all_decimals()[key] if s != source}
    if others and stated not in {number for _, number in others}:
        said = " and ".join(f"{who} {number}" for who, number in sorted(others))
        return f"Decimals: {said}, here {stated}."
    return None


@functools.cache
def _all_decimals() -> defaultdict[str, list[tuple[str, int]]]:
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    lists = {
        "Superchain tokens": source_files.superchain(),
        "Solana tokens": source_files.solana(),
        "Uniswap tokens": source_files.uniswap(),
        "rotki assets": source_files.rotki_assets(),
        "Wormhole": source_files.records("relationships", "wormhole_by_source.csv"),
        "EVM chains": source_files.evm_chains(),
    }
    for source, records in lists.items():
        for record in records:
            for who, key, number in _decimals_of(source, record):
                found[key].append((who, number))
    return found


def _decimals_of(source: str, record: Any) -> Iterator[tuple[str, str, int]]:
    """(source, `chain/address`, decimals) as the record states them."""
    match source:
        case "EVM chains":
            yield source, f"{record['chainId']}/wei", record["nativeCurrency"]["decimals"]
        case "rotki assets" if record["address"] and record["decimals"]:
            key = f"{record['chain']}/{record['address']}"
            yield source, key.lower(), int(record["decimals"])
        case "Wormhole" if record["solAddress"]:
            key = f"solana/{record['solAddress']}"
            yield source, key.lower(), int(float(record["solDecimals"]))
        case "Cosmos assets":
            units = {unit["denom"]: unit["exponent"] for unit in record["denomUnits"]}
            chain = chains.EVM_NUMBERS.get(record["chainName"])
            key = f"{chain}/{record.get('address') or record['base']}"
            yield source, key.lower(), units[record["display"]]
        case "Superchain tokens" | "Solana tokens" | "Uniswap tokens":
            number = record["chainId"]
            key = f"{SOLANA_NUMBERS.get(number, number)}/{record['address']}"
            yield source, key.lower(), record["decimals"]


def _chain(row: SourceRow) -> str | None:
    name = row.raw["chainName"]
    described = {record["chainName"] for record in source_files.cosmos_chains()}
    described |= {needed.chain_id for needed in chains.NEEDED}
    if name in described or name in chains.EVM_NUMBERS:
        return None
    if name.endswith("testnet"):
        return f"Which network `{name}` is, no file says; nor does the list give its number."
    return f"No file describes a chain `{name}`."


def _whose_address(row: SourceRow) -> str | None:
    for name, other in source_files.cosmos_assets():
        if name == row.raw["chainName"] and other["base"] == row.raw["address"]:
            theirs = f"Its list has {other['symbol']} at this address"
            return f"{theirs}, and {row.raw['symbol']}'s own base is `{row.raw['base']}`."
    return None


def _counterparty(row: SourceRow) -> str | None:
    other = row.raw["counterparty"]
    if (other["chainName"], other["baseDenom"]) in _listed_bases():
        return None
    if other["chainName"] in {name for name, _ in _listed_bases()}:
        return f"The list of `{other['chainName']}` has no such asset."
    return f"There is no list of `{other['chainName']}`."


@functools.cache
def _listed_bases() -> dict[tuple[str, str], str]:
    return {(name, asset["base"]): asset["symbol"] for name, asset in source_files.cosmos_assets()}


def _swapped(row: SourceRow) -> str | None:
    """Two rows of one chain that name each other's counterparties."""
    theirs = row.raw["counterparty"]
    symbol = _listed_bases()[theirs["chainName"], theirs["baseDenom"]]
    for name, other in source_files.cosmos_assets():
        if (name, other["symbol"]) != (row.raw["chainName"], symbol):
            continue
        for trace in other["traces"]:
            leads = trace["counterparty"]
            own = _listed_bases()[leads["chainName"], leads["baseDenom"]]
            if own == row.raw["symbol"] != symbol:
                return f"It is {symbol}'s trace, and {symbol} on {name} has that of {own}: swapped."
    return None


def _repeated(row: SourceRow) -> str | None:
    times = Counter(record["asset"] for record in row.raw)
    again = [identifier for identifier, count in times.items() if count > 1]
    if not again:
        return None
    more = f" and {len(again) - 1} more are" if len(again) > 1 else " is"
    return f"`{again[0]}`{more} in it twice."


def _unknown_member(row: SourceRow) -> str | None:
    known = {record["identifier"].lower() for record in source_files.rotki_assets()}
    for record in row.raw:
        identifier = record["asset"].lower()
        key = identifier.removeprefix("eip155:").replace("/erc20:", "/")
        if identifier not in known and key not in _all_decimals():
            return f"Neither rotki's assets nor any token list has `{record['asset']}`."
    return None


def _spaces(row: SourceRow) -> str | None:
    name = row.raw[0]["name"]
    return f"Its name is {name!r}." if name != name.strip() else None


BY_REASON: Final[dict[Reason, Evidence]] = {
    Reason("address", "NOT_AN_ADDRESS"): _address,
    Reason("asset_id", "IMMUTABLE"): _whose_address,
    Reason("chain_id", "NOT_FOUND"): _chain,
    Reason("decimals", "IMMUTABLE"): _others_decimals,
    Reason("decimals", "OUT_OF_RANGE"): _decimals_range,
    Reason("decimals", "REQUIRED"): _decimals_missing,
    Reason("members[].asset_id", "DUPLICATE"): _repeated,
    Reason("members[].asset_id", "NOT_FOUND"): _unknown_member,
    Reason("name", "WHITE_SPACE"): _spaces,
    Reason("to_asset_id", "CYCLE"): _swapped,
    Reason("to_asset_id", "NOT_FOUND"): _counterparty,
}
