"""The SDK's clients against served resolvers, and replicas beside them: one answer of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from nats.aio.client import Client as Nats

import cqar
from cqar.awaiting import AsyncAnswers
from cqar.embedded.servers import EmbeddedServers
from cqar.waiting import Answers
from resolver import fallback
from resolver.config import ResolverConfig
from shared.entities.venue_symbol import MarketStatus
from shared.errors import NotReady
from shared.grpc_errors import ErrorInterceptor
from tests.asking import served
from tests.builders import BTC, USDT, a_group, a_symbol, a_venue, a_venue_symbol, an_id
from tests.changes import commit, eventually
from tests.following import writing
from tests.links import link_to
from tests.lives import one_of_each
from tests.sdk import timeless
from tests.services import service
from writer.config import WriterConfig
from writer.mutations import Mutations

WAIT_S = 30.0
Serve = Callable[..., Any]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch, client: Nats) -> None:
    """Tests share two slow cores: what is tried is not whether PostgreSQL takes 250 ms."""
    assert client.is_connected
    monkeypatch.setattr(fallback, "BUDGET_S", WAIT_S)


@pytest.fixture
def config(servers: EmbeddedServers, database: str) -> ResolverConfig:
    return ResolverConfig(database_url=database, nats_url=servers.nats, probe_every_s=0.1)


@pytest.fixture
async def mutations(servers: EmbeddedServers, database: str) -> AsyncIterator[Mutations]:
    """Those of a writer that publishes what it commits."""
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    async with writing(settings) as writer:
        yield writer.mutations


@asynccontextmanager
async def asking(target: str, **options: Any) -> AsyncIterator[cqar.AsyncClient]:
    async with cqar.AsyncClient(target, **{"timeout_s": WAIT_S, **options}) as asked:
        await asked.wait_ready(WAIT_S)
        yield asked


# ---------------------------------------------------------------- one interface, one answer

Question = tuple[str, tuple[Any, ...], dict[str, Any]]


def questions() -> list[Question]:
    symbol_id = a_symbol().symbol_id
    return [
        ("resolve", ("binance", "BTCUSDT"), {}),
        ("resolve", ("binance", "NONE"), {}),
        ("resolve", ("Not A Slug", ""), {}),
        ("resolve_batch", ([("binance", "BTCUSDT"), ("binance", "no"), ("", "")],), {}),
        ("venue_symbols", (symbol_id,), {}),
        ("venue_symbols", (symbol_id, ["kraken"]), {}),
        ("venue_symbols", (an_id("none"),), {}),
        ("asset", (BTC,), {}),
        ("asset", (), {"venue": "binance", "code": "XBT"}),
        ("asset", (), {"chain": "ethereum", "address": "0x" + "0" * 40}),
        ("asset", (), {"source": "COINGECKO", "external_id": "bitcoin"}),
        ("group", ("all-eth",), {}),
        ("group", (), {"group_id": a_group().group_id}),
        ("group", ("nobody",), {}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1.2345", "quantity": 3, "side": "buy"}),
        ("check_order", ("binance", "BTCUSDT"), {"quantity": "0.000001", "intent": "reduce"}),
        ("check_order", ("binance", "BTCUSDT"), {"price": "1", "quantity": "1"}),
    ]


def told(error: cqar.CqarError) -> object:
    return type(error), str(error), error.reason, error.violations


async def all_awaited(asked: AsyncAnswers) -> list[object]:
    found: list[object] = []
    for name, arguments, named in questions():
        try:
            found.append(timeless(await getattr(asked, name)(*arguments, **named)))
        except cqar.CqarError as error:
            found.append(told(error))
    return found


def all_waited(asked: Answers) -> list[object]:
    found: list[object] = []
    for name, arguments, named in questions():
        try:
            found.append(timeless(getattr(asked, name)(*arguments, **named)))
        except cqar.CqarError as error:
            found.append(told(error))
    return found


async def test_clients_and_replicas_of_both_forms_give_equal_answers(
    config: ResolverConfig, mutations: Mutations
) -> None:
    revision = await commit(mutations, *one_of_each(), a_venue("kraken"))
    here = (config.database_url, config.nats_url)
    position = cqar.Position(1, revision)

    def wait(asked: Answers) -> list[object]:
        with asked as entered:  # type: ignore[attr-defined]
            entered.wait_ready(WAIT_S)
            entered.carry(position)
            return all_waited(entered)

    async with served(config) as at, asking(at.target) as asked:
        asked.carry(position)
        expected = await all_awaited(asked)
        assert await asyncio.to_thread(wait, cqar.Client(at.target, timeout_s=WAIT_S)) == expected
        replica: Any = cqar.Replica(*here, timeout_s=WAIT_S, probe_every_s=0.1)
        assert await asyncio.to_thread(wait, replica) == expected
        async with cqar.Replica(*here, timeout_s=WAIT_S) as in_loop:
            await in_loop.wait_ready(WAIT_S)
            in_loop.carry(position)
            assert await all_awaited(in_loop) == expected
    refused = [one for one in expected if isinstance(one, tuple)]
    assert len(refused) == 6


async def test_a_batch_of_any_size_is_answered_in_its_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    keys = [("binance", "BTCUSDT" if n % 7 else f"NONE{n}") for n in range(4_321)]
    async with served(config) as at, asking(at.target) as asked:
        found = await asked.resolve_batch(keys)
        assert [(one.venue_id, one.venue_symbol) for one in found] == keys
        for n, one in enumerate(found):
            assert isinstance(one, cqar.Resolution if n % 7 else cqar.Miss)
        assert {one.freshness.revision for one in found} == {1}
        assert await asked.resolve_batch([]) == []


async def test_many_threads_share_one_client_and_one_replica(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())

    def share(context: Any) -> set[str]:
        with context as asked, ThreadPoolExecutor(8) as pool:
            asked.wait_ready(WAIT_S)
            found = pool.map(lambda _: asked.resolve("binance", "BTCUSDT"), range(400))
            return {one.base.asset_id for one in found}

    async with served(config) as at:
        client = cqar.Client(at.target, timeout_s=WAIT_S)
        assert await asyncio.to_thread(share, client) == {BTC}
    replica = cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S)
    assert await asyncio.to_thread(share, replica) == {BTC}


# ---------------------------------------------------------------- refusals


async def test_a_miss_and_a_bad_request_say_what_is_wrong(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, asking(at.target) as asked:
        with pytest.raises(cqar.NotFound, match="NONE") as missed:
            await asked.resolve("binance", "NONE")
        assert missed.value.reason == "VENUE_SYMBOL_NOT_FOUND"
        with pytest.raises(cqar.InvalidRequest) as invalid:
            await asked.resolve("Not A Slug", "")
        assert [v.field for v in invalid.value.violations] == ["venue_id", "venue_symbol"]


async def test_where_nobody_listens_it_says_so_and_where(tmp_path: Path) -> None:
    target = f"unix:{tmp_path}/nobody"
    async with cqar.AsyncClient(target, timeout_s=WAIT_S) as asked:
        with pytest.raises(cqar.NotReady, match="try again, or at another"):
            await asked.resolve("binance", "BTCUSDT")
        with pytest.raises(cqar.TimedOut, match="not ready within 0.3 s: unix:"):
            await asked.wait_ready(0.3)

    def wait() -> None:
        with cqar.Client(target) as waited, pytest.raises(cqar.NotReady):
            waited.resolve("binance", "BTCUSDT")

    await asyncio.to_thread(wait)


async def test_an_answer_that_does_not_come_ends_with_its_time(config: ResolverConfig) -> None:
    async with (
        link_to(config.database_url) as (link, url),
        served(ResolverConfig(database_url=url, nats_url=config.nats_url), follows=False) as at,
    ):
        link.open.clear()
        async with cqar.AsyncClient(at.target) as asked:
            with pytest.raises(cqar.TimedOut):
                await asked.resolve("binance", "BTCUSDT", timeout_s=0.3)


# ---------------------------------------------------------------- tried again


class Away(grpc.aio.ServerInterceptor):
    """Says that it is not ready, so many times.

    Attributes:
        calls: Those that came, by method.
    """

    def __init__(self, times: int) -> None:
        self._times = times
        self.calls: list[str] = []

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        name = handler_call_details.method.rpartition("/")[2]

        async def away(request: Any, context: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) <= self._times:
                raise NotReady("loading")
            return await handler.unary_unary(request, context)

        return handler._replace(unary_unary=away)


@pytest.mark.parametrize(("times", "answers"), [(2, True), (3, False)])
async def test_a_read_that_nobody_could_answer_is_tried_three_times(
    config: ResolverConfig, mutations: Mutations, times: int, answers: bool
) -> None:
    await commit(mutations, *one_of_each())
    away = Away(times)
    async with served(config, ErrorInterceptor(), away) as at:
        await eventually(lambda: at.resolver.view.is_complete, WAIT_S)
        async with cqar.AsyncClient(at.target, timeout_s=WAIT_S) as asked:
            if answers:
                assert (await asked.resolve("binance", "BTCUSDT")).base.asset_id == BTC
            else:
                with pytest.raises(cqar.NotReady, match="loading"):
                    await asked.resolve("binance", "BTCUSDT")
        assert away.calls == ["Resolve"] * 3


async def test_what_can_never_be_answered_is_asked_once(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    away = Away(0)
    async with served(config, ErrorInterceptor(), away) as at, asking(at.target) as asked:
        away.calls.clear()
        for refused in (("binance", "NONE"), ("Not A Slug", "")):
            with pytest.raises(cqar.CqarError):
                await asked.resolve(*refused)
        assert away.calls == ["Resolve", "Resolve"]


async def test_a_client_goes_on_when_its_resolver_was_killed_and_started_again(
    config: ResolverConfig, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    settings = {"database_url": config.database_url, "nats_url": config.nats_url}
    async with service("resolver", tmp_path, **settings) as running, asking(running.grpc) as asked:
        before = timeless(await asked.resolve("binance", "BTCUSDT"))
        await running.kill()
        with pytest.raises(cqar.NotReady, match=running.grpc):
            await asked.resolve("binance", "BTCUSDT")
        await running.start_again()
        await asked.wait_ready(2 * WAIT_S)
        assert timeless(await asked.resolve("binance", "BTCUSDT")) == before


async def test_calls_that_are_cut_off_are_answered_by_another_connection(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with (
        served(config) as at,
        link_to(f"grpc://{at.target}") as (link, url),
        asking(url.removeprefix("grpc://")) as asked,
    ):
        link.open.clear()
        calls = [asyncio.ensure_future(asked.resolve("binance", "BTCUSDT")) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert not any(call.done() for call in calls)
        link.open.set()
        link.cut()
        found = await asyncio.gather(*calls)
        assert {one.base.asset_id for one in found} == {BTC}


# ---------------------------------------------------------------- never back


@asynccontextmanager
async def one_lags(config: ResolverConfig, mutations: Mutations) -> AsyncIterator[tuple[str, int]]:
    """Two resolvers behind one target, of which one hears of nothing; and the newest revision."""
    await commit(mutations, *one_of_each())
    async with link_to(config.nats_url) as (link, url):
        deaf = ResolverConfig(
            database_url=config.database_url, nats_url=url, probe_every_s=0.1, stale_after_s=3600
        )
        async with served(config) as ahead, served(deaf) as behind:
            for at in (ahead, behind):
                view = at.resolver.view
                await eventually(lambda view=view: view.is_complete and view.lag == 0, WAIT_S)
            link.open.clear()
            halted = a_venue_symbol(listing_id=an_id("listing"), status=MarketStatus.HALTED)
            revision = await commit(mutations, halted)
            view = ahead.resolver.view
            await eventually(lambda: view.snapshot.position.revision == revision, WAIT_S)
            yield f"ipv4:{ahead.target},{behind.target}", revision


async def revisions(asked: AsyncAnswers, times: int) -> list[int]:
    return [(await asked.resolve("binance", "BTCUSDT")).freshness.revision for _ in range(times)]


async def test_a_client_of_two_resolvers_never_goes_back(
    config: ResolverConfig, mutations: Mutations
) -> None:
    async with one_lags(config, mutations) as (target, newest):
        async with cqar.AsyncClient(target, timeout_s=2.0) as asked:
            found = await revisions(asked, 8)
        assert found == sorted(found)
        assert found[-1] == newest
        # Else nothing would have been proved: who does not ask for it is told the past.
        async with cqar.AsyncClient(target, timeout_s=2.0, min_revision="told") as asked:
            found = await revisions(asked, 8)
            assert found != sorted(found)
            asked.carry(cqar.Position(1, newest))
            assert set(await revisions(asked, 4)) == {newest}


async def test_whoever_wrote_finds_it_at_a_resolver_that_has_not_heard_of_it(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    async with served(config) as at, asking(at.target) as asked:
        for number in range(20):
            written = a_venue_symbol(venue_symbol=f"S{number}", listing_id=an_id(f"l{number}"))
            asked.carry(cqar.Position(1, await commit(mutations, written)))
            found = await asked.resolve("binance", f"S{number}")
            assert found.symbol.symbol_id == a_symbol().symbol_id
            assert asked.position == (1, found.freshness.revision)


@pytest.mark.parametrize("replicated", [False, True], ids=["client", "replica"])
async def test_of_a_new_epoch_a_caller_is_told_once_and_then_answered(
    config: ResolverConfig, mutations: Mutations, replicated: bool
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with served(config) as at:
        asking_it: Any = asking(at.target)
        if replicated:
            asking_it = cqar.Replica(*here, timeout_s=WAIT_S, probe_every_s=0.1)
        async with asking_it as asked:
            await asked.wait_ready(WAIT_S)
            assert (await asked.resolve("binance", "BTCUSDT")).freshness.epoch == 1
            assert await mutations.bump_epoch(1, 1, 1)
            refused: list[cqar.EpochChanged] = []

            async def in_the_new_epoch() -> bool:
                try:
                    found = await asked.resolve("binance", "BTCUSDT")
                except cqar.EpochChanged as error:
                    refused.append(error)
                    return False
                return bool(found.freshness.epoch == 2)

            await eventually(in_the_new_epoch, WAIT_S)
            assert [error.reason for error in refused] == ["EPOCH_CHANGED"]
            assert asked.position is not None
            assert asked.position.epoch == 2


# ---------------------------------------------------------------- watching


def venues_in(update: cqar.Update) -> list[str]:
    changes = update.change_set.changes if update.change_set else ()
    return [change.message().venue_id for change in changes]


async def test_both_forms_see_each_change_once_and_in_order(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with served(config) as at, asking(at.target) as asked, cqar.Replica(*here) as replica:
        await replica.wait_ready(WAIT_S)

        begun: set[int] = set()

        async def awaited(answers: AsyncAnswers) -> list[str]:
            seen: list[str] = []
            async for update in answers.watch(2, epoch=1, kinds=["venue"], timeout_s=WAIT_S):
                begun.add(id(seen))
                seen += venues_in(update)
                if len(seen) == 3:
                    break
            # What it was told of here it will not be denied by another resolver.
            assert answers.position == (1, 4)
            return seen

        def waited(context: Any) -> list[str]:
            seen: list[str] = []
            with context as answers:
                answers.wait_ready(WAIT_S)
                for update in answers.watch(2, epoch=1, kinds=["venue"], timeout_s=WAIT_S):
                    begun.add(id(seen))
                    seen += venues_in(update)
                    if len(seen) == 3:
                        break
            assert answers.position == (1, 4)
            return seen

        watching = [
            asyncio.ensure_future(awaited(asked)),
            asyncio.ensure_future(awaited(replica)),
            asyncio.ensure_future(asyncio.to_thread(waited, cqar.Client(at.target))),
            asyncio.ensure_future(asyncio.to_thread(waited, cqar.Replica(*here))),
        ]
        await eventually(lambda: len(begun) == len(watching), WAIT_S)
        for number in range(3):
            await commit(mutations, a_venue(f"v{number}"))
        for seen in await asyncio.gather(*watching):
            assert seen == ["v0", "v1", "v2"]


async def until_the_end(updates: AsyncIterator[cqar.Update]) -> None:
    async for _ in updates:
        pass


async def test_a_watch_ends_with_its_time_or_with_what_cannot_be_watched(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    here = (config.database_url, config.nats_url)
    async with served(config) as at, asking(at.target) as asked, cqar.Replica(*here) as replica:
        await replica.wait_ready(WAIT_S)
        both: list[AsyncAnswers] = [asked, replica]
        for answers in both:
            updates = answers.watch(timeout_s=0.5)
            assert (await anext(updates)).change_set is None
            with pytest.raises(cqar.TimedOut):
                await until_the_end(updates)
            with pytest.raises(cqar.EpochChanged):
                await anext(answers.watch(1, epoch=9))
            with pytest.raises(cqar.InvalidRequest, match="nonsense"):
                await anext(answers.watch(kinds=["nonsense"]))


# ---------------------------------------------------------------- replicas


def test_a_replica_refuses_settings_that_no_resolver_takes() -> None:
    with pytest.raises(ValueError, match="stale_after_s"):
        cqar.Replica("postgresql://h/db", "nats://h", stale_after_s=0.1)
    with pytest.raises(ValueError, match="'seen' or 'told'"):
        cqar.Replica("postgresql://h/db", "nats://h", min_revision="always")  # type: ignore[arg-type]


async def test_a_replica_answers_from_postgres_until_it_is_loaded(
    config: ResolverConfig, mutations: Mutations
) -> None:
    await commit(mutations, *one_of_each())
    replica = cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S)
    async with replica as asked:
        found = await asked.resolve("binance", "BTCUSDT")
        assert found.freshness.state is cqar.State.HYDRATING
        assert found.base.asset_id == BTC
        await asked.wait_ready(WAIT_S)
        found = await asked.resolve("binance", "BTCUSDT")
        assert found.freshness.state is cqar.State.LIVE


async def test_a_replica_of_nowhere_says_why_it_is_not_ready(servers: EmbeddedServers) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"

    def wait() -> None:
        with cqar.Replica(nowhere, servers.nats, timeout_s=1.0) as asked:
            with pytest.raises(cqar.NotReady):
                asked.resolve("binance", "BTCUSDT")
            with pytest.raises(cqar.TimedOut, match="the first snapshot is loading"):
                asked.wait_ready(0.5)

    await asyncio.to_thread(wait)


async def test_a_replica_starts_from_its_own_file_where_nothing_else_is(
    config: ResolverConfig, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    file = str(tmp_path / "last_good")
    here = (config.database_url, config.nats_url)
    async with cqar.Replica(*here, last_good_file=file) as asked:
        await asked.wait_ready(WAIT_S)
        other = cqar.Replica(*here, last_good_file=file)
        with pytest.raises(cqar.CqarError, match="another resolver keeps its state here"):
            await other.__aenter__()

    def wait() -> cqar.Resolution:
        nowhere = ("postgresql://nobody@127.0.0.1:1/none", "nats://127.0.0.1:1")
        with cqar.Replica(*nowhere, last_good_file=file) as alone:
            alone.wait_ready(WAIT_S)
            return alone.resolve("binance", "BTCUSDT")

    found = await asyncio.to_thread(wait)
    assert (found.base.asset_id, found.quote.asset_id) == (BTC, USDT)
    assert found.freshness.state is cqar.State.LAST_GOOD
    assert "STALE_SNAPSHOT" in [reason.code for reason in found.tradeable.reasons]


async def test_no_answer_of_a_replica_shows_half_of_a_change_set(
    config: ResolverConfig, mutations: Mutations
) -> None:
    """200 listings change their status together, again and again, while threads read them all."""
    await commit(mutations, *one_of_each())
    spellings = [f"S{number}" for number in range(200)]

    def listings(status: MarketStatus) -> list[Any]:
        return [
            a_venue_symbol(venue_symbol=s, listing_id=an_id(s), status=status) for s in spellings
        ]

    await commit(mutations, *listings(MarketStatus.ONLINE))
    stop = False

    def read(asked: Answers) -> set[tuple[str, ...]]:
        seen: set[tuple[str, ...]] = set()
        while not stop:
            found = asked.resolve_batch([("binance", s) for s in spellings], timeout_s=WAIT_S)
            seen.add(tuple({f.market_status for f in found if isinstance(f, cqar.Resolution)}))
        return seen

    def replicate(reading: Callable[[Answers], Any]) -> Any:
        with cqar.Replica(config.database_url, config.nats_url, timeout_s=WAIT_S) as asked:
            asked.wait_ready(WAIT_S)
            return reading(asked)

    threads = asyncio.gather(*(asyncio.to_thread(replicate, read) for _ in range(2)))
    for number in range(6):
        status = MarketStatus.HALTED if number % 2 else MarketStatus.POST_ONLY
        await commit(mutations, *listings(status))
        await asyncio.sleep(0.3)
    stop = True
    for seen in await threads:
        assert all(len(statuses) == 1 for statuses in seen)
        assert {("HALTED",), ("POST_ONLY",)} <= seen
