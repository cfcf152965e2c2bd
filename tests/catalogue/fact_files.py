"""What third parties' files say of assets, one `Fact` a row: ../shared/data beside the project.

A fact keeps what tells one coin from another (contract, CoinGecko's id, CoinMarketCap's id, name)
beside the ticker, so that a ticker alone never joins two rows.
"""

from __future__ import annotations

import csv
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"


class Fact(NamedTuple):
    """One row of a file, as far as it says which coin it is. Empty: the file does not say.

    Attributes:
        file: Relative to the folder of the data.
        ticker: In capitals.
        chain: Of the address, by the catalogue's id; empty where the file names no chain.
        address: Of the contract, in lower case where its chain is an EVM chain.
        decimals: Of the contract.
    """

    file: str
    ticker: str
    name: str = ""
    coingecko: str = ""
    coinmarketcap: str = ""
    chain: str = ""
    address: str = ""
    decimals: int | None = None


#: EVM chain id -> the catalogue's chain.
EVM: Final = {
    1: "ethereum",
    10: "optimism",
    56: "bnb-smart-chain",
    137: "polygon",
    8453: "base",
    42161: "arbitrum-one",
    43114: "avalanche-c",
}
DTI_FILE: Final = "identifiers/dtif/dti_registry_public_part1_2026-04.csv"
CHAINS_FILE: Final = "chains/evm_chains.json"
_COINGECKO: Final = {
    "ethereum": "ethereum",
    "binance-smart-chain": "bnb-smart-chain",
    "polygon-pos": "polygon",
    "arbitrum-one": "arbitrum-one",
    "optimistic-ethereum": "optimism",
    "avalanche": "avalanche-c",
    "base": "base",
    "solana": "solana",
    "tron": "tron",
    "sui": "sui",
    "aptos": "aptos",
    "near-protocol": "near",
}
_WORMHOLE: Final = {
    "sol": "solana",
    "eth": "ethereum",
    "bsc": "bnb-smart-chain",
    "matic": "polygon",
    "avax": "avalanche-c",
    "arbitrum": "arbitrum-one",
    "optimism": "optimism",
    "base": "base",
    "sui": "sui",
    "aptos": "aptos",
}
_FTX: Final = {"erc20Contract": "ethereum", "splMint": "solana", "trc20Contract": "tron"}


def spelled(address: str) -> str:
    """An address as facts compare it: the case of hexadecimal letters is a checksum, no more."""
    return address.lower() if address.lower().startswith("0x") else address


_FILLERS: Final = re.compile(r"\b(the|token|coin|network|protocol|finance|dao|new|old)\b")


def plain_name(name: str) -> str:
    """A name as facts compare it: letters and digits, without "Token", "Network" and their like."""
    bare = _FILLERS.sub(" ", re.sub(r"\(.*?\)", " ", name.lower()))
    return re.sub(r"[\W_]", "", bare) or re.sub(r"[\W_]", "", name.lower())


def chains_listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _json(CHAINS_FILE)
    return found


def _json(file: str) -> Any:
    return json.loads((DATA / file).read_text())


