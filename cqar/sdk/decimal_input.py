"""Decimals as callers give them: exact, or refused."""

from __future__ import annotations

from decimal import Decimal

from cqar_shared.domain import decimals

#: What may stand for a price or a quantity. No float: 0.1 + 0.2 is not 0.3.
Exact = Decimal | int | str


def exact(value: Exact) -> Decimal:
    """A price or quantity, which is not negative.

    Raises:
        TypeError: It is a float, or no number.
        ValueError: It is negative, no finite number, or text that is no plain decimal.
    """
    if isinstance(value, float | bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"{value!r}: give a Decimal, an int, or text such as '0.001'")
    found = decimals.parse(value) if isinstance(value, str) else Decimal(value)
    if not found.is_finite() or found < 0:
        raise ValueError(
            f"{value!r} is no price and no quantity: it must be finite and not below 0"
        )
    return found
