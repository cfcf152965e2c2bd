"""Keeps to each host's limits: one request at a time, apart in time, and none while it refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

#: Seconds between two requests to one host, where it is not said below: 4 a second.
INTERVAL_S: Final = 0.25
#: Hosts whose documented public limits are lower, or whose listings weigh much: seconds.
HOST_INTERVALS_S: Final = {
    "api-pub.bitfinex.com": 2.0,  # 30 a minute
    "api.gemini.com": 1.0,  # 120 a minute, one a second recommended
    "api.hyperliquid.xyz": 1.0,  # 1,200 of weight a minute; metas weigh 20
    "api.kraken.com": 1.0,  # one a second
    "indexer.dydx.trade": 0.5,
    "www.bitmex.com": 2.0,  # 30 a minute without a key
    "www.bitstamp.net": 0.5,
}
#: More hosts than all readers name.
HOSTS_MAX: Final = 1_000


class HostRefuses(Exception):
    """A host said to come back later, and that time has not come.

    Attributes:
        left_s: Seconds until then.
    """

    def __init__(self, host: str, left_s: float) -> None:
        super().__init__(f"{host} refuses requests for {left_s:.0f} s more")
        self.left_s = left_s


class _Host:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.next_s = 0.0
        self.refuses_until_s = 0.0


class HostPacing:
    """What each host has been asked, and said about being asked. Thread-safe.

    Args:
        wait: Waits for so many seconds; may raise to end the request.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._wait = wait
        self._clock = clock
        self._interval_s = interval_s
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Hold the host while one request is sent and answered.

        Raises:
            HostRefuses: The host said to come back later.
        """
        state = self._host(host)
        self._require_willing(host, state)
        with state.lock:
            self._require_willing(host, state)
            left_s = state.next_s - self._clock()
            if left_s > 0:
                self._wait(left_s)
            state.next_s = self._clock() + HOST_INTERVALS_S.get(host, self._interval_s)
            yield

    def refuse(self, host: str, seconds: float) -> None:
        """Note that the host wants no request for so long."""
        state = self._host(host)
        state.refuses_until_s = max(state.refuses_until_s, self._clock() + seconds)

    def _require_willing(self, host: str, state: _Host) -> None:
        left_s = state.refuses_until_s - self._clock()
        if left_s > 0:
            raise HostRefuses(host, left_s)

    def _host(self, host: str) -> _Host:
        with self._lock:
            if host not in self._hosts and len(self._hosts) >= HOSTS_MAX:
                self._hosts.pop(next(iter(self._hosts)))
            return self._hosts.setdefault(host, _Host())
