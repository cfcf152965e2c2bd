"""Answers the queries that writer and resolvers share, by any of the writer's readers."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.load_rounds import run_loading
from cqar_shared.domain.working_set import LookupKey
from cqar_shared.errors import EntityNotFound, RegistryError, ServiceNotReady
from cqar_shared.queries.partial_reader import ROUNDS_MAX, PartialReader
from cqar_shared.queries.query import Query, QueryContext, run_query
from cqar_shared.queries.reader import LISTING_TERMS
from cqar_writer.reads.cached import MessageReader

T = TypeVar("T")


async def answer(query: Query[T], reader: MessageReader) -> T:
    """Run a query, which asks a reader for one thing after another.

    Raises:
        RegistryError: The error is the answer.
        CacheMiss: The reader is a cache that cannot answer.
    """
    known = PartialReader()

    async def run() -> T | RegistryError:
        return run_query(query, QueryContext(known))

    too_many = ServiceNotReady("this takes too many steps")
    found = await run_loading(run, known, partial(_load, reader), ROUNDS_MAX, too_many)
    if isinstance(found, RegistryError):
        raise found
    return found


async def _load(reader: MessageReader, known: PartialReader) -> None:
    known.load({lookup: await _look_up(reader, lookup) for lookup in known.missing})


async def _look_up(reader: MessageReader, lookup: LookupKey) -> list[tuple[str, bytes]]:
    if lookup.kind == LISTING_TERMS:
        payload = await reader.terms(*lookup.values)
        return [] if payload is None else [("", payload)]
    kind = KIND_BY_NAME[lookup.kind]
    try:
        if lookup.lookup:
            messages = await reader.find(kind, lookup.lookup, *lookup.values)
        else:
            messages = [await reader.get(kind, *lookup.values)]
    except EntityNotFound:
        return []
    return [(kind.key_of(message), message.SerializeToString()) for message in messages]
