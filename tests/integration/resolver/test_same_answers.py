"""After each change in every kind's life, memory answers what PostgreSQL answers then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.fallback import stores
from cqar_resolver.fallback.stores import QueryResult
from cqar_resolver.queries import assets, orders, resolve_listing
from cqar_resolver.queries.query import QueryContext
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.instant import Instant
from cqar_shared.errors import RegistryError
from cqar_writer.config import WriterConfig
from tests.support.commits import CAUSE, commit, eventually
from tests.support.entity_builders import BTC, ETH, NOW, USDT, a_symbol, an_id
from tests.support.follower_setup import resolving, stands_at, writing
from tests.support.kind_lifecycles import LIVES, one_of_each
from tests.support.memory_registry_view import KIND_OF

WAIT_S = 30
Work = Callable[[QueryContext], Any]


def order(quantity: str) -> orders.Order:
    given = {"venue_id": "binance", "venue_symbol": "BTCUSDT", "quantity": quantity}
    return orders.order_in(pb.CheckOrderRequest(**given))


def questions() -> dict[str, Work]:
    """Everything that is asked after each change."""
    now = Instant.of(NOW)
    symbol_id = a_symbol().symbol_id
    named = {
        "btc": pb.ResolveAssetRequest(asset_id=BTC),
        "code": pb.ResolveAssetRequest(
            venue_code=pb.VenueAssetCode(venue_id="binance", code="XBT")
        ),
        "contract": pb.ResolveAssetRequest(
            contract=pb.ContractAddress(
                chain_id="ethereum", address="0xdac17f958d2ee523a2206206994597c13d831ec7"
            )
        ),
        "external": pb.ResolveAssetRequest(
            external_id=pb.ExternalId(source=1, external_id="bitcoin")
        ),
    }
    asked: dict[str, Work] = {
        "resolve": lambda b: resolve_listing.resolve(b, "binance", "BTCUSDT", now),
        "back": lambda b: resolve_listing.venue_symbols(b.reading, symbol_id, (), now),
        "order": lambda b: orders.check(b, order("0.5"), now),
        "group": lambda b: assets.expand(b, pb.ExpandGroupRequest(name="all-eth")),
        "deployment": lambda b: resolve_listing.deployment(b.reading, an_id("deployment")),
    }
    asked |= {
        f"asset by {name}": lambda b, r=request: assets.resolve(b, r, now)
        for name, request in named.items()
    }
    for kind in KIND_OF.values():
        for key in (BTC, ETH, USDT, symbol_id, "binance", f"binance/{BTC}", "ethereum"):
            asked[f"{kind.name} {key}"] = lambda b, k=kind, at=key: resolve_listing.require(
                b.reading, k, at
            )
    return asked


def said(answer: QueryResult[Any]) -> object:
    """What can be compared: messages as they are, errors by their class and words."""
    value = answer.value
    if isinstance(value, RegistryError):
        return type(value), str(value)
    if isinstance(value, Message):
        return value.SerializeToString(deterministic=True)
    return [message.SerializeToString(deterministic=True) for message in value]


async def require_same(resolver: Resolver) -> int:
    """Ask memory and PostgreSQL everything; returns how many answers were no errors."""
    found = 0
    snapshot = resolver.view.snapshot
    least = snapshot.position[:2]
    for name, work in questions().items():
        memory = stores.answer_by(work, QueryContext(snapshot, pb.Freshness(), None), "memory")
        below = await resolver.fallback.answer(
            name, work, least, stores.Standing(pb.Freshness(), None)
        )
        assert below.tier == "postgres"
        assert below.freshness.revision == least[1]
        assert said(below) == said(memory), name
        found += not isinstance(memory.value, RegistryError)
    return found


async def test_memory_and_postgres_give_the_same_answers_through_every_life(
    servers: EmbeddedServers, database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "BUDGET_S", WAIT_S)
    assert client.is_connected
    settings = WriterConfig(database_url=database, nats_url=servers.nats)
    config = ResolverConfig(database_url=database, nats_url=servers.nats, probe_every_s=0.1)
    async with writing(settings) as writer, resolving(config) as resolver:

        async def compare(revision: int) -> int:
            await eventually(lambda: stands_at(resolver.view, 1, revision), WAIT_S)
            return await require_same(resolver)

        await eventually(lambda: resolver.view.is_complete, WAIT_S)
        whole = await compare(await commit(writer.mutations, *one_of_each()))
        assert whole > 10
        for life in LIVES.values():
            entity = life.born
            for changes, _ in life.steps:
                entity = msgspec.structs.replace(entity, **changes)
                await compare(await commit(writer.mutations, entity))
        for kind, life in reversed([(KIND_OF[type(life.born)], life) for life in LIVES.values()]):
            removal = Item(kind=kind, intent=ChangeIntent.REMOVE, key=kind.key_of(life.born))
            applied = await writer.mutations.apply([removal], CAUSE)
            if applied.committed:
                await compare(applied.revision)
        assert await compare(applied.revision or resolver.view.snapshot.position.revision) < whole
