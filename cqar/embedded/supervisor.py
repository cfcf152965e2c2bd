"""Runs several services: starts them in order, keeps them running, stops them in reverse."""

import asyncio
from collections.abc import Callable

from cqar.embedded.service import Service, ServiceRunner


class Supervisor:
    """Keeps services running until `stop`.

    `on_change` gets the process ids by service name after every start and restart. It is called on
    the event loop and must not raise.

    It must run on the main thread (see `launch`).
    """

    def __init__(self, on_change: Callable[[dict[str, int]], None] = lambda _: None) -> None:
        self._on_change = on_change
        self._batches: list[dict[str, ServiceRunner]] = []

    @property
    def pids(self) -> dict[str, int]:
        """The running processes by service name."""
        runners = [runner for batch in self._batches for runner in batch.values()]
        return {runner.service.name: runner.pid for runner in runners if runner.pid is not None}

    async def start(self, *services: Service) -> None:
        """Start services in parallel and return once all of them are ready.

        Raises:
            ServiceFailed: a service did not start; the others run until `stop`.
        """
        batch = {service.name: ServiceRunner(service, self._changed) for service in services}
        self._batches.append(batch)
        outcomes = await asyncio.gather(
            *(runner.start() for runner in batch.values()), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def stop(self) -> None:
        """Stop all services, the last started first; those started in parallel stop in parallel."""
        while self._batches:
            batch = self._batches[-1]
            await asyncio.gather(*(runner.stop() for runner in batch.values()))
            self._batches.pop()

    async def kill(self, name: str) -> None:
        """SIGKILL a service, for tests; it stays down until `restart`."""
        await self._runner(name).kill()

    async def restart(self, name: str) -> None:
        """Kill a service if it runs, start it again, and return once it is ready."""
        await self._runner(name).restart()

    def _runner(self, name: str) -> ServiceRunner:
        for batch in self._batches:
            if name in batch:
                return batch[name]
        raise KeyError(name)

    def _changed(self) -> None:
        self._on_change(self.pids)
