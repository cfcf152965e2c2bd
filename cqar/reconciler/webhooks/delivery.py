"""One endpoint's loop: reads the log of changes, posts what is worth telling, and goes on.

A notice is posted until it is taken, is given up, or the process ends. The place in the log is
noted after that: what was posted and not yet noted is posted again, with the same id.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.importer.fetching import retry_after_s
from cqar.reconciler import metrics
from cqar.reconciler.state_folder import replace_file
from cqar.reconciler.webhooks.dead_letters import DeadLetters
from cqar.reconciler.webhooks.messages import body_of, headers_of
from cqar.reconciler.webhooks.notices import KINDS, Notice, notices_of
from cqar.reconciler.webhooks.webhook_settings import WebhookSetting, url_problem
from cqar_shared.errors import StartupError
from cqar_shared.rpc.request_limits import FILTERS_MAX

log = logging.getLogger(__name__)

#: Within the state folder.
WEBHOOKS_FOLDER: Final = "webhooks"
POLL_S: Final = 1.0
#: After the writer did not answer.
AWAY_S: Final = 5.0
TRIES_MAX: Final = 8
PAUSE_S_MAX: Final = 300.0
TIMEOUT_S: Final = 10.0
PAGE_CHANGES: Final = 200
_CONFLICT_FREE: Final = frozenset((408, 425, 429))


class WebhookPlace(msgspec.Struct, frozen=True):
    """How far an endpoint was told: all up to this revision."""

    revision: int


class PostResult(NamedTuple):
    """What became of one post.

    Attributes:
        problem: Empty: it was taken.
        is_final: Posting it again makes no difference.
        wait_s: What the endpoint asked for before the next one.
    """

    problem: str = ""
    is_final: bool = False
    wait_s: float | None = None


class Endpoint(NamedTuple):
    """Where notices go, with its secrets read."""

    setting: WebhookSetting
    url: str
    secret: bytes


def endpoint_of(setting: WebhookSetting) -> Endpoint:
    """Read an endpoint's files.

    Raises:
        StartupError: One cannot be read, or holds nothing that can be used.
    """
    where = f"webhooks: {setting.name}"
    url = setting.url or _read(where, setting.url_file).decode("utf-8", "replace")
    if problem := url_problem(url, allow_http=setting.allow_http):
        raise StartupError(f"{where}: {problem}")
    secret = _read(where, setting.secret_file) if setting.secret_file else b""
    return Endpoint(setting, url, secret)


def _read(where: str, name: str) -> bytes:
    try:
        content = Path(name).read_bytes().strip()
    except OSError as error:
        raise StartupError(f"{where}: {name}: {error.strerror}") from error
    if not content:
        raise StartupError(f"{where}: {name} is empty")
    return content


class WebhookLoop:
    """Tells one endpoint.

    Args:
        folder: The folder of webhooks; the endpoint's place and dead letters are in it.
        sleep: Waits; it ends by being cancelled.
    """

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint,
        folder: Path,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self.name = endpoint.setting.name
        self._place_file = folder / f"{self.name}.json"
        self._noted_revision: int | None = None
        self.dead = DeadLetters(folder / f"{self.name}.dead")
        self._sleep = sleep
        self._client = make_client()
        for result in ("TAKEN", "FAILED", "DEAD"):
            # A counter that begins at one has not grown, to Prometheus.
            metrics.WEBHOOKS.labels(self.name, result)

    async def run(self) -> None:
        """Tell what is new, until cancelled."""
        while True:
            metrics.WEBHOOK_DEAD.labels(self.name).set(len(self.dead))
            await self._sleep(POLL_S if await self.step() else AWAY_S)

    async def close(self) -> None:
        """Close the connections. `run` may fail and be begun again before that."""
        await self._client.aclose()

    async def step(self) -> bool:
        """Tell all that is new; say whether the writer answered."""
        try:
            after = await self._place()
            token = ""
            while True:
                answer = await self._page(after, token)
                await self._tell(answer)
                token = answer.next_page_token
                if not token:
                    if answer.revision > after:
                        self._note(answer.revision)
                    metrics.WEBHOOK_REVISION.labels(self.name).set(answer.revision)
                    return True
        except CallFailed as error:
            log.warning("webhook %s: the log cannot be read: %s", self.name, error)
            return False

    async def _place(self) -> int:
        """After which revision to go on; at the very beginning after the present one."""
        if self._noted_revision is not None:
            return self._noted_revision
        try:
            return msgspec.json.decode(self._place_file.read_bytes(), type=WebhookPlace).revision
        except (FileNotFoundError, msgspec.DecodeError) as error:
            log.warning("webhook %s begins at the present: %s", self.name, error)
            request = pb.GetHeadRequest()
            head = await asyncio.to_thread(
                self._connection.call, self._connection.admin.GetHead, request
            )
            revision: int = head.head.revision
            self._note(revision)
            return revision

    async def _page(self, after: int, token: str) -> pb.ListChangesResponse:
        setting = self._endpoint.setting
        request = pb.ListChangesRequest(
            after_revision=after,
            kinds=KINDS,
            # Of more venues than the writer filters by, all are read and chosen from here.
            venue_ids=setting.venue_ids if len(setting.venue_ids) <= FILTERS_MAX else (),
            page_size=PAGE_CHANGES,
            page_token=token,
        )
        method = self._connection.admin.ListChanges
        answer: pb.ListChangesResponse = await asyncio.to_thread(
            self._connection.call, method, request
        )
        return answer

    async def _tell(self, answer: pb.ListChangesResponse) -> None:
        """Post a page's notices; each revision that is done is noted."""
        done = 0
        for change in answer.changes:
            revision = change.entry.revision
            if done and revision > done:
                self._note(done)
            for notice in self._wanted(change):
                await self._deliver(notice)
            done = revision

    def _wanted(self, change: pb.LoggedChange) -> Iterator[Notice]:
        return filter(self._endpoint.setting.wants, notices_of(change))

    async def _deliver(self, notice: Notice) -> None:
        """Post a notice until it is taken or given up."""
        result = PostResult()
        for number in range(TRIES_MAX):
            result = await self.post(notice)
            if not result.problem:
                metrics.WEBHOOKS.labels(self.name, "TAKEN").inc()
                return
            metrics.WEBHOOKS.labels(self.name, "FAILED").inc()
            log.warning("webhook %s: %s: %s", self.name, notice.event_id, result.problem)
            if result.is_final:
                break
            if number + 1 < TRIES_MAX:
                await self._sleep(pause_s(number, result.wait_s))
        self.dead.add(notice, result.problem)
        metrics.WEBHOOKS.labels(self.name, "DEAD").inc()

    async def post(self, notice: Notice) -> PostResult:
        """Post a notice once."""
        return await post_once(self._client, self._endpoint, notice)

    def _note(self, revision: int) -> None:
        """Note how far the endpoint was told; where the disk is full, in memory only."""
        self._noted_revision = revision
        try:
            self._place_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._place_file, msgspec.json.encode(WebhookPlace(revision)))
        except OSError as error:
            log.warning("webhook %s: its place is not written: %s", self.name, error)


