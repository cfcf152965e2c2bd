"""Third parties' files, read where they lie: ../shared/data beside the project."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"

Record = dict[str, Any]


@functools.cache
def _read(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_text())
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def records(*parts: str) -> list[Record]:
    """The records of one file, as they stand in it."""
    read = _read(DATA.joinpath(*parts))
    return list(read["tokens"] if isinstance(read, dict) else read)


def evm_chains() -> list[Record]:
    return records("chains", "evm_chains.json")


def cosmos_chains() -> list[Record]:
    return records("chains", "cosmos_chains_mainnet.json")


def cosmos_assets() -> list[tuple[str, Record]]:
    """(name of the list's chain, asset), list by list."""
    lists = records("chains", "cosmos_assetlists_mainnet.json")
    return [(of["chainName"], asset) for of in lists for asset in of["assets"]]


def superchain() -> list[Record]:
    return records("tokenlists", "optimism_superchain_10.0.1757.json")


def solana() -> list[Record]:
    return records("tokenlists", "solana_spl_0.2.4574.json")


def uniswap() -> list[Record]:
    return records("tokenlists", "uniswap_default_22.21.0.json")


def rotki_assets() -> list[Record]:
    return records("identifiers", "rotki_assets.csv")


def rotki_members() -> list[Record]:
    """One record a member; a collection is all that share `collection_id`."""
    return records("relationships", "rotki_asset_collections.csv")
