"""dYdX: v4's perpetualMarkets and v3's markets. docs.dydx.xyz."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, number, plain

STATUS: Final = {"ACTIVE": "ONLINE", "ONLINE": "ONLINE"}


def market(record: Raw) -> Raw:
    """Markets are BASE-USD; what they call USD is USDC, in which all positions are settled.

    clobPairId names a market in the chain's messages.
    """
    base, quote = (record.get("ticker") or record["market"]).rsplit("-", 1)
    number_id = record.get("clobPairId")
    return plain(
        symbol_type="PERPETUAL",
        base=code(base),
        quote=code(quote, "USDC"),
        settlement=code(quote, "USDC"),
        contract_kind="LINEAR",
        status=STATUS[record["status"]],
        aliases={(number_id, "ID")} if number_id else None,
        order_unit="BASE",
        tick_size=number(record["tickSize"]),
        lot_size=number(record["stepSize"]),
        min_order_size=number(record.get("minOrderSize")),
        initial_margin_rate=number(record["initialMarginFraction"]),
        maintenance_margin_rate=number(record["maintenanceMarginFraction"]),
    )


def of_markets(file: str, part: Callable[[Any], Any], files: dict[str, Any]) -> Expectations:
    markets = part(files[file])["markets"]
    return len(markets), {name: market(record) for name, record in markets.items()}


_V3: Final = "dydx/v3_markets_2021-10-28.json"
_V4: Final = "dydx/fixture_recent_v4_perpetual_markets.json"
_WS: Final = "dydx/fixture_ws_v4_markets_subscribed.json"
EXPECT: Final[Expect] = {
    _V3: functools.partial(of_markets, _V3, lambda answer: answer),
    _V4: functools.partial(of_markets, _V4, lambda answer: answer["result"]),
    _WS: functools.partial(of_markets, _WS, lambda answer: answer["contents"]),
}
