"""What happens is told at least once, in order, to an endpoint that fails; nothing is lost."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.connection import Connection
from cqar.reconciler.__main__ import main
from cqar.reconciler.webhooks import delivery
from cqar.reconciler.webhooks.dead_letters import DeadLetters
from cqar.reconciler.webhooks.delivery import WEBHOOKS_FOLDER, Endpoint, WebhookLoop, WebhookPlace
from cqar.reconciler.webhooks.webhook_settings import WebhookSetting
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, MarketStatusCode
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, commit
from tests.support.entity_builders import MARKET, NOW, a_venue_symbol, an_id
from tests.support.writer_server import serving

LISTING = an_id("listing")


class Receiver:
    """An endpoint that answers as it is told: a status, or `hang` or `close`."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.taken: list[dict[str, Any]] = []
        self.posts = 0
        self.headers: list[Any] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.posts += 1
        body = await request.read()
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "hang":
            await asyncio.sleep(30)
        if answer == "close":
            request.transport.close()  # type: ignore[union-attr]
            return web.Response()
        if answer == 302:
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
        if answer < 300:
            self.taken.append(json.loads(body))
            self.headers.append(request.headers)
            self.bodies.append(body)
        return web.Response(status=answer, headers={"Retry-After": "0"})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


Start = Callable[..., WebhookLoop]


