"""A writer and a resolver do all their work with the accounts that are shipped."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
import redis.asyncio
import sqlalchemy as sa
from nats.js import api

from cqar.admin.audit import verify_registry
from cqar_shared.messaging.jetstream import EVENTS
from cqar_shared.redis_store.cache import CURSOR_KEY
from cqar_shared.redis_store.image_store import MANIFEST_KEY
from cqar_shared.sql.postgres import make_engine
from cqar_shared.trust.key_text import hash_of
from cqar_shared.trust.signatures import PrivateKey
from cqar_writer.mutations import Mutations
from tests.deploy.conftest import Shipped
from tests.support.cli_runner import run_process
from tests.support.commits import commit, eventually, head_of, lose_commits_after
from tests.support.entity_builders import NOW, a_venue
from tests.support.service_processes import Running, pick_listens, service, start

READY_S = 60.0


@dataclass(frozen=True)
class Whole:
    servers: Shipped
    writer: Running
    folder: Path
    key: str

    @property
    def demanding(self) -> dict[str, str]:
        """A resolver's settings, which takes what is signed and nothing else."""
        trusted = {"trusted_keys_file": str(self.folder / "trusted"), "require_signed": "true"}
        return {**self.servers.settings("resolver"), **trusted}

    async def cqar(self, *arguments: str) -> str:
        os.environ["CQAR_KEY"] = self.key
        try:
            ran = await run_process(*arguments, state=self.folder)
        finally:
            del os.environ["CQAR_KEY"]
        assert ran.code == 0, ran.err
        return ran.out

    async def status(self, resolver: Running) -> Any:
        """(The writer's, the resolver's) state."""
        said = await self.cqar(
            *("status", "--json", "--writer", self.writer.grpc, "--resolver", resolver.grpc)
        )
        found = json.loads(said)
        return found["writer"], found["resolvers"][0]


@pytest.fixture(scope="module")
async def whole(servers: Shipped, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    signing = PrivateKey.fresh()
    (folder / "signing.pem").write_bytes(signing.pem())
    (folder / "trusted").write_text(signing.public_key.hex())
    settings = {
        **servers.settings("writer"),
        "signing_key_file": str(folder / "signing.pem"),
    }
    arguments = ("create-key", "--actor", "me", "--role", "admin")
    made = await start("writer", folder / "key", *arguments, **settings, **pick_listens("k")["k"])
    assert await made.wait() == 0, (folder / "key").read_text()
    key = next(word for word in (folder / "key").read_text().split() if word.startswith("cqar_"))
    assert len(hash_of(key)) > 0
    async with service("writer", folder, **settings) as writer:
        yield Whole(servers, writer, folder, key)
    require_no_refusal(writer)


def require_no_refusal(service: Running) -> None:
    """Each server has a word of its own for it, in a message or in a traceback."""
    said = service.log.read_text().lower()
    assert [
        word for word in ("permission", "noperm", "insufficientprivilege") if word in said
    ] == []


async def follow_up(whole: Whole, resolver: Running) -> None:
    async def arrived() -> bool:
        writer, found = await whole.status(resolver)
        at = (found["epoch"], found["revision"], found["state"])
        return at == (writer["epoch"], writer["revision"], "LIVE")

    await eventually(arrived, READY_S)


async def test_what_is_written_reaches_resolvers_consumers_and_redis(
    whole: Whole, tmp_path: Path
) -> None:
    settings = {**whole.demanding, "last_good_file": str(tmp_path / "good")}
    async with service("resolver", tmp_path, **settings) as resolver:
        await whole.cqar("catalogue", "load", "--writer", whole.writer.grpc)
        await follow_up(whole, resolver)
        found = await whole.cqar(
            *("resolve", "binance", "BTCUSDT", "--json", "--resolver", resolver.grpc)
        )
        assert "BTC" in found
        require_no_refusal(resolver)
        assert await resolver.terminate() == 0
    client = await nats.connect(whole.servers.url("operator", "nats"))
    durable = api.ConsumerConfig(durable_name="all", ack_policy=api.AckPolicy.EXPLICIT)
    await client.jetstream().add_consumer(EVENTS, durable)
    await client.close()
    reader = await nats.connect(whole.servers.url("events", "nats"))
    subscription = await reader.jetstream(prefix=whole.servers.api_prefix).pull_subscribe_bind(
        durable="all", stream=EVENTS
    )
    for message in await subscription.fetch(10, timeout=10):
        await message.ack_sync(timeout=10)
    await reader.close()
    async with redis.asyncio.Redis.from_url(whole.servers.url("resolver", "redis")) as store:

        async def published() -> bool:
            return bool(await store.exists(CURSOR_KEY, MANIFEST_KEY) == 2)

        await eventually(published, READY_S)


async def test_a_history_that_was_lost_begins_an_epoch_that_resolvers_follow(
    whole: Whole, tmp_path: Path
) -> None:
    # What a failover loses nobody's account could take away: the owner's does.
    engine = make_engine(
        whole.servers.url("owner", "database"), connections_max=2, application="test"
    )
    try:
        async with service("resolver", tmp_path, **whole.servers.settings("resolver")) as resolver:
            mutations = Mutations(engine, lambda: NOW)
            await follow_up(whole, resolver)
            before = await head_of(engine)
            await commit(mutations, a_venue("lost"))
            await follow_up(whole, resolver)
            await lose_commits_after(engine, before.revision)
            async with engine.begin() as tx:
                gone = sa.text("DELETE FROM entity_revisions WHERE revision > :revision")
                await tx.execute(gone, {"revision": before.revision})
            await commit(mutations, a_venue("instead"))

            async def begun() -> bool:
                return (await head_of(engine)).epoch > before.epoch

            await eventually(begun, READY_S)
            await follow_up(whole, resolver)
            assert (await verify_registry(whole.servers.url("auditor", "database"))).revisions > 0
    finally:
        await engine.dispose()
