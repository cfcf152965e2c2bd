"""What `async with Replica(…)` gives: a resolver in the caller's event loop."""

from __future__ import annotations

import datetime as dt
from collections.abc import Coroutine
from contextlib import suppress
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Any

from cqar.replica.hit_cache import HitCache
from cqar.replica.in_loop_transport import InLoopTransport
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.call_context import signature_of
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import SessionPosition
from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import RegistryError


class AsyncReplica(AsyncApi):
    """Answers from memory in its event loop; recent resolutions without any call."""

    def __init__(self, config: ResolverConfig, timeout_s: float, session: SessionPosition) -> None:
        self.transport = InLoopTransport(config)
        super().__init__(self.transport, session, timeout_s)
        self.view = self.transport.resolver.view
        self.hits = HitCache(self.transport.resolver, session)
        self._entries = self.hits.entries

    async def stop(self) -> None:
        """Stop the resolver and forget the hits."""
        self._entries.clear()
        await self.transport.stop()

    @signature_of(AsyncApi.resolve)
    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Coroutine[Any, Any, Resolution | PastResolution]:
        try:
            hit = self._entries[venue, symbol]
        except KeyError:
            pass
        else:
            if (
                hit.generation is self.view.generation
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
                and as_of is None
            ):
                return hit.awaitable
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        return self._resolve_present(venue, symbol, timeout_s)

    async def _resolve_present(
        self, venue: str, symbol: str, timeout_s: float | None
    ) -> Resolution:
        # The general path raises a RegistryError again, as a client would be told.
        with suppress(RegistryError):
            if self.transport.is_current(self._session.position):
                resolution = self.hits.add(venue, symbol)
                if resolution is not None:
                    return resolution
        return await super().resolve(venue, symbol, timeout_s=timeout_s)
