"""Judges the items of a request; the registry's rules name the entities that they need."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Batch, Outcome, Result
from cqar_shared.domain.kind import Ref
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, terms_of
from cqar_shared.domain.load_rounds import run_loading
from cqar_shared.domain.planned_batch import JUDGED_MAX, PlannedBatch
from cqar_shared.domain.working_set import LookupKey, Stored, WorkingSet
from cqar_shared.errors import TooLarge
from cqar_shared.runtime.event_loop import is_long
from cqar_shared.sql import entity_queries
from cqar_writer.store import entity_rows, session_keepalive

#: A rule asks for more only because of what it was shown. The deepest is the walk along
#: relationships.
ROUNDS_MAX: Final = 256
#: Entities or lookups in one query: to decode them takes 5 ms.
LOADED_AT_ONCE: Final = 500
#: Entities and lookups that one statement loads together: as many as a single change asks for.
LOADED_TOGETHER: Final = 8

T = TypeVar("T")


async def judge(tx: AsyncConnection, batch: Batch, working_set: WorkingSet) -> list[Outcome]:
    """Return the outcome of each item.

    Raises:
        RegistryError: the batch's plan refuses.
        TooLarge: the rules ask for more rounds of entities than one request has.
    """
    long = isinstance(batch, PlannedBatch) or is_long(batch.items)
    await session_keepalive.run(tx, long, batch.prefetch, working_set)
    if working_set.missing:
        await _load(tx, working_set)
    rounds = max(1, min(ROUNDS_MAX, JUDGED_MAX // max(1, len(batch.items))))
    message = f"the rules asked for more than {rounds} rounds of entities: split the request"
    run = partial(session_keepalive.run, tx, long, batch.judge, working_set)
    load = partial(_load, tx)
    outcomes = await run_loading(run, working_set, load, rounds, TooLarge(message))
    return await _without_known(tx, outcomes, confirms=working_set.confirms)


async def _without_known(
    tx: AsyncConnection, outcomes: list[Outcome], *, confirms: bool
) -> list[Outcome]:
    """Leave out what the outcomes tell of the past and the registry knows already."""
    wanted = [(o.key, _since(one)) for o in outcomes for one in o.past if o.changes]
    if not wanted:
        return outcomes
    stored = dict(zip(wanted, await entity_queries.terms_at(tx, wanted), strict=True))

    def is_news(listing_id: str, one: Any) -> bool:
        payload = stored.get((listing_id, _since(one)))
        if payload is None:
            return True
        known = entity_codec.decode(VENUE_SYMBOL, payload)
        is_other = terms_of(known) != terms_of(one)
        return is_other or (confirms and known.terms_since != one.terms_since)

    left = []
    for outcome in outcomes:
        past = tuple(one for one in outcome.past if is_news(outcome.key, one))
        is_unchanged = outcome.past and not past and outcome.after == outcome.before
        result = Result.UNCHANGED if is_unchanged else outcome.result
        left.append(msgspec.structs.replace(outcome, past=past, result=result))
    return left


def _since(past: Any) -> dt.datetime:
    """The instant as of which a listing's terms of the past are stored."""
    since: dt.datetime = past.terms_since
    return since


async def _load(tx: AsyncConnection, working_set: WorkingSet) -> None:
    """Load what the last round missed: a little in one statement, much in parts."""
    missing = working_set.missing
    if len(missing.finds) + len(missing.refs) <= LOADED_TOGETHER:
        finds, refs = list(missing.finds), list(missing.refs)
        matches, entities = await entity_rows.find_and_load(tx, finds, refs)
        _know(working_set, matches, {**dict.fromkeys(refs), **entities})
    else:
        await _load_parts(tx, working_set)
    for ref in missing.referrers:
        working_set.know_referrers(ref, await entity_rows.referrers(tx, ref))


async def _load_parts(tx: AsyncConnection, working_set: WorkingSet) -> None:
    """Load by many statements: other callers are answered between them."""
    missing = working_set.missing
    loaded: set[Ref] = set()
    by_lookup: defaultdict[tuple[str, str], list[LookupKey]] = defaultdict(list)
    for lookup in missing.finds:
        by_lookup[lookup.kind, lookup.lookup].append(lookup)
    for (kind, name), lookups in by_lookup.items():
        for part in _parts(lookups):
            matches = await entity_rows.find(tx, KIND_BY_NAME[kind], name, part)
            loaded |= _know(working_set, matches, {})
    for refs in _parts(list(missing.refs - loaded)):
        entities = await entity_rows.load(tx, refs, removed=True)
        _know(working_set, {}, {**dict.fromkeys(refs), **entities})


def _know(
    working_set: WorkingSet,
    matches: Mapping[LookupKey, Mapping[str, Stored]],
    entities: Mapping[Ref, Stored | None],
) -> set[Ref]:
    """Add to the working set what lookups and keys found; returns what lookups found."""
    for ref, stored in entities.items():
        working_set.know(ref, stored)
    found: set[Ref] = set()
    for lookup, of_lookup in matches.items():
        working_set.know_found(lookup, list(of_lookup))
        for key, entity in of_lookup.items():
            working_set.know((lookup.kind, key), entity)
            found.add((lookup.kind, key))
    return found


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    starts = range(0, len(items), LOADED_AT_ONCE)
    return (items[start : start + LOADED_AT_ONCE] for start in starts)
