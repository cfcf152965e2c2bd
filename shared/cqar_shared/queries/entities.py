"""Reads entities as messages. Pure.

An asset, or a symbol, may have been merged into another one. Whoever asks by its id is answered
with the other one: `require` and `current_id` see to it, for every query of writers, resolvers and
replicas. `cqar_shared.lists.merged_filters` does so for the filters of lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from cqar_shared.codec.request_validation import require_key
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME, MERGING
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.errors import EntityNotFound
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.queries.reader import NotResident, Reader


def require(reader: Reader, kind: AnyKind, key: str) -> Any:
    """Return the kind's message of an entity, or of the one that it was merged into.

    A key that has a merged entity's id in it, as a venue's row of an asset has, means that of the
    other one.

    Raises:
        EntityNotFound: There is no such entity.
        NotResident: The entity was archived.
    """
    payload = reader.get(kind.name, key)
    if payload is None:
        current = _current_key(reader, kind, key)
        if current != key:
            return require(reader, kind, current)
        if kind.archives and reader.archived("entity", kind.name, key):
            raise NotResident(key)
        raise EntityNotFound(kind.name, key)
    message: Any = kind.message.FromString(payload)
    if kind.name in MERGING and message.merged_into:
        # What it was merged into was not merged itself.
        return require(reader, kind, message.merged_into)
    return message


def current_id(reader: Reader, kind: AnyKind, key: str) -> str:
    """Return the id that answers for an asset or a symbol: its own, or that of what it is now."""
    payload = reader.get(kind.name, key)
    message: Any = kind.message.FromString(payload) if payload is not None else None
    return str(message.merged_into) if message is not None and message.merged_into else key


def _current_key(reader: Reader, kind: AnyKind, key: str) -> str:
    """Return a key of several parts with the ids that answer for those in it."""
    if len(kind.key) == 1:
        return key
    return "/".join(
        current_id(reader, KIND_BY_NAME[kind.referents[name]], part)
        if kind.referents.get(name) in MERGING
        else part
        for name, part in zip(kind.key, kind.parts_of(key), strict=False)
    )


@dataclass(frozen=True, slots=True)
class EntityQuery(Query[Any]):
    """Which entity of a kind has a key?"""

    kind: str
    key: str

    @classmethod
    def of(cls, kind: AnyKind, key: str) -> Self:
        """Validate a key.

        Raises:
            Invalid: The key cannot be one of this kind.
        """
        require_key(kind, key)
        return cls(kind.name, key)

    @property
    def rpc(self) -> str:
        return f"Get{KIND_BY_NAME[self.kind].message.DESCRIPTOR.name}"

    def run(self, context: QueryContext) -> Any:
        return require(context.reader, KIND_BY_NAME[self.kind], self.key)


@dataclass(frozen=True, slots=True)
class CurrentIdQuery(Query[str]):
    """Which id answers for that of an asset, or of a symbol?"""

    kind: str
    key: str
    rpc = "CurrentId"

    def run(self, context: QueryContext) -> str:
        return current_id(context.reader, KIND_BY_NAME[self.kind], self.key)


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
