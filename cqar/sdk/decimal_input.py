"""Reads prices and quantities from callers exactly, or refuses them."""

from __future__ import annotations

from decimal import Decimal

from cqar_shared.domain import decimals

#: Types of a price or a quantity. Floats are refused: 0.1 + 0.2 is not 0.3.
Exact = Decimal | int | str


def exact(value: Exact) -> Decimal:
    """Convert a price or quantity to a non-negative Decimal.

    Raises:
        TypeError: The value is a float, or no number.
        ValueError: The value is negative, not finite, or text that is no plain decimal.
    """
    if isinstance(value, float | bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"{value!r}: give a Decimal, an int, or text such as '0.001'")
    number = decimals.parse(value) if isinstance(value, str) else Decimal(value)
    if not number.is_finite() or number < 0:
        raise ValueError(
            f"{value!r} is no price and no quantity: it must be finite and not below 0"
        )
    return number


def written_decimal(value: object) -> str:
    """A decimal of any sign as the text that the registry keeps.

    Raises:
        TypeError: The value is a float, or no number.
        ValueError: It is not finite, or text that is no plain decimal.
    """
    if isinstance(value, float | bool) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"{value!r}: give a Decimal, an int, or text such as '0.001'")
    number = decimals.parse(value) if isinstance(value, str) else Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{value!r} is not finite")
    return decimals.plain(number)
