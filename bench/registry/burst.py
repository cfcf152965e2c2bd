"""Very many changes at once: prepared, then committed in one transaction, many revisions.

What a resolver gets is what an import of that size publishes, without the minutes that it takes.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import asyncpg
import msgspec

from bench.registry.filling import head_of, save_head
from bench.registry.revisions import ENTITIES_A_REVISION, Change, sealed
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode, VenueSymbol
from cqar_writer.protocol.log_rows import OutboxRow
from cqar_writer.store.outbox import CHANNEL

_LISTINGS: Final = """
    SELECT payload FROM current WHERE kind = 'venue_symbol' AND NOT deleted ORDER BY key
"""
_SAVE: Final = """
    UPDATE current SET payload = $2, revision = $3 WHERE kind = 'venue_symbol' AND key = $1
"""
_NAME: Final = "INSERT INTO entity_revisions VALUES ('venue_symbol', $1, $2)"
_STATE: Final = "UPDATE venue_symbols SET status = $2 WHERE listing_id = $1"
#: What a listing becomes, by what it is.
_OTHER: Final = {
    MarketStatusCode.ONLINE: MarketStatusCode.POST_ONLY,
    MarketStatusCode.POST_ONLY: MarketStatusCode.ONLINE,
}


async def prepared(url: str, size: int) -> list[list[Change]]:
    """Changes of as many listings' status, a revision each list.

    Raises:
        ValueError: There are not so many listings that trade.
    """
    connection = await asyncpg.connect(url)
    try:
        found: list[Change] = []
        async with connection.transaction():
            async for row in connection.cursor(_LISTINGS, prefetch=ENTITIES_A_REVISION):
                if (change := _change(row["payload"])) is not None:
                    found.append(change)
                if len(found) == size:
                    break
    finally:
        await connection.close()
    if len(found) < size:
        message = f"{size} changes of {len(found)} listings"
        raise ValueError(message)
    starts = range(0, size, ENTITIES_A_REVISION)
    return [found[start : start + ENTITIES_A_REVISION] for start in starts]


def _change(payload: bytes) -> Change | None:
    """None where it is an alias, or does not trade."""
    listing: VenueSymbol = entity_codec.decode(VENUE_SYMBOL, payload)
    status = _OTHER.get(listing.status) if listing.status else None
    if status is None or listing.alias_of:
        return None
    after = msgspec.structs.replace(listing, status=status)
    return Change(
        VENUE_SYMBOL, listing.listing_id, after, payload, entity_codec.encode(VENUE_SYMBOL, after)
    )


async def commit(url: str, batches: list[list[Change]], at: dt.datetime) -> int:
    """Make the changes as the next revisions, and wake the relays; returns the last revision."""
    head = await head_of(url)
    rows: list[tuple[OutboxRow, list[Change]]] = []
    for changes in batches:
        row, head = sealed(head, changes, at)
        rows.append((row, changes))
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for row, changes in rows:
                await _save(connection, row, changes)
            await save_head(connection, head)
            await connection.execute(f"NOTIFY {CHANNEL}")
    finally:
        await connection.close()
    return head.revision


async def _save(connection: Any, row: OutboxRow, changes: list[Change]) -> None:
    revision = row.revision
    await connection.executemany(_SAVE, [(c.key, c.after, revision) for c in changes])
    await connection.executemany(_NAME, [(c.key, revision) for c in changes])
    states = [(c.key, int(getattr(c.entity, "status"))) for c in changes]  # noqa: B009
    await connection.executemany(_STATE, states)
    await connection.copy_records_to_table(
        "outbox", records=[tuple(row)], columns=list(OutboxRow._fields)
    )
