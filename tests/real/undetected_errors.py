"""What is wrong, or may be, in rows that are taken: no rule can see it in the row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.real import source_files


def on_reused_numbers() -> list[str]:
    """Tokens on chains whose number was another chain's: one of the two is meant."""
    reused = {
        record["chainId"]: record["name"]
        for record in source_files.records_of(source_files.EVM_CHAINS)
        if "reusedChainId" in record.get("redFlags", ())
    }
    tokens = (
        *source_files.records_of(source_files.SUPERCHAIN),
        *source_files.records_of(source_files.UNISWAP),
    )
    return [
        f"{token['symbol']} `{token['address']}` on {token['chainId']}, {reused[token['chainId']]}"
        for token in tokens
        if token["chainId"] in reused
    ]


def ibc_paths() -> Iterator[bool]:
    """For every voucher with a stated path: is its denomination the hash of it?"""
    for asset in source_files.records_of(source_files.COSMOS):
        for trace in asset.get("traces", []):
            path = trace.get("chain", {}).get("path")
            if path and asset["base"].startswith("ibc/"):
                yield asset["base"] == f"ibc/{hashlib.sha256(path.encode()).hexdigest().upper()}"