@pytest.fixture
async def started(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> AsyncIterator[tuple[Receiver, Start]]:
    await commit(mutations, *MARKET[:-1], listing())
    async with serving(engine, NOW) as client, receiving() as receiver:
        connection = Connection(client.address, client.keys[Role.READ])

        async def no_wait(_: float) -> None:
            await asyncio.sleep(0)

        def start(**setting: Any) -> WebhookLoop:
            given = {"name": "desk", "url": receiver.url, "secret_file": "s", **setting}
            endpoint = Endpoint(WebhookSetting(allow_http=True, **given), receiver.url, b"secret")
            return WebhookLoop(connection, endpoint, tmp_path, no_wait)

        with connection:
            yield receiver, start


def listing(**changes: Any) -> Any:
    return a_venue_symbol(listing_id=LISTING, **{"status": MarketStatusCode.ONLINE, **changes})


async def halt_and_resume(mutations: Mutations, times: int) -> None:
    for _ in range(times):
        await commit(mutations, listing(status=MarketStatusCode.HALTED))
        await commit(mutations, listing())


async def test_only_what_is_new_is_told_in_its_order(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start()
    assert await loop.step()
    assert receiver.taken == []
    await halt_and_resume(mutations, 3)
    assert await loop.step()
    assert [t["event"] for t in receiver.taken] == ["HALTED", "RESUMED"] * 3
    revisions = [t["revision"] for t in receiver.taken]
    assert revisions == sorted(revisions)
    assert await loop.step()
    assert len(receiver.taken) == 6
    # A process that starts again goes on where it was.
    await halt_and_resume(mutations, 1)
    assert await start().step()
    assert len(receiver.taken) == 8


async def test_what_fails_is_tried_again_and_nothing_overtakes_it(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    receiver.answers = [500, 429, "close", 503, 408]
    await halt_and_resume(mutations, 2)
    assert await loop.step()
    assert [t["event"] for t in receiver.taken] == ["HALTED", "RESUMED"] * 2
    assert receiver.posts == 9
    assert len(loop.dead) == 0


async def test_what_is_refused_for_good_is_kept_and_the_next_is_told(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    receiver.answers = [400, 302, *[500] * delivery.TRIES_MAX]
    await halt_and_resume(mutations, 2)
    assert await loop.step()
    problems = [letter.problem for _, letter in loop.dead.all()]
    assert problems == ["answered 400", "answered 302", "answered 500"]
    assert [t["event"] for t in receiver.taken] == ["RESUMED"]


async def test_an_endpoint_that_hangs_is_given_up_in_time(
    started: tuple[Receiver, Start], mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_S", 0.2)
    receiver, start = started
    loop = start()
    await loop.step()
    receiver.answers = ["hang"]
    await halt_and_resume(mutations, 1)
    async with asyncio.timeout(20):
        assert await loop.step()
    assert len(receiver.taken) == 2


async def test_what_was_posted_and_not_noted_is_posted_again_with_the_same_id(
    started: tuple[Receiver, Start], mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    await halt_and_resume(mutations, 2)

    def killed(_: WebhookLoop, revision: int) -> None:
        raise KeyboardInterrupt(revision)

    with monkeypatch.context() as patched:
        patched.setattr(WebhookLoop, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            await loop.step()
    assert await start().step()
    ids = [t["event_id"] for t in receiver.taken]
    assert len(ids) > len(set(ids)) == 4
    assert list(dict.fromkeys(ids)) == sorted(set(ids), key=lambda i: int(i.split(":")[1]))


async def test_a_full_disk_repeats_nothing_while_the_process_runs(
    started: tuple[Receiver, Start], mutations: Mutations, tmp_path: Path
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    (tmp_path / "desk.json").unlink()
    # A folder in its place: no file can be written there.
    (tmp_path / "desk.json").mkdir()
    await halt_and_resume(mutations, 1)
    for _ in range(2):
        assert await loop.step()
    assert [t["event"] for t in receiver.taken] == ["HALTED", "RESUMED"]


async def test_a_listing_that_never_was_is_told_as_void(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    void = Item(kind=VENUE_SYMBOL, intent=ChangeIntent.REMOVE, key=LISTING)
    assert (await mutations.apply([void], CAUSE)).committed
    assert await loop.step()
    assert [t["event"] for t in receiver.taken] == ["VOIDED"]


async def test_dead_letters_are_listed_posted_again_and_counted(
    started: tuple[Receiver, Start], mutations: Mutations, tmp_path: Path
) -> None:
    receiver, start = started
    loop = start()
    # Where the commands look for them.
    loop.dead = DeadLetters(tmp_path / WEBHOOKS_FOLDER / "desk.dead")
    await loop.step()
    receiver.answers = [400, 400]
    await halt_and_resume(mutations, 1)
    await loop.step()
    assert len(loop.dead) == 2
    (tmp_path / "secret").write_text("secret")
    setting = {
        "name": "desk",
        "url": receiver.url,
        "allow_http": True,
        "secret_file": str(tmp_path / "secret"),
    }
    environ = {
        "CQAR_CONFIG": "",
        "CQAR_RECONCILER_KEY_FILE": str(tmp_path / "key"),
        "CQAR_RECONCILER_STATE_FOLDER": str(tmp_path),
        "CQAR_RECONCILER_VENUES": json.dumps([{"venue_id": "kraken"}]),
        "CQAR_RECONCILER_WEBHOOKS": json.dumps([setting]),
    }

    async def ran(*words: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, main, ["webhooks", *words], env=environ)

    shown = await ran("list-dead")
    assert shown.exit_code == 0, shown.output
    listed = shown.stdout.splitlines()
    assert [line.split("\t")[3:] for line in listed] == [
        ["HALTED", "binance/BTCUSDT", "answered 400"],
        ["RESUMED", "binance/BTCUSDT", "answered 400"],
    ]
    receiver.answers = [500]
    partly = await ran("retry", "desk")
    assert (partly.exit_code, partly.stdout) == (1, "1 taken, 1 not\n")
    assert len(loop.dead) == 1
    assert (await ran("retry", "desk")).exit_code == 0
    assert len(loop.dead) == 0
    assert [t["event"] for t in receiver.taken] == ["RESUMED", "HALTED"]
    tried = await ran("test", "desk")
    assert (tried.exit_code, tried.stdout) == (0, "desk took it\n")
    receiver.answers = [403]
    refused = await ran("test", "desk")
    assert (refused.exit_code, "answered 403" in refused.output) == (1, True)
    assert "desk" in (await ran("test", "desc")).output


async def test_the_pages_code_knows_what_is_ours(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start()
    await loop.step()
    await halt_and_resume(mutations, 1)
    await loop.step()
    page = (Path(__file__).parents[3] / "docs/WEBHOOKS.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102  (what the page tells readers to run)
    header, body = receiver.headers[0]["CQAR-Signature"], receiver.bodies[0]
    assert namespace["is_ours"](b"secret", header, body)
    assert not namespace["is_ours"](b"secret", header, body + b" ")
    assert not namespace["is_ours"](b"other", header, body)


async def test_a_place_that_cannot_be_read_begins_at_the_present(
    started: tuple[Receiver, Start], mutations: Mutations, tmp_path: Path
) -> None:
    receiver, start = started
    await halt_and_resume(mutations, 1)
    (tmp_path / "desk.json").write_text("{ broken")
    assert await start().step()
    assert receiver.taken == []
    assert WebhookPlace is not None


async def test_filters_leave_out_and_slack_has_its_form(
    started: tuple[Receiver, Start], mutations: Mutations
) -> None:
    receiver, start = started
    loop = start(form="slack", events=("HALTED",), venue_ids=("binance",))
    other = start(name="other", venue_ids=("kraken",))
    for one in (loop, other):
        with_kraken = one is other
        if not with_kraken:
            await one.step()
    await halt_and_resume(mutations, 2)
    assert await loop.step()
    assert [t["text"] for t in receiver.taken] == [
        "*HALTED* binance/BTCUSDT: status ONLINE → HALTED"
    ] * 2
    assert "CQAR-Signature" not in receiver.headers[0]
    # A venue that is not registered: the writer says so, and nothing is told or lost.
    assert not await other.step()
