"""Logs and the HTTP side door: /health/live, /health/ready, /metrics."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.about import version
from shared.config import host_and_port

#: Component -> "ok", or what is wrong. `Health.ready` says whether that stops the service.
Components = Mapping[str, str]


class Health(msgspec.Struct, frozen=True):
    """Whether calls should come here, and how each component is."""

    ready: bool
    components: dict[str, str]


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry).decode()


def log_to_stderr() -> None:
    """JSON lines, or a readable form where a person looks on."""
    handler = logging.StreamHandler(sys.stderr)
    readable = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    handler.setFormatter(logging.Formatter(readable) if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


async def serve_http(listen: str, health: Callable[[], Awaitable[Health]]) -> web.AppRunner:
    """Serve health and metrics until the runner's `cleanup`.

    Raises:
        SystemExit: The address cannot be had.
    """

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": version()})

    async def ready(_: web.Request) -> web.Response:
        found = await health()
        body = {
            "status": "ok" if found.ready else "not ready",
            "components": found.components,
        }
        return web.json_response(body, status=200 if found.ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, port = host_and_port(listen)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise SystemExit(f"cannot listen on {listen}: {error.strerror}") from error
    return runner
