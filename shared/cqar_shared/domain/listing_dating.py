"""Where a statement of a listing's terms stands among those that are known. Pure.

A statement is of an instant: of now, or of when a venue's answer was taken. Statements may come in
any order, and give the same history: the terms at an instant are those of the last statement of
then or before. What is known later than a statement stands, and the statement goes behind it.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from cqar_shared.domain.kind import RegistryView


class Dating(NamedTuple):
    """Where a statement stands.

    Attributes:
        since: Since when the listing's terms are as they are now.
        stated_at: The newest instant after that at which they were stated to be so still.
        keeps_terms: The terms of before stand: the statement is of an earlier instant.
        past_at: The instant as of which the statement is stored, behind the present.
    """

    since: dt.datetime | None
    stated_at: dt.datetime | None = None
    keeps_terms: bool = False
    past_at: dt.datetime | None = None


def dating_of(
    known: dt.datetime | None,
    stated: dt.datetime | None,
    registry: RegistryView,
    *,
    is_same: bool,
) -> Dating:
    """Place a statement.

    Args:
        known, stated: `since` and `stated_at` of the terms that hold now.
        is_same: The statement says what holds now.
    """
    at = registry.as_of or registry.now
    latest = stated or known
    unchanged = Dating(known, stated)
    if registry.as_of is None and not is_same:
        # The clocks of two writers may differ.
        return Dating(max(at, latest or at))
    if latest is not None and at >= latest:
        if not is_same:
            return Dating(at)
        return Dating(known, at, past_at=at) if registry.confirms and at > latest else unchanged
    if known is not None and known <= at:
        if is_same:
            return unchanged._replace(past_at=at if registry.confirms else None)
        # Between, the terms were others: the present ones hold since they were stated again.
        return Dating(stated, stated, keeps_terms=True, past_at=at)
    if registry.as_of is None:
        return unchanged
    return unchanged._replace(keeps_terms=True, past_at=at)
