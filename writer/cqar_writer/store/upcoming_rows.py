"""Finds the listings of which something is known to come, by instant, in SQL."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class UpcomingRow(NamedTuple):
    """An instant at which something comes of a listing."""

    effective_at: dt.datetime
    listing_id: str
    symbol_id: str


#: Each part reads one index. What would come after a listing's end does not come.
_PARTS: Final = (
    ("v.delisted_at", "venue_symbols v", "TRUE"),
    ("v.listed_at", "venue_symbols v", "v.listed_at IS NOT NULL"),
    ("v.trading_starts_at", "venue_symbols v", "v.trading_starts_at IS NOT NULL"),
    (
        "CAST(c->>'effective_at' AS timestamptz)",
        "venue_symbols v CROSS JOIN LATERAL jsonb_array_elements(v.scheduled) c",
        "v.scheduled IS NOT NULL",
    ),
    (
        "s.expiry",
        "symbols s JOIN venue_symbols v ON v.symbol_id = s.symbol_id AND v.alias_of IS NULL",
        "s.expiry IS NOT NULL",
    ),
)


def _query(*, of_venue: bool) -> sa.TextClause:
    venue = "AND v.venue_id = :venue_id" if of_venue else ""
    parts = " UNION ".join(
        f"SELECT {instant} AS effective_at, v.listing_id, v.symbol_id FROM {tables}"  # noqa: S608
        f" WHERE {condition} AND {instant} > :now AND {instant} <= :until {venue}"
        f" AND (v.delisted_at IS NULL OR v.delisted_at >= {instant})"
        for instant, tables, condition in _PARTS
    )
    return sa.text(
        f"SELECT effective_at, listing_id::text, symbol_id::text FROM ({parts}) AS found"  # noqa: S608
        " WHERE (effective_at, listing_id) > (:after, CAST(:after_id AS uuid))"
        " ORDER BY effective_at, listing_id LIMIT :limit"
    ).bindparams(
        *(
            sa.bindparam(name, type_=sa.TIMESTAMP(timezone=True))
            for name in ("now", "until", "after")
        )
    )


_ALL: Final = _query(of_venue=False)
_OF_VENUE: Final = _query(of_venue=True)


async def find_upcoming(
    tx: AsyncConnection,
    now: dt.datetime,
    until: dt.datetime,
    after: tuple[dt.datetime, str],
    limit: int,
    venue_id: str = "",
) -> list[UpcomingRow]:
    """Find the first instants after `now`, each listing's once, in their order.

    Args:
        until: The last instant wanted.
        after: Instant and listing of the last row of the page before.
        venue_id: Empty: of all venues.
    """
    given: dict[str, Any] = {"now": now, "until": until, "limit": limit}
    given |= {"after": after[0], "after_id": after[1]}
    if venue_id:
        given["venue_id"] = venue_id
    rows = await tx.execute(_OF_VENUE if venue_id else _ALL, given)
    return [UpcomingRow(*row) for row in rows]
