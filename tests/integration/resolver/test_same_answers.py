"""After each change in every kind's life, memory answers what PostgreSQL answers then."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message
from nats.aio.client import Client

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.fallback import single_flight
from cqar_resolver.queries.execute import FallbackRequest
from cqar_resolver.queries.registry import DeploymentQuery, SymbolQuery
from cqar_resolver.queries.requests import QUERIES
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.identifier_rules import CAIP19
from cqar_shared.domain.kinds.symbol_identifier import SymbolDataSource
from cqar_shared.errors import RegistryError
from cqar_shared.queries.entities import EntityQuery
from cqar_shared.queries.listings import GetVenueSymbolQuery
from cqar_shared.queries.query import Query, QueryContext, run_query
from cqar_writer.config import WriterConfig
from tests.support.commits import CAUSE, commit, eventually
from tests.support.entity_builders import BTC, ETH, NOW, USDT, a_symbol, an_id
from tests.support.follower_setup import resolving, stands_at, writing
from tests.support.kind_lifecycles import LIVES, one_of_each
from tests.support.memory_registry_view import KIND_OF

WAIT_S = 30


def questions() -> dict[str, Query[Any]]:
    """Everything that is asked after each change."""
    symbol_id = a_symbol().symbol_id
    spelled = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
    tether = "0xdac17f958d2ee523a2206206994597c13d831ec7"
    requests: dict[str, list[Any]] = {
        "Resolve": [pb.ResolveRequest(**spelled)],
        "FindVenueSymbols": [pb.FindVenueSymbolsRequest(symbol_id=symbol_id)],
        "CheckOrder": [pb.CheckOrderRequest(**spelled, quantity="0.5")],
        "ExpandGroup": [pb.ExpandGroupRequest(name="all-eth")],
        "ResolveAsset": [
            pb.ResolveAssetRequest(asset_id=BTC),
            pb.ResolveAssetRequest(venue_code={"venue_id": "binance", "code": "XBT"}),
            pb.ResolveAssetRequest(contract={"chain_id": "ethereum", "address": tether}),
            pb.ResolveAssetRequest(external_id={"source": 1, "external_id": "bitcoin"}),
            *(
                pb.ResolveAssetRequest(external_id={"source": CAIP19, "external_id": text})
                for text in (
                    f"eip155:1/erc20:{tether}",
                    "eip155:1/slip44:60",
                    "eip155:1/slip44:0",
                    "cosmos:cosmoshub-4/slip44:118",
                )
            ),
        ],
    }
    asked: dict[str, Query[Any]] = {
        f"{method} {number}": QUERIES[method](request, NOW)
        for method, of_method in requests.items()
        for number, request in enumerate(of_method)
    }
    asked["deployment"] = DeploymentQuery(an_id("deployment"))
    asked["symbol"] = SymbolQuery("", SymbolDataSource.MESSARI, "btc-usdt")
    asked["GetVenueSymbol"] = GetVenueSymbolQuery("binance", "BTCUSDT", None, NOW)
    for kind in KIND_OF.values():
        if not kind.resident:
            continue  # no resolver is asked for it
        for key in (BTC, ETH, USDT, symbol_id, "binance", f"binance/{BTC}", "ethereum"):
            asked[f"{kind.name} {key}"] = EntityQuery(kind.name, key)
    return asked


def comparable(value: Message | RegistryError) -> object:
    """A message as it is; an error by its class and words."""
    if isinstance(value, RegistryError):
        return type(value), str(value)
    return value.SerializeToString(deterministic=True)


async def require_same(resolver: Resolver) -> int:
    """Ask memory and PostgreSQL everything; return how many answers were no errors."""
    answers = 0
    snapshot = resolver.view.snapshot
    position = snapshot.position[:2]
    for name, query in questions().items():
        by_memory = run_query(query, QueryContext(snapshot))
        request = FallbackRequest(query, name, position, pb.Freshness(), None, 0)
        below = await resolver.fallback.answer(request)
        assert below.tier == "postgres"
        assert below.freshness.revision == position[1]
        assert comparable(below.value) == comparable(by_memory), name
        answers += not isinstance(by_memory, RegistryError)
    return answers


async def test_memory_and_postgres_give_the_same_answers_through_every_life(
    servers: EmbeddedServers, database: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_flight, "BUDGET_S", WAIT_S)
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
