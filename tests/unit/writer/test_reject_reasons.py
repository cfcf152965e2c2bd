"""What a venue's own words refuse an order for; what is not known is OTHER."""

from __future__ import annotations

import pytest
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_writer.rejects.reject_reasons import CODES, FIELDS, OTHER, TEXTS, doubts, reason_of

ROWS = [(operator, code, "", r) for operator, codes in CODES.items() for code, r in codes.items()]
ROWS += [
    (operator, "x", f"E: {part}!", r) for operator, parts in TEXTS.items() for part, r in parts
]


@pytest.mark.parametrize(("operator", "code", "message", "reason"), ROWS)
def test_each_row_is_read_as_it_says(operator: str, code: str, message: str, reason: int) -> None:
    assert reason_of(operator, code, message) == reason
    assert reason_of(operator, f" {code} ", message.upper()) == reason


@pytest.mark.parametrize(
    ("operator", "code", "message", "name"),
    [
        ("binance", "-1013", "Filter failure: LOT_SIZE", "LOT"),
        ("binance", "-1013", "Filter failure: PRICE_FILTER", "TICK"),
        ("binance", "-1013", "Filter failure: PERCENT_PRICE_BY_SIDE", "PRICE"),
        ("binance", "-2010", "Account has insufficient balance for requested action.", "OTHER"),
        ("kraken", "EOrder:Tick size check failed", "", "TICK"),
        ("kraken", "EOrder:Insufficient funds", "", "OTHER"),
        ("kraken", "EQuery:Unknown asset pair", "", "UNKNOWN_SYMBOL"),
        # The code of another venue says nothing here.
        ("kraken", "-4014", "", "OTHER"),
        ("nobody", "-4014", "tick size check failed", "OTHER"),
        ("okx", "51121", "Order quantity must be a multiple of the lot size.", "LOT"),
    ],
)
def test_real_refusals(operator: str, code: str, message: str, name: str) -> None:
    assert pb.RejectReason.Name(reason_of(operator, code, message)) == f"REJECT_REASON_{name}"


def test_other_and_unspecified_doubt_nothing() -> None:
    silent = {r for r in pb.RejectReason.values() if not doubts(r)}
    assert silent == {OTHER, pb.REJECT_REASON_UNSPECIFIED}
    assert all(FIELDS.values())