def _csv(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def _decimals(text: str | float | None) -> int | None:
    return int(float(text)) if text not in (None, "") else None


def coingecko_facts() -> Iterator[Fact]:
    """Its coins, and each of their contracts."""
    file = "identifiers/coingecko_coins_platforms_2023-05.json"
    for coin in _json(file):
        own = Fact(file, coin["symbol"].upper(), coin["name"], coin["id"])
        yield own
        for platform, address in coin["platforms"].items():
            if platform in _COINGECKO and address:
                yield own._replace(chain=_COINGECKO[platform], address=spelled(address.strip()))


def _coinmarketcap() -> Iterator[Fact]:
    file = "identifiers/coinmarketcap_tokens_2023-05.csv"
    for row in _csv(file):
        address = spelled(row["address"].strip())
        yield Fact(file, row["symbol"].upper(), row["name"], address=address)


def _rotki() -> Iterator[Fact]:
    file = "identifiers/rotki_assets.csv"
    for row in _csv(file):
        chain = row["identifier"].partition("/")[0]
        number = chain.removeprefix("eip155:")
        where = EVM.get(int(number), "") if number.isdigit() else chain
        address = row["address"] or row["identifier"].partition("/token:")[2]
        has_place = where in {*EVM.values(), "solana"} and bool(address)
        yield Fact(
            file,
            row["symbol"].upper(),
            row["name"],
            row["coingecko"],
            chain=where if has_place else "",
            address=spelled(address) if has_place else "",
            decimals=_decimals(row["decimals"]) if has_place else None,
        )


def _rotki_groups() -> Iterator[Fact]:
    file = "relationships/rotki_asset_collections.csv"
    for row in _csv(file):
        chain, _, token = row["asset"].partition("/")
        number = chain.removeprefix("eip155:")
        where = EVM.get(int(number), "") if number.isdigit() else chain
        known = where in {*EVM.values(), "solana"}
        address = spelled(token.partition(":")[2]) if known else ""
        yield Fact(file, row["symbol"].upper(), row["name"], chain=where * known, address=address)


def _token_lists() -> Iterator[Fact]:
    evm = (
        "tokenlists/uniswap_default_22.21.0.json",
        "tokenlists/optimism_superchain_10.0.1757.json",
    )
    for file in evm:
        read = _json(file)
        for token in (read.get("default") or read)["tokens"]:
            chain = EVM.get(token["chainId"])
            if chain is not None:
                address = spelled(token["address"])
                names = (token["symbol"].upper(), token["name"])
                yield Fact(file, *names, chain=chain, address=address, decimals=token["decimals"])
    file = "tokenlists/solana_spl_0.2.4574.json"
    for token in _json(file)["tokens"]:
        if token["chainId"] == 101:
            yield Fact(
                file,
                token["symbol"].upper(),
                token["name"],
                token.get("extensions", {}).get("coingeckoId", ""),
                chain="solana",
                address=token["address"],
                decimals=token["decimals"],
            )


def _jupiter() -> Iterator[Fact]:
    file = "identifiers/jupiter/validated_tokens_2025-04-21.csv"
    for row in _csv(file):
        places = {"chain": "solana", "address": row["Mint"]}
        decimals = _decimals(row["Decimals"])
        yield Fact(file, row["Symbol"].upper(), row["Name"], **places, decimals=decimals)
    file = "identifiers/jupiter/partner_wormhole_2025-04-21.csv"
    for row in _csv(file):
        # The row's own name is of the bridged token; the id and the source are of the coin.
        if row["origin"] in _WORMHOLE and row["sourceAddress"]:
            yield Fact(
                file,
                row["symbol"].upper(),
                row["name"].replace("(Portal)", ""),
                row["coingeckoId"],
                chain=_WORMHOLE[row["origin"]],
                address=spelled(row["sourceAddress"]),
                decimals=_decimals(row["sourceDecimals"]),
            )


def _wormhole() -> Iterator[Fact]:
    file = "relationships/wormhole_by_source.csv"
    for row in _csv(file):
        if row["source"] in _WORMHOLE and row["sourceAddress"]:
            yield Fact(
                file,
                row["symbol"].upper(),
                row["name"].replace("(Portal)", ""),
                row["coingeckoId"],
                chain=_WORMHOLE[row["source"]],
                address=spelled(row["sourceAddress"]),
                decimals=_decimals(row["sourceDecimals"]),
            )


def _cosmos() -> Iterator[Fact]:
    file = "chains/cosmos_assetlists_mainnet.json"
    for chain in _json(file):
        for asset in chain["assets"]:
            own = asset.get("coingeckoId", "")
            if asset.get("symbol"):
                yield Fact(file, asset["symbol"].upper(), asset.get("name", ""), own)


def _registries() -> Iterator[Fact]:
    for row in _csv(DTI_FILE):
        for ticker in row["short_names"].split("|"):
            yield Fact(DTI_FILE, ticker.strip().upper(), row["long_name"])
    file = "identifiers/cryptowatch_assets.json"
    for asset in _json(file)["result"]:
        yield Fact(file, asset["symbol"].upper(), asset["name"])
    file = "identifiers/skip_connect/marketmap_coinmarketcap_2025-03.json"
    for market in _json(file)["markets"].values():
        ticker = market["ticker"]["currency_pair"]["Base"]
        (source,) = (p for p in market["provider_configs"] if p["name"] == "coinmarketcap_api")
        yield Fact(file, ticker, coinmarketcap=source["off_chain_ticker"])


def _lean() -> Iterator[Fact]:
    for file in ("crypto_2025-01-14.csv", "crypto_2025-08-07.csv"):
        path = f"identifiers/lean_symbol_properties/{file}"
        for row in _csv(path):
            name, _, quote = row["description"].rpartition("-")
            ticker = row["symbol"].removesuffix(row["quote_currency"])
            if name and quote and row["market"] in {"coinbase", "bitfinex"}:
                yield Fact(path, ticker.upper(), name)
                yield Fact(path, row["quote_currency"].upper(), quote)


def _mexc() -> Iterator[Fact]:
    file = "venues/mexc/exchangeInfo_2025-09-21_part1.json"
    for market in _json(file)["symbols"]:
        address = spelled(market["contractAddress"] or "")
        yield Fact(file, market["baseAsset"].upper(), market["fullName"], address=address)


def _upbit() -> Iterator[Fact]:
    for name in ("market_all_2021-04-17", "market_all_details_2025-07-27"):
        file = f"venues/upbit/{name}.json"
        for market in _json(file):
            yield Fact(file, market["market"].partition("-")[2], market["english_name"])


def _ftx() -> Iterator[Fact]:
    file = "venues/ftx/coins_2023-05.json"
    for coin in _json(file):
        yield Fact(file, coin["id"].upper(), coin["name"])
        for field, chain in _FTX.items():
            if coin[field]:
                address = spelled(coin[field])
                yield Fact(file, coin["id"].upper(), coin["name"], chain=chain, address=address)


def _venues() -> Iterator[Fact]:
    file = "venues/dydx/web_markets_metadata_2024-10-21.json"
    for key, market in _json(file).items():
        yield Fact(file, key.removesuffix("-USD"), market["name"])
    file = "venues/whitebit/tickers_2022-11-22.json"
    for pair, ticker in _json(file).items():
        if (number := ticker["base_id"]) not in ("0", ""):
            yield Fact(file, pair.partition("/")[0], coinmarketcap=number)
    file = "venues/hyperliquid/spotMeta_2025-08.json"
    for token in _json(file)["tokens"]:
        if token["fullName"]:
            yield Fact(file, token["name"].upper(), token["fullName"])


@functools.cache
def facts() -> tuple[Fact, ...]:
    """Every fact of every file, each once."""
    sources = (
        *(
            coingecko_facts,
            _coinmarketcap,
            _rotki,
            _rotki_groups,
            _token_lists,
            _jupiter,
            _wormhole,
        ),
        *(_wormhole, _cosmos, _registries, _lean, _mexc, _upbit, _ftx, _venues),
    )
    return tuple(dict.fromkeys(fact for source in sources for fact in source()))
