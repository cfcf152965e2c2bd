"""Judges items by the registry's rules, which ask for the entities that they look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.domain.evaluation import Batch, Outcome
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.load_rounds import run_loading
from cqar_shared.domain.working_set import LookupKey, WorkingSet
from cqar_shared.errors import TooLarge
from cqar_shared.runtime.event_loop import is_long
from cqar_writer.store import entity_rows, session_keepalive

#: A rule asks further only from what it was shown; the deepest is the walk along relationships.
ROUNDS_MAX: Final = 256
#: Of items, in all rounds together: 50 us each, behind the registry's write lock.
JUDGED_MAX: Final = 200_000
#: Entities, or lookups, that one query brings: to take them in takes 5 ms.
LOADED_AT_ONCE: Final = 500

T = TypeVar("T")


async def judge(tx: AsyncConnection, batch: Batch, seen: WorkingSet) -> list[Outcome]:
    """What becomes of each item.

    Raises:
        TooLarge: The rules ask for more rounds of entities than one request has.
    """
    await session_keepalive.work(tx, is_long(batch.items), batch.prefetch, seen)
    if seen.missing:
        await _load(tx, seen)
    rounds = max(1, min(ROUNDS_MAX, JUDGED_MAX // max(1, len(batch.items))))
    message = f"the rules asked for more than {rounds} rounds of entities: split the request"
    run = partial(session_keepalive.work, tx, is_long(batch.items), batch.judge, seen)
    return await run_loading(run, seen, partial(_load, tx), rounds, TooLarge(message))


async def _load(tx: AsyncConnection, seen: WorkingSet) -> None:
    """Bring what the last round was missing, some at a time: others are answered in between."""
    missing = seen.missing
    brought: set[Ref] = set()
    by_lookup: defaultdict[tuple[str, str], list[LookupKey]] = defaultdict(list)
    for find in missing.finds:
        by_lookup[find.kind, find.lookup].append(find)
    for (kind, lookup), finds in by_lookup.items():
        for some in _parts(finds):
            matches = await entity_rows.find(tx, KIND_BY_NAME[kind], lookup, some)
            for find, entities in matches.items():
                seen.know_found(find, list(entities))
                for key, stored in entities.items():
                    seen.know((kind, key), stored)
                    brought.add((kind, key))
    for refs in _parts(list(missing.refs - brought)):
        found = await entity_rows.load(tx, refs, removed=True)
        for ref in refs:
            seen.know(ref, found.get(ref))
    for ref in missing.referrers:
        seen.know_referrers(ref, await entity_rows.referrers(tx, ref))


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + LOADED_AT_ONCE] for at in range(0, len(items), LOADED_AT_ONCE))
