"""`cqar.LocalReplica` reads what a resolver in another process publishes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client as Nats

import cqar
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.replication import replica_layout as fmt
from cqar_writer.app import WriterApp
from cqar_writer.config import WriterConfig
from tests.integration.sdk.test_answers import PAST, questions
from tests.support.commits import commit, eventually
from tests.support.entity_builders import NOW, a_symbol, a_venue, a_venue_symbol, an_id
from tests.support.follower_setup import writing
from tests.support.kind_lifecycles import one_of_each
from tests.support.publisher_process import publisher
from tests.support.sdk_setup import WAIT_S, Surface
from tests.support.service_processes import Running, service

KEY = ("binance", "BTCUSDT")
#: Bytes of the two meta pages at the start of a data file.
METAS = 8192


@pytest.fixture
async def writer(servers: EmbeddedServers, database: str, client: Nats) -> AsyncIterator[WriterApp]:
    assert client.is_connected
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    async with writing(settings) as running:
        await commit(running.mutations, *one_of_each())
        yield running


@pytest.fixture
def settings(servers: EmbeddedServers, database: str, tmp_path: Path) -> dict[str, str]:
    return {
        "database_url": database,
        "nats_url": servers.nats,
        "replica_path": str(tmp_path / "replica"),
        "probe_every_s": "0.1",
        "stale_after_s": "2",
    }


@pytest.fixture
async def resolver(
    writer: WriterApp, settings: dict[str, str], tmp_path: Path
) -> AsyncIterator[Running]:
    assert writer.mutations is not None
    async with service("resolver", tmp_path, **settings) as running:
        yield running


async def test_it_answers_as_a_client_of_its_resolver(
    resolver: Running, settings: dict[str, str]
) -> None:
    replica = cqar.LocalReplica(settings["replica_path"], stale_after_s=60)
    with replica, cqar.Client(resolver.grpc) as client:
        await asyncio.to_thread(replica.wait_ready)
        for name, args, options in questions():
            if options.get("as_of") == PAST:
                continue
            question = (name, args, options)
            expected = await Surface(client).outcome(*question)
            for _ in ("first", "asked again"):
                assert await Surface(replica).outcome(*question) == expected, question
        assert replica.listed("binance") == await asyncio.to_thread(client.listed, "binance")
        for source in (replica, client):
            with pytest.raises(cqar.NotFound, match="no venue 'binanse'"):
                await asyncio.to_thread(source.listed, "binanse")
            with pytest.raises(cqar.NotFound, match="no venue 'binanse'"):
                await asyncio.to_thread(cqar.ccxt_markets, "binanse", source)
        with pytest.raises(cqar.NotFound, match="no venue 'binanse' .did you mean 'binance'"):
            await asyncio.to_thread(lambda: next(client.watch(venues=["binanse"])))


async def test_the_past_and_changes_are_not_supported(
    resolver: Running, settings: dict[str, str]
) -> None:
    assert resolver.process.returncode is None
    with cqar.LocalReplica(settings["replica_path"]) as replica:
        await asyncio.to_thread(replica.wait_ready)
        with pytest.raises(cqar.Unsupported, match="ask a resolver"):
            replica.resolve(*KEY, as_of=NOW.replace(year=2021))
        with pytest.raises(cqar.Unsupported, match="watch a resolver"):
            next(iter(replica.watch()))


async def test_a_change_is_visible_once_published_and_a_view_keeps_its_revision(
    resolver: Running, settings: dict[str, str], writer: WriterApp
) -> None:
    assert resolver.process.returncode is None
    with cqar.LocalReplica(settings["replica_path"], stale_after_s=60) as replica:
        await asyncio.to_thread(replica.wait_ready)
        first = replica.resolve(*KEY)
        assert first.market_status is not cqar.MarketStatus.HALTED
        with replica.at() as view:
            halted = a_venue_symbol(listing_id=an_id("listing"), status=MarketStatusCode.HALTED)
            revision = await commit(writer.mutations, halted)
            await eventually(lambda: replica.resolve(*KEY).freshness.revision == revision, WAIT_S)
            assert view.resolve(*KEY).market_status is first.market_status
            assert view.revision == (1, first.freshness.revision)
        denied = replica.resolve(*KEY)
        assert denied.market_status is cqar.MarketStatus.HALTED
        assert "LISTING_HALTED" in [reason.code for reason in denied.tradeable.reasons]
        # An unrelated change leaves the result as it is, but for its freshness.
        revision = await commit(writer.mutations, a_venue("kraken", name="Kraken, Inc."))
        await eventually(lambda: replica.resolve(*KEY).freshness.revision == revision, WAIT_S)
        assert replica.resolve(*KEY).symbol is denied.symbol


async def test_a_carried_position_is_waited_for(
    resolver: Running, settings: dict[str, str], writer: WriterApp
) -> None:
    assert resolver.process.returncode is None
    with cqar.LocalReplica(settings["replica_path"], stale_after_s=60) as replica:
        await asyncio.to_thread(replica.wait_ready)
        for number in range(5):
            listing = a_venue_symbol(venue_symbol=f"S{number}", listing_id=an_id(f"l{number}"))
            replica.carry(cqar.Position(1, await commit(writer.mutations, listing)))
            found = await asyncio.to_thread(replica.resolve, "binance", f"S{number}")
            assert found.symbol.symbol_id == a_symbol().symbol_id
        replica.carry(cqar.Position(1, 1_000_000))
        with pytest.raises(cqar.NotReady, match="before 1:1000000"):
            replica.resolve(*KEY, timeout_s=0.05)
        replica.carry(cqar.Position(2, 1))
        with pytest.raises(cqar.NotReady):
            replica.resolve(*KEY, timeout_s=0.05)


@pytest.mark.parametrize("is_removed", [False, True], ids=["kept", "removed"])
async def test_it_survives_its_resolver_turns_stale_and_continues_with_the_next_one(
    resolver: Running, settings: dict[str, str], writer: WriterApp, is_removed: bool
) -> None:
    with cqar.LocalReplica(settings["replica_path"], stale_after_s=2) as replica:
        await asyncio.to_thread(replica.wait_ready)
        await eventually(lambda: replica.resolve(*KEY).freshness.state is cqar.State.LIVE, WAIT_S)
        await resolver.kill()

        def is_stale() -> bool:
            found = replica.resolve(*KEY)
            says_so = "STALE_SNAPSHOT" in [reason.code for reason in found.tradeable.reasons]
            assert says_so == (found.freshness.state is not cqar.State.LIVE)
            return says_so

        await eventually(is_stale, WAIT_S)
        if is_removed:
            shutil.rmtree(settings["replica_path"])
        revision = await commit(writer.mutations, a_venue("kraken"))
        await resolver.start_again()
        await resolver.until_ready()

        def is_current() -> bool:
            freshness = replica.resolve(*KEY).freshness
            return freshness.state is cqar.State.LIVE and freshness.revision == revision

        await eventually(is_current, WAIT_S)


async def test_files_removed_under_a_running_resolver_are_recreated(
    resolver: Running, settings: dict[str, str], writer: WriterApp
) -> None:
    assert resolver.process.returncode is None
    folder = Path(settings["replica_path"])
    with cqar.LocalReplica(folder, stale_after_s=60) as replica:
        await asyncio.to_thread(replica.wait_ready)
        for gone in (["data.mdb"], ["lock.mdb"], ["data.mdb", "lock.mdb"]):
            with replica.at() as view:
                before = view.resolve(*KEY)
                inode = (folder / "data.mdb").stat().st_ino
                for name in gone:
                    (folder / name).unlink()
                await eventually(lambda: is_recreated(folder, inode), WAIT_S)  # noqa: B023
                assert view.resolve(*KEY).symbol == before.symbol
            revision = await commit(writer.mutations, a_venue("kraken", name=f"without {gone}"))
            await eventually(lambda: replica.resolve(*KEY).freshness.revision == revision, WAIT_S)  # noqa: B023


def is_recreated(folder: Path, inode: int) -> bool:
    data = folder / "data.mdb"
    return data.exists() and data.stat().st_ino != inode


@pytest.mark.parametrize("numbers", [fmt.GENERATIONS, 1_000])
def test_a_reader_survives_any_number_of_generations(tmp_path: Path, numbers: int) -> None:
    with (
        publisher(tmp_path, numbers) as publish,
        cqar.LocalReplica(tmp_path, stale_after_s=60) as replica,
    ):
        for _ in range(70):
            publish()
            assert replica.listed("binance")
            assert replica.resolve(*KEY).freshness.state is cqar.State.LIVE


def test_a_view_outlives_its_generation(tmp_path: Path) -> None:
    with publisher(tmp_path) as publish, cqar.LocalReplica(tmp_path, stale_after_s=60) as replica:
        publish()
        with replica.at() as view:
            before = view.resolve(*KEY)
            for _ in range(5):
                publish()
                replica.listed("binance")
            assert view.resolve(*KEY).symbol == before.symbol
            assert view.listed("binance") == replica.listed("binance")


@pytest.mark.parametrize("length", [100, METAS])
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    with publisher(tmp_path) as publish:
        publish()
    os.truncate(tmp_path / "data.mdb", length)
    replica = cqar.LocalReplica(tmp_path, timeout_s=0.01)
    with pytest.raises(cqar.NotReady, match=r"start a resolver|makes it anew"):
        replica.status()
    with publisher(tmp_path) as publish, replica:
        publish()
        assert replica.listed("binance")


def test_damage_is_reported_in_words(tmp_path: Path) -> None:
    with publisher(tmp_path) as publish:
        publish()
    with cqar.LocalReplica(tmp_path, timeout_s=0.01) as replica:
        replica.resolve(*KEY)
        with replica.at() as view:
            data = tmp_path / "data.mdb"
            with data.open("r+b") as file:
                file.seek(METAS)
                file.write(b"\0" * (data.stat().st_size - METAS))
            for ask in (view.listed, replica.listed, lambda venue: view.resolve(venue, KEY[1])):
                with pytest.raises(cqar.NotReady, match="makes it anew when it starts"):
                    ask("binance")
        with pytest.raises(cqar.NotReady, match="makes it anew when it starts"):
            replica.resolve(*KEY)


def test_too_many_readers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with publisher(tmp_path) as publish:
        publish()
    (tmp_path / "lock.mdb").unlink()  # its creator sets the limit
    monkeypatch.setattr(fmt, "READERS_MAX", 2)
    with (
        cqar.LocalReplica(tmp_path, timeout_s=0.01) as replica,
        replica.at(),
        replica.at(),
        pytest.raises(cqar.Busy, match="2 readers at once"),
    ):
        replica.status()


def test_an_empty_path_says_what_to_do(tmp_path: Path) -> None:
    refused: Callable[[], Any] = cqar.LocalReplica(tmp_path / "none", timeout_s=0.01).status
    with pytest.raises(cqar.NotReady, match="start a resolver with replica_path"):
        refused()
