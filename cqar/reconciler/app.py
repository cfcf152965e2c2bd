"""Wires every object of the reconciler once, and runs it until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

import grpc

from cqar.admin.connection import Connection, tls_credentials
from cqar.importer.fetching import BaseUrls, FetchResult, HostPacing, VenueHttp
from cqar.reconciler import metrics, side_loops
from cqar.reconciler.answer_store import AnswerStore
from cqar.reconciler.config import ReconcilerConfig, require_usable
from cqar.reconciler.round_loop import RoundLoop
from cqar.reconciler.round_metrics import RoundMetrics
from cqar.reconciler.rounds import RoundRunner, Stopped
from cqar.reconciler.state_folder import held_folder
from cqar.reconciler.venue_state import VenueStates
from cqar.reconciler.webhooks.delivery import WEBHOOKS_FOLDER, WebhookLoop, endpoint_of
from cqar.sdk.key_form import require_key
from cqar_shared.errors import StartupError
from cqar_shared.runtime import telemetry, version
from cqar_shared.runtime.tasks import begin, end, stop_event
from cqar_shared.runtime.telemetry import HealthReport

log = logging.getLogger(__name__)


class Reconciler:
    """Holds every object; each is built from those before it.

    Args:
        folder: The state folder, which this process holds.
    """

    def __init__(self, settings: ReconcilerConfig, folder: Path) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        self.connection = connect(settings)
        pacing = HostPacing(self._wait, interval_s=settings.request_interval_s)
        self.http = VenueHttp(pacing, _note_fetch, self._wait, settings.answer_bytes_max)
        self.store = AnswerStore(folder, settings.answers_bytes_max, settings.answers_rounds_max)
        base_urls = BaseUrls(settings.base_urls)
        self.runner = RoundRunner(self.connection, self.http, base_urls, self.store)
        round_metrics = RoundMetrics(self.runner, self.store)
        states = VenueStates(folder)
        self.loop = RoundLoop(settings, self.runner, states, round_metrics, time.time)
        self.probe = side_loops.WriterProbe(self.connection)
        self.webhooks = [
            WebhookLoop(self.connection, endpoint_of(setting), folder / WEBHOOKS_FOLDER)
            for setting in settings.webhooks
        ]
        metrics.ANSWER_BYTES.set(self.store.stored_bytes)
        metrics.ANSWER_BYTES_MAX.set(settings.answers_bytes_max)

    def _wait(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise Stopped("the process is told to stop")

    def report(self) -> HealthReport:
        """Report health: the writer is required; venues that fail are the venues' matter."""
        problem, failing = self.probe.problem, self.loop.failing
        names = f"{', '.join(failing[:5])}{' …' if len(failing) > 5 else ''}"
        venues = f"degraded: {len(failing)} of {len(self.loop.states)} failed last: {names}"
        components = {
            "writer": f"down: {problem}" if problem else "ok",
            "venues": venues if failing else "ok",
        }
        return HealthReport(not problem, components)

    def close(self) -> None:
        self.loop.close()
        self.http.close()
        self.store.close()
        self.connection.close()


def connect(settings: ReconcilerConfig) -> Connection:
    """A connection to the writer.

    Raises:
        StartupError: The key or a certificate cannot be read.
    """
    try:
        key = require_key(Path(settings.key_file).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise StartupError(f"key_file {settings.key_file}: {error.strerror}") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise StartupError(f"key_file {settings.key_file} holds no API key: {error}") from None
    return Connection(settings.writer, key, _credentials(settings))


def _credentials(settings: ReconcilerConfig) -> grpc.ChannelCredentials | None:
    if not settings.writer_ca:
        return None
    ca, certificate = settings.writer_ca, settings.writer_certificate
    try:
        return tls_credentials(ca, certificate, settings.writer_certificate_key)
    except OSError as error:
        raise StartupError(f"TLS: {error.filename}: {error.strerror}") from error


def _note_fetch(result: FetchResult) -> None:
    metrics.FETCHES.labels(result.value).inc()


async def run(settings: ReconcilerConfig, *, is_once: bool = False) -> bool:
    """Keep up with the venues until SIGTERM or SIGINT; running rounds may end within `drain_s`.

    Args:
        is_once: End after one round of each venue.

    Returns:
        Whether all last rounds were applied.

    Raises:
        StartupError: The folder, the key or the HTTP port cannot be used.
    """
    require_usable(settings)
    with held_folder(Path(settings.state_folder)) as folder:
        reconciler = Reconciler(settings, folder)
        stopping = stop_event()

        async def report() -> HealthReport:
            found = reconciler.report()
            return HealthReport(found.ready and not stopping.is_set(), found.components)

        http = await telemetry.serve_http(settings.http_listen, report)
        tasks = begin(side_loops.loops(reconciler.probe, reconciler.webhooks))
        log.info("reconciler %s keeps up with %d venues", version.version(), len(settings.venues))
        loop = reconciler.loop
        rounds = asyncio.create_task(loop.run_once(stopping) if is_once else loop.run(stopping))
        ended = asyncio.create_task(stopping.wait())
        await asyncio.wait({rounds, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not rounds.done():
            log.info("stopping: running rounds may take %g s", settings.drain_s)
            reconciler.stopping.set()
            await asyncio.wait({rounds}, timeout=settings.drain_s)
        await end(*tasks)
        for webhook in reconciler.webhooks:
            await webhook.close()
        await http.cleanup()
        if not rounds.done():
            # Its threads wait for a venue or the writer. Whatever they did is done again.
            log.warning("%d s were not enough: rounds are cut off", settings.drain_s)
            rounds.cancel()
            raise CutOff
        reconciler.close()
        await rounds
        return not loop.failing


class CutOff(Exception):
    """Rounds did not end within `drain_s`."""
