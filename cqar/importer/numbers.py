"""Numbers as venues write them, exactly."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from cqar_shared.domain import decimals


def exact(value: Any, what: str) -> Decimal | None:
    """A number as the venue wrote it; some write 1e-8, which is as exact as 0.00000001."""
    if value in (None, ""):
        return None
    text = str(value)
    try:
        if "e" in text.lower():
            text = format(Decimal(text), "f")
        whole, _, fraction = text.partition(".")
        sign = "-" if whole.startswith("-") else ""
        whole = whole.removeprefix("-").lstrip("0") or "0"
        return decimals.parse(f"{sign}{whole}.{fraction or '0'}")
    except (ValueError, InvalidOperation) as error:
        message = f"{what} is {value!r}: {error}"
        raise ValueError(message) from error


def positive(value: Any, what: str) -> Decimal | None:
    """Venues write zero for "none"."""
    number = exact(value, what)
    if number is not None and number < 0:
        message = f"{what} is negative: {value}"
        raise ValueError(message)
    return number or None
