"""Search by symbol, name, identifier and contract address, best hits first, in SQL.

Scores are whole numbers, so that a page continues exactly after the one before. An address or an
external id that equals the query scores 5000, a symbol 4000, a name 3600. A symbol that begins with
the query scores from 3000, a name from 2500, an address or external id from 2000, each up to 400
more the longer its matching part. Likeness by trigrams scores up to 1000. Case is ignored.

A former symbol that equals the query scores 3200, a former name 3100; one that begins with it from
2300 and 2200. What was merged into something else is found as that.

Each hit, and the entity that it was found by, is checked against what the entities state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kind import AnyKind, Ref
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.sql import entity_queries, row_check
from cqar_writer.store import entity_rows

#: Each selects a key, its score, and the entity that it was found by.
_ASSETS: Final = """
    SELECT coalesce(merged_into, asset_id), CASE WHEN lower(symbol) = lower(:query) THEN 4000
        ELSE 3000 + (400 * similarity(symbol, :query))::int END,
        'asset', asset_id::text FROM assets WHERE symbol ILIKE :prefix
    UNION ALL SELECT coalesce(merged_into, asset_id), CASE
        WHEN lower(name) = lower(:query) THEN 3600
        ELSE 2500 + (400 * similarity(name, :query))::int END,
        'asset', asset_id::text FROM assets WHERE name ILIKE :prefix
    UNION ALL SELECT asset_id, CASE WHEN lower(address) = lower(:query) THEN 5000
        ELSE 2000 + (400 * similarity(address, :query))::int END,
        'asset_deployment', deployment_id::text
        FROM deployments WHERE lower(address) LIKE lower(:prefix) AND length(:query) >= :address_min
    UNION ALL SELECT asset_id, CASE WHEN lower(external_id) = lower(:query) THEN 5000
        ELSE 2000 + (400 * similarity(external_id, :query))::int END,
        'asset_identifier', identifier_id::text
        FROM asset_identifiers WHERE external_id ILIKE :prefix
    UNION ALL SELECT asset_id, (1000 * similarity(external_id, :query))::int,
        'asset_identifier', identifier_id::text
        FROM asset_identifiers WHERE external_id % :query
    UNION ALL SELECT coalesce(merged_into, asset_id), (1000 * greatest(similarity(name, :query),
        similarity(symbol, :query)))::int,
        'asset', asset_id::text FROM assets WHERE name % :query OR symbol % :query
    UNION ALL SELECT coalesce(merged_into, asset_id), CASE WHEN lower(former.symbol) = lower(:query)
        THEN 3200 ELSE 2300 + (400 * similarity(former.symbol, :query))::int END,
        'asset', asset_id::text
        FROM assets, jsonb_to_recordset(former_names) AS former(symbol text, name text)
        WHERE former_names IS NOT NULL AND former.symbol ILIKE :prefix
    UNION ALL SELECT coalesce(merged_into, asset_id), CASE WHEN lower(former.name) = lower(:query)
        THEN 3100 ELSE 2200 + (400 * similarity(former.name, :query))::int END,
        'asset', asset_id::text
        FROM assets, jsonb_to_recordset(former_names) AS former(symbol text, name text)
        WHERE former_names IS NOT NULL AND former.name ILIKE :prefix
"""
_SYMBOLS: Final = """
    SELECT coalesce(merged_into, symbol_id), CASE WHEN lower(symbol) = lower(:query) THEN 4000
        ELSE 3000 + (400 * similarity(symbol, :query))::int END,
        'symbol', symbol_id::text FROM symbols WHERE symbol ILIKE :prefix
    UNION ALL SELECT symbol_id, CASE WHEN lower(external_id) = lower(:query) THEN 5000
        ELSE 2000 + (400 * similarity(external_id, :query))::int END,
        'symbol_identifier', identifier_id::text
        FROM symbol_identifiers WHERE external_id ILIKE :prefix
    UNION ALL SELECT symbol_id, (1000 * similarity(external_id, :query))::int,
        'symbol_identifier', identifier_id::text
        FROM symbol_identifiers WHERE external_id % :query
    UNION ALL SELECT coalesce(merged_into, symbol_id), (1000 * similarity(symbol, :query))::int,
        'symbol', symbol_id::text FROM symbols WHERE symbol % :query
