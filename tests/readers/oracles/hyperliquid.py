"""Hyperliquid: info of the types meta, allPerpMetas, spotMeta. hyperliquid.gitbook.io.

"Tick and lot size": prices have up to 5 significant figures and no more than 6 (perpetuals) or 8
(spot) minus szDecimals decimals; sizes have szDecimals decimals.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Name, Raw, code, plain

DECIMALS_OF_PERPETUALS: Final = 6
DECIMALS_OF_SPOT: Final = 8
METAS: Final = "hyperliquid/fixture_recent_all_perp_metas.json"
TOKENS: Final = "hyperliquid/fixture_spotMeta_non_usdc.json"
META: Final = "hyperliquid/fixture_meta_perp_sample.json"


def steps(size_decimals: str, price_decimals: int) -> Raw:
    return {
        "lot_size": Decimal(1).scaleb(-int(size_decimals)),
        "tick_size": Decimal(1).scaleb(int(size_decimals) - price_decimals),
        "price_significant_digits": 5,
        "order_unit": "BASE",
    }


def token_code(token: Raw) -> Name:
    """Names are free to take; `spotSend` means a token by "NAME:TOKENID". A canonical one is it."""
    name = token["name"]
    full = name if token["isCanonical"] else f"{name}:{token['tokenId']}"
    return code(full, name, token.get("fullName"))


def pair(record: Raw, tokens: dict[str, Raw]) -> Raw:
    """Tokens are meant by the index that they state. Orders name a pair by 10000 + index."""
    base, quote = (tokens[index] for index in record["tokens"])
    return {
        "symbol_type": "SPOT",
        "base": token_code(base),
        "quote": token_code(quote),
        "aliases": {(str(10000 + int(record["index"])), "ID")},
        **steps(base["szDecimals"], DECIMALS_OF_SPOT),
    }


def perpetual(record: Raw, asset_id: int | None, collateral: str) -> Raw:
    """Builders' coins are named "dex:COIN". Profits are paid in the collateral."""
    name = record["name"]
    return plain(
        symbol_type="PERPETUAL",
        base=code(name, name.rpartition(":")[2]),
        quote=code(collateral),
        settlement=code(collateral),
        contract_kind="LINEAR",
        status="DELISTED" if record.get("isDelisted") else None,
        aliases=None if asset_id is None else {(str(asset_id), "ID")},
        max_leverage=Decimal(record["maxLeverage"]),
        **steps(record["szDecimals"], DECIMALS_OF_PERPETUALS),
    )


def of_spot(file: str, files: dict[str, Any]) -> Expectations:
    tokens = {token["index"]: token for token in files[file]["tokens"]}
    records = files[file]["universe"]
    return len(records), {record["name"]: pair(record, tokens) for record in records}


def of_meta(files: dict[str, Any]) -> Expectations:
    """The first exchange's, whose collateral is USDC."""
    records = files[META]["universe"]
    return len(records), {
        record["name"]: perpetual(record, number, "USDC") for number, record in enumerate(records)
    }


def of_metas(place: int, files: dict[str, Any]) -> Expectations:
    """One exchange's part.

    Asset ids of the first are places in its universe. Those of builders are counted from the
    number that perpDexs gives the exchange, which this answer does not state.
    """
    names = {token["index"]: token["name"] for token in files[TOKENS]["tokens"]}
    meta = files[METAS][place]
    collateral = names[meta["collateralToken"]]
    records = meta["universe"]
    return len(records), {
        record["name"]: perpetual(record, None if place else number, collateral)
        for number, record in enumerate(records)
    }


_SPOT: Final = ("hyperliquid/spotMeta_2025-08.json", TOKENS)
EXPECT: Final[Expect] = {
    **{file: functools.partial(of_spot, file) for file in _SPOT},
    META: of_meta,
    f"{METAS} as hyperliquid": functools.partial(of_metas, 0),
    f"{METAS} as hyperliquid-km": functools.partial(of_metas, 1),
    f"{METAS} as hyperliquid-hyna": functools.partial(of_metas, 2),
}
