"""A Prometheus of our own beside a stack, with the committed rules; and what it is asked."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqar.embedded.endpoints import Endpoints
from cqar.embedded.ports import pick_ports
from tools.monitoring.paths import RULES

START_S: Final = 60
SCRAPE_EVERY: Final = "2s"
EVALUATE_EVERY: Final = "5s"


class Series(NamedTuple):
    """A line: values at instants, in seconds since 1970."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]]


class Prometheus:
    """One that runs.

    Args:
        address: http://host:port.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def query_range(self, expr: str, begin: float, end: float, step_s: float) -> list[Series]:
        """The lines of a query.

        Raises:
            OSError: It does not answer, or refuses the query.
        """
        asked = {"query": expr, "start": begin, "end": end, "step": step_s}
        found = self._get("/api/v1/query_range", asked)["data"]["result"]
        return [
            Series(one["metric"], [(float(at), float(value)) for at, value in one["values"]])
            for one in found
        ]

    def is_ready(self) -> bool:
        try:
            return bool(self._get("/api/v1/query", {"query": "count(up == 1)"})["data"]["result"])
        except OSError:
            return False

    def _get(self, path: str, parameters: Mapping[str, object]) -> Any:
        url = f"{self._address}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  (our own)
            return json.loads(answer.read())


def configuration(endpoints: Endpoints, reconcilers: Mapping[str, str]) -> str:
    """Compose's jobs and rules, for a stack's addresses. YAML, since JSON is."""
    resolvers = enumerate(endpoints.resolver_http, 1)
    jobs = {
        "cqar-writer": {endpoints.writer_http: "writer-1"},
        "cqar-resolver": {address: f"resolver-{number}" for number, address in resolvers},
        "cqar-reconciler": reconcilers,
    }
    return json.dumps(
        {
            "global": {"scrape_interval": SCRAPE_EVERY, "evaluation_interval": EVALUATE_EVERY},
            "rule_files": [str(RULES / "*.yaml")],
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [
                        {"targets": [address], "labels": {"instance": name}}
                        for address, name in targets.items()
                    ],
                }
                for job, targets in jobs.items()
            ],
        }
    )


@asynccontextmanager
async def beside(
    endpoints: Endpoints, folder: Path, reconcilers: Mapping[str, str] | None = None
) -> AsyncIterator[Prometheus]:
    """Run one until the block ends.

    Args:
        reconcilers: HOST:PORT of their /metrics -> how they are called.

    Raises:
        FileNotFoundError: There is no such program: `apt-get install prometheus`.
        TimeoutError: It does not become ready.
    """
    binary = shutil.which("prometheus")
    if binary is None:
        raise FileNotFoundError("prometheus: apt-get install prometheus")
    file = folder / "prometheus.yaml"
    file.write_text(configuration(endpoints, reconcilers or {}), encoding="utf-8")
    address = f"127.0.0.1:{pick_ports({'prometheus': 9099})['prometheus']}"
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(binary, f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"),
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
    try:
        found = Prometheus(f"http://{address}")
        async with asyncio.timeout(START_S):
            while not await asyncio.to_thread(found.is_ready):  # noqa: ASYNC110  (a process)
                await asyncio.sleep(0.5)
        yield found
    finally:
        process.terminate()
        await process.wait()
