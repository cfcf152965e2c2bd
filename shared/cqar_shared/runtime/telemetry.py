"""Logs, and the HTTP port with /health/live, /health/ready (or /livez, /readyz) and /metrics."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Info, generate_latest

from cqar_shared.errors import StartupError
from cqar_shared.runtime import tracing
from cqar_shared.runtime.config import ProcessConfig, host_and_port
from cqar_shared.runtime.key_masking import masked
from cqar_shared.runtime.version import version

#: Id of the current call, from the caller or made here.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: `dependency` is postgres, nats, redis or writer. A process sets only those that it uses.
DEPENDENCY_UP: Final = Gauge(
    "cqar_dependency_up", "1 where it answered when it was asked last.", ["dependency"]
)
BUILD: Final = Info("cqar_build", "What runs: two versions at once during an upgrade.")


class HealthReport(msgspec.Struct, frozen=True):
    """Whether the service is ready, and for each component "ok" or what is wrong."""

    ready: bool
    components: dict[str, str]


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        ids = {"request_id": request_id.get(), "trace_id": tracing.trace_id()}
        entry |= {name: value for name, value in ids.items() if value}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return masked(msgspec.json.encode(entry).decode())


class TextLines(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def log_to_stderr(config: ProcessConfig) -> None:
    """Log JSON lines, or readable lines on a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    readable = config.log_format == "text" or (config.log_format == "auto" and sys.stderr.isatty())
    handler.setFormatter(TextLines() if readable else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Loggers of libraries stay at WARNING: at DEBUG they may log a password in a URL.
    for name in ("cqar_shared", "cqar_writer", "cqar_resolver", "cqar"):
        logging.getLogger(name).setLevel(config.log_level)


async def serve_http(listen: str, health: Callable[[], Awaitable[HealthReport]]) -> web.AppRunner:
    """Serve health and metrics until the runner's `cleanup`.

    Raises:
        StartupError: the address cannot be bound.
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

    BUILD.info({"version": version()})
    app = web.Application()
    for path, handler in (("/health/live", live), ("/livez", live)):
        app.router.add_get(path, handler)
    for path, handler in (("/health/ready", ready), ("/readyz", ready)):
        app.router.add_get(path, handler)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, port = host_and_port(listen)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise StartupError(f"cannot listen on {listen}: {error.strerror}") from error
    return runner
