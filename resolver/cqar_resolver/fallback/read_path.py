"""Memory first; what stands in for it only while it cannot answer.

With a complete snapshot a miss in memory is the answer, at once and without any I/O. Below it is
asked only while the first snapshot is loading, and for a caller whose minimal revision was not
reached by its deadline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message

from cqar_resolver import metrics
from cqar_resolver.fallback.stores import (
    Fallback,
    MinPosition,
    QueryResult,
    Standing,
    answer_by,
    answer_unhurried,
)
from cqar_resolver.queries.query import BatchQuery, Query, QueryContext
from cqar_resolver.replication.freshness import DRIFT, boot_clock_s, state_name
from cqar_resolver.replication.replica_state import ReplicaState
from cqar_resolver.snapshot.pinned import Pinned
from cqar_resolver.snapshot.reader import NotResident
from cqar_shared.errors import EntityNotFound, EpochEnded, RegistryError, ServiceNotReady
from cqar_shared.replication.positions import is_reached
from cqar_shared.rpc.auth import caller_of
from cqar_shared.rpc.error_mapping import Context

#: Of this call: what its caller saw and memory did not reach in time.
_unreached: ContextVar[MinPosition | None] = ContextVar("unreached", default=None)
ANY: Final[MinPosition] = (0, 0)
_BEHIND: Final = "memory is before {}:{}, and what stands in for it is not signed"

T = TypeVar("T")


class ReadPath:
    """Memory, and what is below it.

    Args:
        stands_in: Whether what is below answers for memory that is loading or behind; else only
            what memory never has, such as the past.
    """

    def __init__(self, view: ReplicaState, fallback: Fallback, *, stands_in: bool = True) -> None:
        self._stands_in = stands_in
        self._view = view
        self._fallback = fallback

    async def reach(self, epoch: int, revision: int, seconds: float) -> None:
        """Wait for a revision; where memory does not get there in time, this call goes below it.

        Raises:
            EpochChanged: The snapshot is of a later epoch.
        """
        try:
            await self._view.reach(epoch, revision, seconds)
        except ServiceNotReady:
            _unreached.set((epoch, revision))

    @property
    def are_not_needed(self) -> bool:
        """Memory is complete, and where this call's caller wants it to be."""
        return self._view.is_complete and _unreached.get() is None

    def tell(self, rpc: str, result: str, began_s: float, context: Context) -> pb.Freshness:
        """How current memory is, told in trailing metadata, too; the lookup is counted."""
        freshness = self._view.freshness_message()
        tell_freshness(freshness, context)
        metrics.count_lookup(rpc, result, "memory", time.perf_counter() - began_s)
        return freshness

    def require_reached(self) -> None:
        """Refuse a call that only memory answers, where memory is before what its caller saw.

        Raises:
            NotReady: It is.
        """
        least = _unreached.get()
        if least is not None:
            raise ServiceNotReady(
                f"this comes from memory alone, which is before {least[0]}:{least[1]}"
            )

    @contextmanager
    def pinned(self, context: Context) -> Iterator[tuple[Pinned, pb.Freshness]]:
        """Memory at one revision, for what takes longer than one moment.

        Args:
            context: Told the freshness, which is as of the end.

        Raises:
            NotReady: Memory is loading, or has not come as far as this call asks.
        """
        tell_freshness(self._view.freshness_message(), context)
        if not self._view.is_complete:
            raise ServiceNotReady(
                "lists come from memory alone, which is loading: ask another resolver"
            )
        self.require_reached()
        freshness = None
        try:
            with self._pinned() as (pinned, freshness):
                yield pinned, freshness
        finally:
            if freshness is not None:
                tell_freshness(freshness, context)

    @contextmanager
    def _pinned(self) -> Iterator[tuple[Pinned, pb.Freshness]]:
        """Memory at one revision, and how current it is at the end."""
        freshness, began_s = self._view.freshness_message(), boot_clock_s()
        try:
            with self._view.snapshot.pinned() as pinned:
                yield pinned, freshness
        finally:
            if freshness.HasField("staleness_ms"):
                freshness.staleness_ms += int((boot_clock_s() - began_s) * 1000 * DRIFT) + 1

    async def answer(
        self, rpc: str, question: Message | str, work: Query[T], context: Context | None
    ) -> tuple[T, pb.Freshness]:
        """What `work` makes of the registry, and how current that is.

        Args:
            question: What is asked; below memory those who ask the same share one flight.
            work: Pure, and repeatable: below memory it runs once for each thing it turns out to
                need.
            context: Told the freshness in trailing metadata; None: a look-up of our own, all of
                which have one caller's part below memory.

        Raises:
            NotReady: No tier can answer.
            TooMany: Below memory this caller, or all together, have too much going on.
        """
        least, began_s = _unreached.get(), time.perf_counter()
        found = await self._from_memory(work) if self.are_not_needed else None
        if found is not None:
            answer = found
        else:
            said = question if isinstance(question, str) else question.SerializeToString()
            who = rpc if context is None else caller_of(context)
            answer = await self._below((rpc, said), work, least, who)
        if context is not None:
            tell_freshness(answer.freshness, context)
        missed = isinstance(answer.value, EntityNotFound)
        if missed or not isinstance(answer.value, RegistryError):
            result, took_s = "not_found" if missed else "found", time.perf_counter() - began_s
            metrics.count_lookup(rpc, result, answer.tier, took_s)
        return answer.get(), answer.freshness

    async def _from_memory(self, work: Query[T]) -> QueryResult[T] | None:
        """None where memory knows that it lacks what this takes."""
        stale, is_long = self._view.stale_reason, isinstance(work, BatchQuery)
        try:
            if not is_long:
                freshness = self._view.freshness_message()
                return answer_by(
                    work, QueryContext(self._view.snapshot, freshness, stale), "memory"
                )
            with self._pinned() as (pinned, freshness):
                return await answer_unhurried(
                    work, QueryContext(pinned, freshness, stale), "memory"
                )
        except NotResident:
            return None

    async def _below(
        self, question: Any, work: Query[T], least: MinPosition | None, who: str
    ) -> QueryResult[T]:
        """What memory cannot answer: not yet, not as of `least`, or never."""
        view, ask = self._view, self._fallback.answer
        standing = Standing(view.freshness_message(), view.stale_reason)
        if not view.is_complete or least is not None:
            if not self._stands_in:
                behind = _BEHIND.format(*least or ANY)
                raise ServiceNotReady(behind if view.is_complete else view.loading)
            return await ask(question, work, self._least(least or ANY), standing, who=who)
        # Nobody is told anything from before what this process told already.
        at = view.snapshot.position[:2]
        try:
            return await ask(question, work, at, standing, view.snapshot, who=who)
        except EpochEnded as error:
            raise ServiceNotReady(
                f"memory is not in the registry's new epoch yet: {error}"
            ) from error

    def _least(self, least: MinPosition) -> MinPosition:
        """What the caller saw, or where memory is by now: how current that is, is told.

        Raises:
            EpochChanged: Memory is of a later epoch.
        """
        if not self._view.is_complete:
            return least
        epoch, revision, _ = self._view.snapshot.position
        return (epoch, revision) if is_reached(least, epoch, revision) else least


def tell_freshness(freshness: pb.Freshness, context: Context) -> None:
    """In trailing metadata, which CQC's own answers have no field for."""
    told = [("cqar-state", state_name(freshness.state))]
    if freshness.HasField("revision"):
        told.append(("cqar-revision", str(freshness.revision)))
        told.append(("cqar-epoch", str(freshness.epoch)))
    if freshness.HasField("staleness_ms"):
        told.append(("cqar-staleness-ms", str(freshness.staleness_ms)))
    context.set_trailing_metadata(tuple(told))
