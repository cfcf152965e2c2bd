"""Recent resolutions of a replica, returned again without any work.

A hit is one look into a dict: nothing is parsed, built or handed between threads. An entry is
valid only while every word of it is true, its freshness and its verdict included: while the
snapshot is at the same revision, before any instant that the answer depends on, and no longer
than its staleness is an upper bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import CLOCK_BOOTTIME, clock_gettime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar.sdk import decoding
from cqar.sdk.enums import State
from cqar.sdk.results import Freshness, Resolution
from cqar.sdk.session_position import Position, SessionPosition
from cqar_resolver.replication.freshness_lease import lease_of
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.reader import NotResident

if TYPE_CHECKING:
    from cqar_resolver.app import Resolver
    from cqar_resolver.cache.answer_cache import CachedAnswer

#: Maximum overstatement of staleness, in seconds: how long a resolution may be returned again.
LEASE_S: Final = 0.1
HITS_MAX: Final = 50_000


class CompletedAwaitable(asyncio.Future[Resolution], Coroutine[Any, Any, Resolution]):
    """A coroutine that is done: it can be awaited again and again, or be made a task of.

    To make a coroutine for each hit would take as long as the look into the dict.
    """

    __slots__ = ()

    def send(self, _: object, /) -> NoReturn:
        raise StopIteration(self.result())

    def throw(self, error: Any, *_: Any) -> NoReturn:
        raise error

    def close(self) -> None:
        """Do nothing: nothing is running."""


class HitEntry:
    """A resolution and how long it is valid.

    Attributes:
        cached: The resolver's own answer, from which `result` was decoded.
        generation: The replica state's; the entry is valid while it is the same object.
        until_s: CLOCK_BOOTTIME.
    """

    __slots__ = ("awaitable", "cached", "generation", "result", "until_s")

    def __init__(
        self, result: Resolution, cached: CachedAnswer, generation: object, until_s: float
    ) -> None:
        self.result = result
        self.awaitable = CompletedAwaitable()
        self.awaitable.set_result(result)
        self.cached = cached
        self.generation = generation
        self.until_s = until_s


class HitCache:
    """The entries of a replica, added in its event loop.

    Attributes:
        entries: By (venue, spelling); any thread may read it. It is a plain dict, because
            a subclass of dict is slower to read.
    """

    def __init__(self, resolver: Resolver, session: SessionPosition) -> None:
        self.entries: dict[tuple[str, str], HitEntry] = {}
        self._resolver = resolver
        self._session = session
        # Entries are valid only for this session's position.
        session.on_change = resolver.view.invalidate

    def add(self, venue: str, symbol: str) -> Resolution | None:
        """Resolve from memory and keep the result; None if memory has no answer.

        Call it in the replica's event loop, once memory has reached the session's position.

        Raises:
            RegistryError: The spelling cannot be resolved.
        """
        resolver, view = self._resolver, self._resolver.view
        if view.state != pb.SNAPSHOT_STATE_LIVE:
            return None
        position = Position(*view.snapshot.position[:2])
        self._session.observe(position)
        # A later position that is required from now on replaces the generation.
        generation, required = view.generation, self._session.position
        if required is not None and required > position:
            return None
        began_s, now_ns = clock_gettime(CLOCK_BOOTTIME), Instant.of(resolver.now()).ns
        lease = lease_of(view.freshness.staleness_ms or 0, resolver.config.stale_after_s, LEASE_S)
        try:
            key = pb.VenueSymbolKey(venue_id=venue, venue_symbol=symbol).SerializeToString()
            cached = resolver.resolutions.answer(key, view.snapshot, None, now_ns)
        except (NotResident, UnicodeEncodeError):
            return None
        if not cached.is_found:
            return None
        freshness = Freshness(*position, State.LIVE, lease.reported_ms)
        # As of the lease's end, as staleness is.
        until_ms = now_ns // 1_000_000 + int(lease.seconds * 1000)
        result = self._result(cached, (venue, symbol), freshness, until_ms)
        until_s = began_s + min(lease.seconds, (cached.until_ns - now_ns) / 1e9)
        if len(self.entries) >= HITS_MAX:
            self.entries.clear()
        self.entries[venue, symbol] = HitEntry(result, cached, generation, until_s)
        return result

    def _result(
        self, cached: CachedAnswer, key: tuple[str, str], freshness: Freshness, until_ms: int
    ) -> Resolution:
        entry = self.entries.get(key)
        if entry is not None and entry.cached is cached:
            return entry.result.told_again(freshness, until_ms)
        message = pb.ResolveResponse.FromString(cached.encoded).resolution
        return decoding.resolution(message, freshness).told_again(freshness, until_ms)
