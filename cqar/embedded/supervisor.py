"""Several services as one: started in order, kept alive, stopped in the reverse order."""

import asyncio
from collections.abc import Callable

from cqar.embedded.service import Service, ServiceRunner


class Supervisor:
    """Keeps services running until `stop`.

    `on_change` is told the process ids by service name after every start and restart. It is
    called on the event loop and must not raise.

    Run it on the main thread: see `launch`.
    """

    def __init__(self, on_change: Callable[[dict[str, int]], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._batches: list[dict[str, ServiceRunner]] = []

    @property
    def pids(self) -> dict[str, int]:
        """The living processes by service name."""
        keepers = [keeper for batch in self._batches for keeper in batch.values()]
        return {keeper.service.name: keeper.pid for keeper in keepers if keeper.pid is not None}

    async def start(self, *services: Service) -> None:
        """Start these side by side and return once all of them are ready.

        Raises ServiceFailed for the first that fails; what did start runs on until `stop`.
        """
        batch = {service.name: ServiceRunner(service, self._changed) for service in services}
        self._batches.append(batch)
        outcomes = await asyncio.gather(
            *(keeper.start() for keeper in batch.values()), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def stop(self) -> None:
        """Stop everything, the last started first; services started side by side, side by side."""
        while self._batches:
            batch = self._batches[-1]
            await asyncio.gather(*(keeper.stop() for keeper in batch.values()))
            self._batches.pop()

    async def kill(self, name: str) -> None:
        """SIGKILL a service and leave it dead until `restart`: for tests of what others do then."""
        await self._keeper(name).kill()

    async def restart(self, name: str) -> None:
        """Kill a service if it lives and start it again; returns once it is ready."""
        await self._keeper(name).restart()

    def _keeper(self, name: str) -> ServiceRunner:
        for batch in self._batches:
            if name in batch:
                return batch[name]
        raise KeyError(name)

    def _changed(self) -> None:
        self._on_change(self.pids)
