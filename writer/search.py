"""Search: by symbol, name, identifier and contract address; best first.

Scores are whole numbers, so that a page can go on exactly after the one before: an address or
an external id is named exactly (5000), a symbol is (4000) or begins so (3000), a name begins so
(2500), the rest is likeness by trigrams (up to 1000).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.kind import AnyKind

_ASSETS: Final = """
    SELECT asset_id, CASE WHEN lower(symbol) = lower(:query) THEN 4000 ELSE 3000 END AS score
        FROM assets WHERE symbol ILIKE :prefix
    UNION ALL SELECT asset_id, 2500 FROM assets WHERE name ILIKE :prefix
    UNION ALL SELECT asset_id, 5000 FROM deployments WHERE lower(address) = lower(:query)
    UNION ALL SELECT asset_id, 5000 FROM asset_identifiers WHERE external_id = :query
    UNION ALL SELECT asset_id, (1000 * greatest(similarity(name, :query),
        similarity(symbol, :query)))::int FROM assets WHERE name % :query OR symbol % :query
"""
_SYMBOLS: Final = """
    SELECT symbol_id, CASE WHEN lower(symbol) = lower(:query) THEN 4000 ELSE 3000 END AS score
        FROM symbols WHERE symbol ILIKE :prefix
    UNION ALL SELECT symbol_id, 5000 FROM symbol_identifiers WHERE external_id = :query
    UNION ALL SELECT symbol_id, (1000 * similarity(symbol, :query))::int
        FROM symbols WHERE symbol % :query
"""
_HITS: Final = {"asset": _ASSETS, "symbol": _SYMBOLS}
#: Assets without an active flag above a severity.
_UNFLAGGED: Final = """
    NOT EXISTS (SELECT FROM quality_flags f WHERE f.asset_id = t.asset_id
        AND f.resolved_at IS NULL AND f.severity > :max_flag_severity)
"""


class Hit(NamedTuple):
    score: int
    key: str
    payload: bytes


async def search(
    tx: AsyncConnection,
    kind: AnyKind,
    query: str,
    where: Mapping[str, Any],
    after: tuple[int, str] | None,
    most: int,
) -> list[Hit]:
    """The best hits after one, at most so many.

    Args:
        where: Column -> value; what is not set matches anything.
        after: Score and key of the last hit of the page before.
    """
    (key,) = kind.key
    wanted = {name: value for name, value in where.items() if value}
    flagged = wanted.pop("max_flag_severity", None)
    conditions = [f"t.{name} = :{name}" for name in wanted]
    arguments: dict[str, Any] = {**wanted, "query": query, "most": most}
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
            SELECT {key}, max(score) AS score FROM ({_HITS[kind.name]}) AS hits GROUP BY {key}
        )
        SELECT b.score, c.key, c.payload
        FROM best b JOIN {kind.table.name} t USING ({key})
        JOIN current c ON c.kind = '{kind.name}' AND c.key = t.{key}::text
        WHERE {" AND ".join(["NOT c.deleted", *conditions])}
        ORDER BY b.score DESC, c.key LIMIT :most
    """  # noqa: S608  (names of our own)
    return [Hit(*row) for row in await tx.execute(sa.text(statement), arguments)]
