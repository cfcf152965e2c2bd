"""Chains as other sources name them: a network's number where it is an EVM chain, else our slug.

Compared with CoinGecko's `asset_platforms` (chain_identifier) and the EVM chain list. A name that
is not here says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COINGECKO: Final[Mapping[str, int | str]] = {
    "ethereum": 1,
    "optimistic-ethereum": 10,
    "cronos": 25,
    "rootstock": 30,
    "telos": 40,
    "xdc-network": 50,
    "binance-smart-chain": 56,
    "syscoin": 57,
    "okex-chain": 66,
    "tomochain": 88,
    "xdai": 100,
    "velas": 106,
    "fuse": 122,
    "huobi-token": 128,
    "polygon-pos": 137,
    "fantom": 250,
    "boba": 288,
    "kucoin-community-chain": 321,
    "astar": 592,
    "metis-andromeda": 1088,
    "moonbeam": 1284,
    "moonriver": 1285,
    "kava": 2222,
    "iotex": 4689,
    "canto": 7700,
    "klay-token": 8217,
    "base": 8453,
    "evmos": 9001,
    "smartbch": 10000,
    "arbitrum-one": 42161,
    "arbitrum-nova": 42170,
    "celo": 42220,
    "avalanche": 43114,
    "linea": 59144,
    "scroll": 534352,
    "aurora": 1313161554,
    "harmony-shard-0": 1666600000,
    "zksync": 324,
    "solana": "solana",
    "tron": "tron",
    "near-protocol": "near",
    "aptos": "aptos",
    "sui": "sui",
    "osmosis": "osmosis",
    "cosmos": "cosmoshub",
}
COINMARKETCAP: Final[Mapping[str, int | str]] = {
    "ethereum": 1,
    "bnb": 56,
    "polygon": 137,
    "avalanche": 43114,
    "fantom": 250,
    "cronos": 25,
    "solana": "solana",
    "tron": "tron",
    "near-protocol": "near",
}
WORMHOLE: Final[Mapping[str, int | str]] = {
    "eth": 1,
    "ethereum": 1,
    "optimism": 10,
    "bsc": 56,
    "matic": 137,
    "polygon": 137,
    "ftm": 250,
    "moonbeam": 1284,
    "base": 8453,
    "arbitrum": 42161,
    "celo": 42220,
    "avax": 43114,
    "aurora": 1313161554,
    "sol": "solana",
    "solana": "solana",
    "near": "near",
    "aptos": "aptos",
    "sui": "sui",
}
