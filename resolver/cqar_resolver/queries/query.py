"""What a query is, and what it is answered from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.snapshot.reader import Reader

T = TypeVar("T")


class QueryContext(NamedTuple):
    """What an answer is made from.

    Attributes:
        stale: Why verdicts must fail closed, if they must.
    """

    reading: Reader
    freshness: pb.Freshness
    stale: pb.Reason | None


#: What makes an answer of a basis: pure, and repeatable.
Query = Callable[[QueryContext], T]


class BatchQuery(Generic[T]):
    """Work of many answers from one reading: others need not wait for all of them.

    Args:
        each: In the order of the answers.
        gathered: Makes one of them all.
        require_fits: Told the bytes of the answers so far, refuses more than one message holds.
    """

    def __init__(
        self,
        each: Sequence[Query[Any]],
        gathered: Callable[[list[Any]], T],
        require_fits: Callable[[int], None],
    ) -> None:
        self.each = each
        self.gathered = gathered
        self.require_fits = require_fits

    def __call__(self, basis: QueryContext) -> T:
        return self.gathered([one(basis) for one in self.each])
