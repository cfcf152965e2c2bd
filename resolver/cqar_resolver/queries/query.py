"""Queries of many answers, and what an answer comes with. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message

from cqar_shared.errors import RegistryError, TooLarge
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.rpc.message_size import ANSWER_BYTES_MAX, ANSWER_MIB_MAX

T = TypeVar("T")


class QueryResult(NamedTuple, Generic[T]):
    """An answer, or the error that is the answer, and how current its source was.

    Attributes:
        tier: The source: `memory`, `redis` or `postgres`.
    """

    value: T | RegistryError
    freshness: pb.Freshness
    tier: str

    def get(self) -> T:
        """Return the answer, or raise the error."""
        if isinstance(self.value, RegistryError):
            raise self.value
        return self.value


class BatchQuery(Query[T]):
    """A query of many keys; other calls are answered between its parts.

    Attributes:
        parts: The keys, in the order of their answers.
    """

    __slots__ = ()
    parts: Sequence[Any]

    @abstractmethod
    def run_part(self, context: QueryContext, part: Any) -> Message:
        """Answer one key; a miss is an answer too."""

    @abstractmethod
    def combine(self, answers: list[Any]) -> T:
        """Make one answer of those to all parts."""

    def run(self, context: QueryContext) -> T:
        return self.combine([self.run_part(context, part) for part in self.parts])


def require_fits(keys: int, size_bytes: int) -> None:
    """Refuse an answer that is larger than a message may be, as soon as that is known.

    Args:
        keys: How many keys were requested.
        size_bytes: Size of the answers so far.

    Raises:
        TooLarge: The answers so far exceed `ANSWER_BYTES_MAX`.
    """
    if size_bytes > ANSWER_BYTES_MAX:
        message = f"the answer to {keys} keys is over {ANSWER_MIB_MAX} MiB: split them"
        raise TooLarge(message)
