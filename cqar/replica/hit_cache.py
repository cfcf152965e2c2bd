"""Resolutions that a replica gave a moment ago, for whoever asks again within the moment.

A hit is one look into a dict: nothing is parsed, made or handed from thread to thread. It is given
only as long as it is true word for word, its freshness and its verdict included: while the
snapshot is at the same revision, before any instant that the answer depends on, and no longer
than the staleness that it tells is an upper bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import CLOCK_BOOTTIME, clock_gettime
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.sdk import decoding as read
from cqar.sdk.enums import State
from cqar.sdk.results import Freshness, Resolution
from cqar.sdk.session_position import Position, SessionPosition
from cqar_resolver.replication.freshness_lease import lease_of
from cqar_resolver.snapshot.reader import NotResident
from cqar_shared.domain.instant import Instant

if TYPE_CHECKING:
    from cqar_resolver.app import Resolver
    from cqar_resolver.cache.answer_cache import CachedAnswer

#: How much staler than it is an answer may say that it is, to be given again so long.
LEASE_S: Final = 0.1
HITS_MAX: Final = 50_000


class CompletedAwaitable(asyncio.Future[Resolution], Coroutine[Any, Any, Resolution]):
    """Stands where a coroutine would, its result there: to be awaited, or to be made a task of.

    To make a coroutine for each hit would take as long as the look into the dict.
    """

    __slots__ = ()

    def send(self, _: object, /) -> NoReturn:
        raise StopIteration(self.result())

    def throw(self, error: Any, *_: Any) -> NoReturn:
        raise error

    def close(self) -> None:
        """Nothing goes on that would have to end."""


class HitEntry:
    """An answer, and while what it is given again."""

    __slots__ = ("made", "mark", "ready", "result", "until_s")

    def __init__(
        self, result: Resolution, made: CachedAnswer, mark: object, until_s: float
    ) -> None:
        self.result = result
        self.ready = CompletedAwaitable()
        self.ready.set_result(result)
        self.made = made
        self.mark = mark
        self.until_s = until_s


class Hits:
    """Made in the replica's event loop.

    Attributes:
        kept: By venue and spelling; any thread may look into it. A plain dict, since that is read
            faster than what is derived from one.
    """

    def __init__(self, resolver: Resolver, carried: SessionPosition) -> None:
        self.kept: dict[tuple[str, str], HitEntry] = {}
        self._resolver = resolver
        self._carried = carried
        # It is this replica's alone.
        carried.moved = resolver.view.invalidate

    def make(self, venue: str, symbol: str) -> Resolution | None:
        """The answer by memory; None if it is not for memory to answer, or there is none.

        To be called in the replica's event loop, where memory is as far as the caller wants it.
        """
        resolver, view = self._resolver, self._resolver.view
        if view.state != pb.SNAPSHOT_STATE_LIVE:
            return None
        position = Position(*view.snapshot.position[:2])
        self._carried.saw(position)
        # Whoever is told of a later position from now on makes it another.
        mark, least = view.generation, self._carried.position
        if least is not None and least > position:
            return None
        began_s, now_ns = clock_gettime(CLOCK_BOOTTIME), Instant.of(resolver.now()).ns
        lease = lease_of(view.freshness.staleness_ms or 0, resolver.config.stale_after_s, LEASE_S)
        try:
            key = pb.VenueSymbolKey(venue_id=venue, venue_symbol=symbol).SerializeToString()
            made = resolver.resolutions.of(key, view.snapshot, None, now_ns)
        except (NotResident, UnicodeEncodeError):
            return None
        if not made.is_found:
            return None
        result = self._result(
            made, (venue, symbol), Freshness(*position, State.LIVE, lease.reported_ms)
        )
        until_s = began_s + min(lease.seconds, (made.until_ns - now_ns) / 1e9)
        if len(self.kept) >= HITS_MAX:
            self.kept.clear()
        self.kept[venue, symbol] = HitEntry(result, made, mark, until_s)
        return result

    def _result(self, made: CachedAnswer, key: tuple[str, str], freshness: Freshness) -> Resolution:
        held = self.kept.get(key)
        if held is not None and held.made is made:
            return msgspec.structs.replace(held.result, freshness=freshness)
        message = pb.ResolveResponse.FromString(made.framed).resolution
        return read.resolution(message, freshness)
