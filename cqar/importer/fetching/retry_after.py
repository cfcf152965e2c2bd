"""What a server says of when to come back. Pure."""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime
from typing import Final

#: The longest ban that a venue documents: Binance's, of three days.
WAIT_S_MAX: Final = 3 * 86_400.0
_DIGITS_MAX: Final = 12


def retry_after_s(header: str | None, now: dt.datetime) -> float | None:
    """Seconds until the server wants to be asked again; None if it does not say so readably.

    Args:
        header: `Retry-After`: seconds, or a date of HTTP.
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return min(float(text[:_DIGITS_MAX]), WAIT_S_MAX)
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=dt.UTC)
    return min(max(0.0, (instant - now).total_seconds()), WAIT_S_MAX)
