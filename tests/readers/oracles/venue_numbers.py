"""Numbers and instants that several venues write in the same way."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from tests.readers.oracles.plain import instant


def decimals(places: Any) -> Decimal | None:
    """The step of a number of decimal places: 3 is 0.001."""
    return None if places is None else Decimal(1).scaleb(-int(places))


def seconds(since_epoch: Any) -> dt.datetime | None:
    """An instant; absent, empty and zero are none."""
    return None if since_epoch in (None, "", "0") else instant(int(since_epoch) * 1000)