"""
_HITS: Final = {"asset": _ASSETS, "symbol": _SYMBOLS}
#: The shortest prefix of an address, `0x` included, that is searched: shorter ones match thousands.
ADDRESS_CHARS_MIN: Final = 6
#: Assets without an active flag above a severity.
_UNFLAGGED: Final = """
    NOT EXISTS (SELECT FROM quality_flags f WHERE f.asset_id = t.asset_id
        AND f.resolved_at IS NULL AND f.severity > :max_flag_severity)
"""


class SearchHit(NamedTuple):
    score: int
    key: str
    payload: bytes


async def search(
    tx: AsyncConnection,
    kind: AnyKind,
    query: str,
    where: Mapping[str, Any],
    after: tuple[int, str] | None,
    limit: int,
) -> list[SearchHit]:
    """Return the best hits after the last page, at most `limit`.

    Args:
        where: Column -> value; an unset value matches anything.
        after: Score and key of the last hit of the page before.

    Raises:
        DataLoss: a table differs from what its entities state.
    """
    (key,) = kind.key
    wanted = {name: value for name, value in where.items() if value}
    flagged = wanted.pop("max_flag_severity", None)
    conditions = [f"t.{name} = :{name}" for name in wanted]
    arguments: dict[str, Any] = {**wanted, "query": query, "limit": limit}
    arguments["address_min"] = ADDRESS_CHARS_MIN
    arguments["prefix"] = query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    if flagged is not None:
        conditions.append(_UNFLAGGED)
        arguments["max_flag_severity"] = flagged
    if after is not None:
        conditions.append(
            "(b.score < :after_score OR (b.score = :after_score AND c.key > :after_key))"
        )
        arguments |= {"after_score": after[0], "after_key": after[1]}
    statement = f"""
        WITH best AS (
            SELECT DISTINCT ON ({key}) *
            FROM ({_HITS[kind.name]}) AS hits({key}, score, via, via_key)
            ORDER BY {key}, score DESC, via, via_key
        )
        SELECT b.score, c.key, c.payload, b.via, b.via_key
        FROM best b JOIN {kind.table} t USING ({key})
        JOIN current c ON c.kind = '{kind.name}' AND c.key = t.{key}::text
        WHERE {" AND ".join(["NOT c.deleted", *conditions])}
        ORDER BY b.score DESC, c.key LIMIT :limit
    """  # noqa: S608  (names of our own)
    rows = (await tx.execute(sa.text(statement), arguments)).all()
    hits = [SearchHit(*row[:3]) for row in rows]
    await _require_stated(tx, kind, hits, {(row.via, row.via_key) for row in rows})
    if flagged is not None:
        await _require_unflagged(tx, [hit.key for hit in hits], flagged)
    return hits


async def _require_stated(
    tx: AsyncConnection, kind: AnyKind, hits: Sequence[SearchHit], found_by: set[Ref]
) -> None:
    """Check hits, and the entities that they were found by, against the tables."""
    own = {(kind.name, hit.key): (kind.name, hit.key, hit.payload) for hit in hits}
    others = await entity_queries.load(tx, found_by - own.keys())
    if len(others) < len(found_by - own.keys()):
        raise row_check.altered(kind.table, min(found_by)[1])
    loaded = [(row.kind, row.key, row.payload) for row in others]
    await entity_rows.require_rows(tx, [*own.values(), *loaded])


async def _require_unflagged(tx: AsyncConnection, keys: Sequence[str], severity_max: int) -> None:
    for flags in await entity_queries.find(tx, QUALITY_FLAG, "asset", [(key,) for key in keys]):
        for row in flags:
            flag: Any = QUALITY_FLAG.message.FromString(row.payload)
            if not flag.HasField("resolved_at") and flag.severity > severity_max:
                raise row_check.altered(QUALITY_FLAG.table, row.key)
