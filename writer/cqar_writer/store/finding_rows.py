"""Finds findings in SQL: the newest first, page by page, and how many there are of each kind."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.kinds.finding import FINDING, Finding, FindingAction, FindingState


class FindingFilter(NamedTuple):
    """What findings are wanted; an empty value wants all.

    Attributes:
        asset_id: That it is about, that it proposes, or a candidate.
        opened_from, opened_until: Opened then or later, and before then.
    """

    states: tuple[FindingState, ...] = ()
    kinds: tuple[str, ...] = ()
    actions: tuple[FindingAction, ...] = ()
    venue_id: str = ""
    venue_symbol: str = ""
    code: str = ""
    asset_id: str = ""
    opened_from: dt.datetime | None = None
    opened_until: dt.datetime | None = None


class ListedFinding(NamedTuple):
    finding_id: str
    opened_at: dt.datetime
    payload: bytes


#: Filter -> its condition. Those that leave few rows come first, by an index of their own.
_SELECTIVE: Final = {
    "venue_symbol": "f.venue_symbol = :venue_symbol",
    "code": "f.code = :code",
    "asset_id": "(f.asset_id = :asset_id OR f.proposed_asset_id = :asset_id"
    " OR f.evidence @> CAST(:candidate AS jsonb))",
}
_OTHER: Final = {
    "kinds": "f.kind = ANY(CAST(:kinds AS text[]))",
    "actions": "f.action = ANY(CAST(:actions AS smallint[]))",
    "venue_id": "f.venue_id = :venue_id",
    "opened_from": "f.opened_at >= CAST(:opened_from AS timestamptz)",
    "opened_until": "f.opened_at < CAST(:opened_until AS timestamptz)",
}
_GROUPING: Final = ("kinds", "actions", "venue_id")
#: Filters by an instant.
_INSTANTS: Final = ("opened_from", "opened_until")
_AFTER: Final = (
    "(f.opened_at, f.finding_id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid))"
)
_COLUMNS: Final = "finding_id, opened_at, state, kind, action, venue_id"


async def find(
    tx: AsyncConnection,
    wanted: FindingFilter,
    after: tuple[dt.datetime, str] | None,
    limit: int,
) -> list[ListedFinding]:
    """Find the newest findings that pass.

    Each group of findings is read from its newest on, by an index in that order, and the newest of
    all are joined. Where kinds, actions or a venue are wanted, the groups are those that
    `finding_counts` has of them; otherwise the states.

    Args:
        after: When the last one of the page before was opened, and its id.
    """
    given = _given(wanted) | {"limit": limit}
    groups, conditions = _groups(wanted)
    conditions += [_OTHER[name] for name in _named(wanted, _INSTANTS)]
    if after is not None:
        conditions.append(_AFTER)
        given |= {"after": after[0], "after_id": after[1]}
    order = "ORDER BY {0}.opened_at DESC, {0}.finding_id DESC"
    query = (
        f"SELECT p.finding_id::text, p.opened_at, c.payload FROM (SELECT l.* FROM"  # noqa: S608
        f" ({groups}) g CROSS JOIN LATERAL"
        f" (SELECT f.finding_id, f.opened_at FROM {_source(wanted)} f"
        f" WHERE {' AND '.join(conditions)}"
        f" {order.format('f')} LIMIT :limit) l {order.format('l')} LIMIT :limit) p"
        f" JOIN current c ON c.kind = '{FINDING.name}' AND c.key = p.finding_id::text"
        f" {order.format('p')}"
    )
    return [ListedFinding(*row) for row in await tx.execute(_text(query, given), given)]


def _groups(wanted: FindingFilter) -> tuple[str, list[str]]:
    """Return the groups that are read, as SQL, and what their findings have in common."""
    states = "f.state = ANY(CAST(:states AS smallint[]))"
    grouping = [_OTHER[name] for name in _named(wanted, _GROUPING)]
    if any(_named(wanted, _SELECTIVE)):
        # Few are left, and sorted.
        return "SELECT 1", [states, *grouping]
    if not grouping:
        return "SELECT unnest(CAST(:states AS smallint[])) AS state", ["f.state = g.state"]
    same = [f"f.{name} = g.{name}" for name in ("state", "kind", "action")]
    where = " AND ".join(["f.number > 0", states, *grouping])
    return f"SELECT * FROM finding_counts f WHERE {where}", [  # noqa: S608
        *same,
        "coalesce(f.venue_id, '') = g.venue_id",
    ]


async def count_kinds(tx: AsyncConnection, wanted: FindingFilter) -> dict[str, int]:
    """Count all findings that pass, by kind."""
    given = _given(wanted)
    conditions = [_OTHER[name] for name in _named(wanted, _OTHER)]
    where = " AND ".join(["f.state = ANY(CAST(:states AS smallint[]))", *conditions])
    is_counted = not any(getattr(wanted, name) for name in (*_SELECTIVE, *_INSTANTS))
    source, number = ("finding_counts", "sum(f.number)") if is_counted else ("", "count(*)")
    query = (
        f"SELECT f.kind, CAST({number} AS bigint) FROM {source or _source(wanted)} f"  # noqa: S608
        f" WHERE {where} GROUP BY f.kind HAVING {number} > 0"
    )
    return {row[0]: row[1] for row in await tx.execute(_text(query, given), given)}


_COUNT: Final = sa.text(
    "INSERT INTO finding_counts (state, kind, action, venue_id, number) SELECT * FROM"
    " unnest(CAST(:state AS smallint[]), CAST(:kind AS text[]), CAST(:action AS smallint[]),"
    " CAST(:venue_id AS text[]), CAST(:number AS bigint[]))"
    " ON CONFLICT (state, kind, action, venue_id)"
    " DO UPDATE SET number = finding_counts.number + excluded.number"
)


async def count_changes(
    tx: AsyncConnection, changes: Iterable[tuple[Finding | None, Finding | None]]
) -> None:
    """Note how many findings more, or fewer, there are of each state, kind, action and venue.

    Args:
        changes: Findings before and after; None where there is none.
    """
    added: Counter[tuple[Any, ...]] = Counter()
    for before, after in changes:
        for finding, number in ((before, -1), (after, 1)):
            if finding is not None:
                key = (finding.state, finding.kind, finding.action, finding.venue_id or "")
                added[key] += number
    rows = [(*key, number) for key, number in added.items() if number]
    if rows:
        names = ("state", "kind", "action", "venue_id", "number")
        columns = map(list, zip(*rows, strict=True))
        await tx.execute(_COUNT, dict(zip(names, columns, strict=True)))


def _source(wanted: FindingFilter) -> str:
    """Return the table, or what the selective filters leave of it.

    OFFSET keeps PostgreSQL from reading all rows in their order to find the few that are left.
    """
    conditions = [_SELECTIVE[name] for name in _named(wanted, _SELECTIVE)]
    if not conditions:
        return "findings"
    where = " AND ".join(conditions)
    if wanted.venue_id:
        where += f" AND {_OTHER['venue_id']}"
    return f"(SELECT {_COLUMNS} FROM findings f WHERE {where} OFFSET 0)"  # noqa: S608


def _named(wanted: FindingFilter, names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if getattr(wanted, name))


def _given(wanted: FindingFilter) -> dict[str, Any]:
    given: dict[str, Any] = {name: getattr(wanted, name) for name in _named(wanted, _SELECTIVE)}
    given |= {name: getattr(wanted, name) for name in _named(wanted, _OTHER)}
    if wanted.asset_id:
        candidate = [{"asset_id": wanted.asset_id}]
        given["candidate"] = msgspec.json.encode(candidate).decode()
    given |= {name: list(given[name]) for name in ("kinds", "actions") if name in given}
    return given | {"states": [int(state) for state in wanted.states or FindingState]}


def _text(query: str, given: dict[str, Any]) -> sa.TextClause:
    instants = [name for name in (*_INSTANTS, "after") if name in given]
    typed = (sa.bindparam(name, type_=sa.TIMESTAMP(timezone=True)) for name in instants)
    return sa.text(query).bindparams(*typed)
