"""Upbit: names, the quote first; no steps, no status."""

from __future__ import annotations

import functools
from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, Raw, code, plain

_FILES: Final = ("upbit/market_all_2021-04-17.json", "upbit/market_all_details_2025-07-27.json")


def _market(row: Raw) -> dict[str, Any]:
    # market_event warns of prices and volumes: it does not say what may be ordered.
    quote, base = row["market"].split("-")
    return plain(
        symbol_type="SPOT",
        base=code(base, name=row["english_name"]),
        quote=code(quote),
        order_unit="BASE",
    )


def _listing(file: str, answers: dict[str, Any]) -> Expectations:
    rows = answers[file]
    return len(rows), {row["market"]: _market(row) for row in rows}


EXPECT: Final[Expect] = {file: functools.partial(_listing, file) for file in _FILES}
