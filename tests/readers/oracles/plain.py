"""Plain forms of values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

Raw = dict[str, Any]
Expectations = tuple[int, dict[str, dict[str, Any]]]
Expect = dict[str, Callable[[dict[str, Any]], Expectations]]
Name = tuple[str, str, str | None]


def code(venue: str, ticker: str = "", name: str | None = None) -> Name:
    return (venue, ticker or venue, name)


def number(text: Any) -> Decimal | None:
    """Absent and empty are not stated; zero is zero."""
    return None if text in (None, "") else Decimal(text)


def above_zero(text: Any) -> Decimal | None:
    """For limits of which the venue says that zero means none."""
    found = number(text)
    return found or None


def instant(milliseconds: Any) -> dt.datetime | None:
    """Absent, empty and zero are no instant."""
    if milliseconds in (None, "", "0"):
        return None
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return epoch + dt.timedelta(milliseconds=int(milliseconds))


def plain(**fields: Any) -> dict[str, Any]:
    """An expectation; what is None is left out, as it is expected anyway."""
    return {name: value for name, value in fields.items() if value is not None}