def make_client() -> httpx.AsyncClient:
    """A client that goes where it is told, and nowhere else."""
    return httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


async def post_once(client: httpx.AsyncClient, endpoint: Endpoint, notice: Notice) -> PostResult:
    """Post a notice, and say what became of it. The URL is told to nobody: it may be a secret."""
    body = body_of(endpoint.setting, notice)
    headers = headers_of(endpoint.setting, notice, body, endpoint.secret, int(time.time()))
    try:
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            client.stream("POST", endpoint.url, content=body, headers=headers) as answer,
        ):
            status, wait = answer.status_code, answer.headers.get("Retry-After")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        return PostResult(f"no answer ({type(error).__name__})")
    if 200 <= status < 300:
        return PostResult()
    problem = f"answered {status}"
    if (400 <= status < 500 and status not in _CONFLICT_FREE) or 300 <= status < 400:
        return PostResult(problem, is_final=True)
    return PostResult(problem, wait_s=retry_after_s(wait, dt.datetime.now(dt.UTC)))


def pause_s(tries: int, asked_s: float | None) -> float:
    """Seconds until the next try: twice as many each time, and no fewer than were asked for."""
    wanted = min(PAUSE_S_MAX, 2.0**tries) * random.uniform(0.5, 1.0)
    return min(PAUSE_S_MAX, max(wanted, asked_s or 0.0))
