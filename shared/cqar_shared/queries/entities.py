"""Reads entities as messages. Pure."""

from __future__ import annotations

from typing import Any

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.errors import EntityNotFound
from cqar_shared.queries.reader import NotResident, Reader


def require(reader: Reader, kind: AnyKind, key: str) -> Any:
    """Return the kind's message of an entity.

    Raises:
        EntityNotFound: There is no such entity.
        NotResident: The entity was archived.
    """
    payload = reader.get(kind.name, key)
    if payload is None:
        if kind.archives and reader.archived("entity", kind.name, key):
            raise NotResident(key)
        raise EntityNotFound(kind.name, key)
    return kind.message.FromString(payload)


def find(reader: Reader, kind: AnyKind, lookup: str, *values: object) -> list[Any]:
    """Return the messages of the entities that have these values in a lookup's index."""
    return [
        kind.message.FromString(payload) for _, payload in reader.find(kind.name, lookup, *values)
    ]


def require_found(reader: Reader, kind: AnyKind, lookup: str, value: str) -> Any:
    """Return the message of the one entity that has a unique value.

    Raises:
        EntityNotFound: There is no such entity.
    """
    messages = find(reader, kind, lookup, value)
    if not messages:
        raise EntityNotFound(kind.name, value)
    return messages[0]


def with_chain(reader: Reader, deployment: Any) -> Any:
    """Set a deployment's `chain_name`, which is the chain's and never stored; return it."""
    deployment.chain_name = require(reader, CHAIN, deployment.chain_id).chain_name
    return deployment
