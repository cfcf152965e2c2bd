"""Gate: spot, perpetual futures, delivery futures and options."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, above_zero, code, number, plain
from tests.readers.oracles.venue_numbers import decimals, seconds

_SPOT_2021: Final = "gate/spot_currency_pairs_2021-04-22.json"
_SPOT_SAMPLE: Final = "gate/docsample_spot_currency_pairs.json"
_USDT_2023: Final = "gate/futures_usdt_contracts_2023-05-24.json"
_USDT_2024: Final = "gate/futures_usdt_contracts_2024-12-02.json"
_DELIVERY: Final = "gate/docsample_delivery_contracts.json"
_OPTIONS: Final = "gate/docsample_options_contracts.json"

# "untradable: cannot be traded; sellable: can be sold; tradable: can be bought and sold".
_TRADE_STATUS: Final = {"tradable": "ONLINE", "untradable": "HALTED", "sellable": "SELL_ONLY"}


def _pair(row: Raw) -> dict[str, Any]:
    fee = number(row["fee"])
    # The only times of a listing are those of its trading: "Buy (sell) start unix timestamp". One
    # side that may trade before the other is listed then; zero says that the day is not known.
    buying, selling = seconds(row["buy_start"]), seconds(row["sell_start"])
    return plain(
        symbol_type="SPOT",
        base=code(row["base"], name=row.get("base_name")),
        quote=code(row["quote"], name=row.get("quote_name")),
        status=_TRADE_STATUS[row["trade_status"]],
        listed_at=selling,
        trading_starts_at=None if buying == selling else buying,
        ends_at=seconds(row.get("delisting_time")),
        order_unit="BASE",
        tick_size=decimals(row["precision"]),
        lot_size=decimals(row["amount_precision"]),
        # "Minimum (maximum) amount of … currency to trade, null means no limit": of any order.
        min_order_size=number(row.get("min_base_amount")),
        max_order_size=number(row.get("max_base_amount")),
        min_notional=number(row.get("min_quote_amount")),
        max_notional=number(row.get("max_quote_amount")),
        market_min_notional=number(row.get("min_quote_amount")),
        market_max_notional=number(row.get("max_quote_amount")),
        # "0.2" is 0.2 %, Gate's base rate.
        maker_fee=None if fee is None else fee / 100,
        taker_fee=None if fee is None else fee / 100,
    )


def _contract_terms(row: Raw, multiplier: str) -> dict[str, Any]:
    base, quote = str(row.get("underlying", row["name"])).split("_")
    return plain(
        base=code(base),
        quote=code(quote),
        settlement=code(quote),
        contract_kind="LINEAR",
        order_unit="CONTRACT",
        # "how many units of the underlying asset the face value of one contract represents".
        contract_size=number(row[multiplier]),
        tick_size=number(row["order_price_round"]),
        # "when set to false, … the size field can only use an integer type"; older answers, from
        # before `enable_decimal`, are of orders whose size is an int64.
        lot_size=Decimal(1),
        min_order_size=number(row["order_size_min"]),
        max_order_size=number(row["order_size_max"]),
        maker_fee=number(row["maker_fee_rate"]),
        taker_fee=number(row["taker_fee_rate"]),
        listed_at=seconds(row.get("create_time")),
    )


def _bands(row: Raw) -> dict[str, Any]:
    # "abs(order_price - mark_price) <= mark_price * order_price_deviate".
    deviation = Decimal(row["order_price_deviate"])
    up, down = 1 + deviation, 1 - deviation
    return plain(
        bid_multiplier_up=up,
        bid_multiplier_down=down,
        ask_multiplier_up=up,
        ask_multiplier_down=down,
    )


def _status(row: Raw) -> str:
    """The status of a contract, by the documentation of `in_delisting`.

    "in_delisting=true and position_size>0 indicates the contract is in delisting transition
    period; in_delisting=true and position_size=0 indicates the contract is delisted";
    `delisting_time` is the "timestamp when contract enters reduce-only state".
    """
    if not row["in_delisting"]:
        return "ONLINE"
    return "REDUCE_ONLY" if Decimal(row["position_size"]) > 0 else "DELISTED"


def _future(row: Raw) -> dict[str, Any]:
    if Decimal(row["maintenance_rate"]) > 1:
        return {"unreadable": "a margin of more than the whole value"}
    dated = "expire_time" in row
    return {
        **_contract_terms(row, "quanto_multiplier"),
        **_bands(row),
        **plain(
            symbol_type="FUTURE" if dated else "PERPETUAL",
            status=_status(row),
            expiry=seconds(row.get("expire_time")),
            underlying=row.get("underlying"),
            max_leverage=number(row["leverage_max"]),
            # "The maintenance margin rate of the first tier of risk limit sheet".
            maintenance_margin_rate=number(row["maintenance_rate"]),
            funding_interval_s=int(row["funding_interval"]) if "funding_interval" in row else None,
        ),
    }


def _option(row: Raw) -> dict[str, Any]:
    return {
        **_contract_terms(row, "multiplier"),
        **plain(
            symbol_type="OPTION",
            underlying=row["underlying"],
            expiry=seconds(row["expiration_time"]),
            strike=above_zero(row["strike_price"]),
            option_type="CALL" if row["is_call"] else "PUT",
        ),
    }


def _listing(file: str, name: str, read: Any, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]
    return len(rows), {row[name]: read(row) for row in rows}


EXPECT: Final[Expect] = {
    **{f: functools.partial(_listing, f, "id", _pair) for f in (_SPOT_2021, _SPOT_SAMPLE)},
    **{
        f: functools.partial(_listing, f, "name", _future)
        for f in (_USDT_2023, _USDT_2024, _DELIVERY)
    },
    _OPTIONS: functools.partial(_listing, _OPTIONS, "name", _option),
}
