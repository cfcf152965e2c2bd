"""Instants that a request may give."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.errors import Invalid, Violation


def instant_or(request: Any, field: str, otherwise: dt.datetime) -> dt.datetime:
    """The request's instant, or the other where it gives none.

    Raises:
        Invalid: It is not an instant that can be stored.
    """
    if not request.HasField(field):
        return otherwise
    try:
        instant: dt.datetime = getattr(request, field).ToDatetime(tzinfo=dt.UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid([Violation(field, "OUT_OF_RANGE", "is not a storable instant")]) from error
    return instant
