"""Bitget: spot and mix contracts, of its API v1 and v2."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import (
    Expect,
    Expectations,
    Raw,
    above_zero,
    code,
    instant,
    number,
    plain,
)
from tests.readers.oracles.venue_numbers import decimals

_SPOT_V1: Final = "bitget/spot_products_2022-04-07.json"
_SPOT_V2: Final = "bitget/docsample_v2_spot_symbols.json"
_UMCBL: Final = "bitget/mix_umcbl_2022-04-07.json"
_DMCBL: Final = "bitget/mix_dmcbl_2022-04-07.json"
_MIX_V2: Final = "bitget/docsample_v2_mix_contracts.json"

_SPOT_STATUS: Final = {"online": "ONLINE"}
_MIX_STATUS: Final = {"normal": "ONLINE"}


def _ratios(row: Raw) -> dict[str, Any]:
    """Bands around the current price.

    "Percentage spread between bid and current price, in decimal form. E.g. 0.05 means 5%".
    """
    if "buyLimitPriceRatio" not in row:
        return {}
    return {
        "bid_multiplier_up": 1 + Decimal(row["buyLimitPriceRatio"]),
        "ask_multiplier_down": 1 - Decimal(row["sellLimitPriceRatio"]),
    }


def _common(row: Raw) -> dict[str, Any]:
    in_quote = row["quoteCoin"] == "USDT"
    # "Minimum trading volume (USDT)": of any order.
    least = number(row.get("minTradeUSDT")) if in_quote else None
    return plain(
        base=code(row["baseCoin"]),
        quote=code(row["quoteCoin"]),
        order_unit="BASE",
        maker_fee=number(row["makerFeeRate"]),
        taker_fee=number(row["takerFeeRate"]),
        min_notional=least,
        market_min_notional=least,
        **_ratios(row),
    )


def _spot(row: Raw) -> dict[str, Any]:
    # maxTradeAmount: "Maximum order (obsolete). The maximum quantity is generally unlimited".
    return {
        **_common(row),
        **plain(
            symbol_type="SPOT",
            status=_SPOT_STATUS[row["status"]],
            tick_size=decimals(row.get("priceScale", row.get("pricePrecision"))),
            lot_size=decimals(row.get("quantityScale", row.get("quantityPrecision"))),
            # "Minimum order (obsolete). Please refer to minTradeUSDT": zero is no minimum.
            min_order_size=above_zero(row["minTradeAmount"]),
            listed_at=instant(row.get("openTime")),
            ends_at=instant(row.get("offTime")),
            # The name without the suffix is the WebSocket's instId and what API v2 calls it.
            aliases={(row["symbolName"], None)} if "symbolName" in row else None,
        ),
    }


def _contract(row: Raw) -> dict[str, Any]:
    in_quote = row["quoteCoin"] in row["supportMarginCoins"]
    tick = Decimal(row["priceEndStep"]) * (decimals(row["pricePlace"]) or 0)
    interval = row.get("fundInterval")
    return {
        **_common(row),
        **plain(
            symbol_type="PERPETUAL",
            settlement=code(row["quoteCoin"] if in_quote else row["baseCoin"]),
            contract_kind="LINEAR" if in_quote else "INVERSE",
            status=_MIX_STATUS[row["symbolStatus"]] if "symbolStatus" in row else None,
            tick_size=tick,
            # "the quantity of the order must be greater than minTradeNum and is a multiple of
            # sizeMultiplier"; before that field, "Decimal places of the quantity".
            lot_size=number(row.get("sizeMultiplier")) or decimals(row["volumePlace"]),
            min_order_size=number(row["minTradeNum"]),
            # "Maximum order quantity for a single limit order", and for a market order.
            max_order_size=number(row.get("maxOrderQty")),
            market_max_size=number(row.get("maxMarketOrderQty")),
            max_leverage=number(row.get("maxLever")),
            listed_at=instant(row.get("launchTime")),
            # "Removal time, '-1' means normal".
            ends_at=instant(row["offTime"]) if row.get("offTime", "-1") != "-1" else None,
            # "Funding fee settlement cycle, hourly/every 8 hours".
            funding_interval_s=int(interval) * 3600 if interval else None,
        ),
    }


def _listing(file: str, read: Any, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]["data"]
    return len(rows), {row["symbol"]: read(row) for row in rows}


EXPECT: Final[Expect] = {
    **{f: functools.partial(_listing, f, _spot) for f in (_SPOT_V1, _SPOT_V2)},
    **{f: functools.partial(_listing, f, _contract) for f in (_UMCBL, _DMCBL, _MIX_V2)},
}
