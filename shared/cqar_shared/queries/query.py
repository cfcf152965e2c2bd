"""What a query is, and what it is answered from. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_shared.errors import RegistryError
from cqar_shared.queries.reader import Reader

T = TypeVar("T")


class QueryContext(NamedTuple):
    """What an answer is made from.

    Attributes:
        reader: The registry at one revision.
        stale: Why verdicts must deny, if they must.
        canary_group: Of who answers: changes may hold for it before they hold for all.
    """

    reader: Reader
    stale: pb.Reason | None = None
    canary_group: str = ""


class Query(ABC, Generic[T]):
    """A validated question: a frozen value. Questions that compare equal may share one answer."""

    __slots__ = ()

    @property
    @abstractmethod
    def rpc(self) -> str:
        """The method that asks it; labels its metrics."""

    @abstractmethod
    def run(self, context: QueryContext) -> T:
        """Answer it. Pure and repeatable: a reader that lacks something is filled and asked again.

        Raises:
            EntityNotFound: What is asked for does not exist.
            NotResident: The reader knows that it lacks something.
        """


def run_query(query: Query[T], context: QueryContext) -> T | RegistryError:
    """Return the answer, or the error that is the answer."""
    try:
        return query.run(context)
    except RegistryError as error:
        return error
