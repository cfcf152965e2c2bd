"""Third parties' files, read where they lie: ../shared/data beside the project."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"

Record = dict[str, Any]


class SourceList(NamedTuple):
    """A list as it is imported: `cqar import KIND FILE`."""

    kind: str
    title: str
    path: Path


def _list(kind: str, title: str, *parts: str) -> SourceList:
    return SourceList(kind, title, DATA.joinpath(*parts))


EVM_CHAINS: Final = _list("chains", "EVM chains", "chains", "evm_chains.json")
SUPERCHAIN: Final = _list(
    "tokenlist", "Superchain tokens", "tokenlists", "optimism_superchain_10.0.1757.json"
)
SOLANA: Final = _list("tokenlist", "Solana tokens", "tokenlists", "solana_spl_0.2.4574.json")
UNISWAP: Final = _list("tokenlist", "Uniswap tokens", "tokenlists", "uniswap_default_22.21.0.json")
COSMOS: Final = _list("cosmos", "Cosmos assets", "chains", "cosmos_assetlists_mainnet.json")
#: Chains come first, then who looks at the chain itself, then who compiles others' lists, then who
#: names what is there: where two lists contradict each other, the first one stands.
LISTS: Final = (
    EVM_CHAINS,
    _list("chains", "Cosmos chains", "chains", "cosmos_chains_mainnet.json"),
    SUPERCHAIN,
    SOLANA,
    UNISWAP,
    COSMOS,
    _list(
        *("identifiers", "CoinGecko coins"),
        *("identifiers", "coingecko_coins_platforms_2023-05.json"),
    ),
    _list("identifiers", "rotki assets", "identifiers", "rotki_assets.csv"),
    _list("identifiers", "Wormhole tokens", "relationships", "wormhole_by_source.csv"),
    _list(
        *("identifiers", "CoinMarketCap tokens"),
        *("identifiers", "coinmarketcap_tokens_2023-05.csv"),
    ),
    _list(
        *("identifiers", "DTI registry"),
        *("identifiers", "dtif", "dti_registry_public_part1_2026-04.csv"),
    ),
    _list("collections", "rotki collections", "relationships", "rotki_asset_collections.csv"),
)


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


def records_of(source: SourceList) -> list[Record]:
    """The records of a list; of Cosmos assets, one an asset with its chain's name."""
    found = records(*source.path.relative_to(DATA).parts)
    if source is COSMOS:
        return [{"chainName": of["chainName"], **asset} for of in found for asset in of["assets"]]
    return found
