"""Judges the items of a request; the registry's rules name the entities that they need."""

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

#: A rule asks for more only because of what it was shown. The deepest is the walk along
#: relationships.
ROUNDS_MAX: Final = 256
#: Items judged in all rounds together: 50 us each, while the write lock is held.
JUDGED_MAX: Final = 200_000
#: Entities or lookups in one query: to decode them takes 5 ms.
LOADED_AT_ONCE: Final = 500

T = TypeVar("T")


async def judge(tx: AsyncConnection, batch: Batch, working_set: WorkingSet) -> list[Outcome]:
    """Return the outcome of each item.

    Raises:
        TooLarge: the rules ask for more rounds of entities than one request has.
    """
    long = is_long(batch.items)
    await session_keepalive.run(tx, long, batch.prefetch, working_set)
    if working_set.missing:
        await _load(tx, working_set)
    rounds = max(1, min(ROUNDS_MAX, JUDGED_MAX // max(1, len(batch.items))))
    message = f"the rules asked for more than {rounds} rounds of entities: split the request"
    run = partial(session_keepalive.run, tx, long, batch.judge, working_set)
    return await run_loading(run, working_set, partial(_load, tx), rounds, TooLarge(message))


async def _load(tx: AsyncConnection, working_set: WorkingSet) -> None:
    """Load what the last round missed, in parts: other callers are answered between them."""
    missing = working_set.missing
    loaded: set[Ref] = set()
    by_lookup: defaultdict[tuple[str, str], list[LookupKey]] = defaultdict(list)
    for lookup in missing.finds:
        by_lookup[lookup.kind, lookup.lookup].append(lookup)
    for (kind, name), lookups in by_lookup.items():
        for part in _parts(lookups):
            matches = await entity_rows.find(tx, KIND_BY_NAME[kind], name, part)
            for lookup, entities in matches.items():
                working_set.know_found(lookup, list(entities))
                for key, stored in entities.items():
                    working_set.know((kind, key), stored)
                    loaded.add((kind, key))
    for refs in _parts(list(missing.refs - loaded)):
        entities_by_ref = await entity_rows.load(tx, refs, removed=True)
        for ref in refs:
            working_set.know(ref, entities_by_ref.get(ref))
    for ref in missing.referrers:
        working_set.know_referrers(ref, await entity_rows.referrers(tx, ref))


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    starts = range(0, len(items), LOADED_AT_ONCE)
    return (items[start : start + LOADED_AT_ONCE] for start in starts)
