"""A merged asset's id answers with what it was merged into, wherever it is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
import pytest
from cqc.assets.v1.identifier_pb2 import DATA_SOURCE_COINGECKO as COINGECKO
from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_shared.replication import positions
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support.both_services import TIMEOUT_S, resolver_channel_of
from tests.support.call_errors import refusal
from tests.support.commits import commit, drain, eventually, head_of, outbox_rows
from tests.support.entity_builders import (
    ETH,
    NOW,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.finding_calls import People
from tests.support.follower_setup import NEVER_S, stands_at
from tests.support.writer_server import serving

OLD, NEW = an_id("litentry found"), an_id("litentry")
OLD_USDT, NEW_USDT = a_symbol(base_asset_id=OLD), a_symbol(base_asset_id=NEW)
HOUR = dt.timedelta(hours=1)
MARKET = (
    an_asset("LIT", asset_id=OLD, name="LIT at Gate", asset_type=None, unverified=True),
    an_asset("LIT", asset_id=NEW, name="Litentry"),
    *(an_asset("USDT"), an_asset("ETH"), a_venue("gate"), a_venue(), a_chain()),
    *(OLD_USDT, NEW_USDT),
    a_deployment(asset_id=OLD),
    an_identifier(asset_id=OLD, is_primary=True),
    a_flag(asset_id=OLD, severity=FlagSeverity.CRITICAL),
    a_group(OLD, ETH),
    a_venue_asset(venue_id="gate", asset_id=OLD, venue_asset_symbol="LIT"),
    a_venue_symbol(
        venue_id="gate",
        venue_symbol="LIT_USDT",
        symbol_id=OLD_USDT.symbol_id,
        listing_id=an_id("gate"),
        listed_at=NOW - 48 * HOUR,
    ),
    a_venue_symbol(venue_symbol="LITUSDT", symbol_id=NEW_USDT.symbol_id, listing_id=an_id("b")),
)


class Place(NamedTuple):
    """A writer with people that ask it, and a resolver."""

    people: People
    resolver: Resolver
    channel: grpc.aio.Channel
    engine: AsyncEngine
    relay: ChangeRelay

    async def asked(self, method: str, request: Any) -> Any:
        """What the resolver answers at the writer's newest revision."""
        await drain(self.relay)
        head = await head_of(self.engine)
        await eventually(
            lambda: stands_at(self.resolver.view, head.epoch, head.revision), TIMEOUT_S
        )
        stub: Any = AssetRegistryStub(self.channel)
        if not hasattr(stub, method):
            stub = ResolverStub(self.channel)
        return await getattr(stub, method)(request, timeout=TIMEOUT_S)

    async def written(self, method: str, request: Any) -> Any:
        client = self.people.client
        return await client.call(getattr(client.registry, method), request)

    async def merge(self, actor: str, source: str = OLD, target: str = NEW) -> Any:
        request = admin.MergeAssetsRequest(
            from_asset_id=source, to_asset_id=target, reason="the same contract"
        )
        return await self.people.call(actor, "MergeAssets", request)

    async def unmerge(self, asset_id: str = OLD) -> Any:
        request = admin.UnmergeAssetRequest(asset_id=asset_id, reason="it was another coin")
        return await self.people.call("alice", "UnmergeAsset", request)


@pytest.fixture
async def place(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
    mutations: Mutations,
) -> AsyncIterator[Place]:
    await commit(mutations, *MARKET)
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=0.5, stale_after_s=NEVER_S
    )
    now = NOW + HOUR
    async with serving(engine, now) as client, resolver_channel_of(config, now) as served:
        resolver, channel = served
        yield Place(People(client, mutations), resolver, channel, engine, relay)


async def test_two_people_merge_and_the_old_id_answers_everywhere(place: Place) -> None:
    asked = await place.merge("alice")
    assert asked.finding.state == finding_pb2.FINDING_STATE_OPEN
    assert asked.preview.counts["venue_symbol"] == 1
    assert (await place.asked("GetAsset", pb.GetAssetRequest(asset_id=OLD))).asset.asset_id == OLD
    assert (await refusal(place.merge("alice"))).code is grpc.StatusCode.PERMISSION_DENIED
    agreed = await place.people.decide("bob", asked.finding.finding_id)
    assert agreed.finding.state == finding_pb2.FINDING_STATE_APPROVED

    for ask in (place.asked, place.written):
        asset = (await ask("GetAsset", pb.GetAssetRequest(asset_id=OLD))).asset
        assert asset.asset_id == NEW
        symbol = (await ask("GetSymbol", pb.GetSymbolRequest(symbol_id=OLD_USDT.symbol_id))).symbol
        assert symbol.symbol_id == NEW_USDT.symbol_id
        row = await ask("GetVenueAsset", pb.GetVenueAssetRequest(venue_id="gate", asset_id=OLD))
        assert row.venue_asset.asset_id == NEW
        named = await ask(
            "GetAssetIdentifier", pb.GetAssetIdentifierRequest(asset_id=OLD, source=COINGECKO)
        )
        assert named.identifier.external_id == "bitcoin"
        checked = await ask("CheckAssetTradeable", pb.CheckAssetTradeableRequest(asset_id=OLD))
        assert not checked.tradeable
        flags = await ask("ListQualityFlags", pb.ListQualityFlagsRequest(asset_id=OLD))
        assert [flag.asset_id for flag in flags.flags] == [NEW]
        deployments = await ask(
            "ListAssetDeployments", pb.ListAssetDeploymentsRequest(asset_id=OLD)
        )
        assert [each.asset_id for each in deployments.deployments] == [NEW]
        symbols = await ask("ListSymbols", pb.ListSymbolsRequest(base_asset_id=OLD))
        assert [each.symbol_id for each in symbols.symbols] == [NEW_USDT.symbol_id]
        listed = await ask(
            "ListVenueSymbols", pb.ListVenueSymbolsRequest(symbol_id=OLD_USDT.symbol_id)
        )
        assert {each.venue_symbol for each in listed.venue_symbols} == {"LIT_USDT", "LITUSDT"}
        assets = (await ask("ListAssets", pb.ListAssetsRequest())).assets
        assert NEW in {a.asset_id for a in assets}
        assert OLD not in {a.asset_id for a in assets}

    resolve = resolver_pb2.ResolveAssetRequest(asset_id=OLD)
    assert (await place.asked("ResolveAsset", resolve)).asset.asset_id == NEW
    spelled = await place.asked(
        "FindVenueSymbols",
        resolver_pb2.FindVenueSymbolsRequest(symbol_id=OLD_USDT.symbol_id),
    )
    assert len(spelled.venue_symbols) == 2
    group = await place.asked("ExpandGroup", resolver_pb2.ExpandGroupRequest(name="all-eth"))
    assert {member.asset.asset_id for member in group.members} == {NEW, ETH}
    for instant in (None, NOW - 24 * HOUR):
        request = resolver_pb2.ResolveRequest(venue_id="gate", venue_symbol="LIT_USDT")
        if instant is not None:
            request.as_of.FromDatetime(instant)
        found = (await place.asked("Resolve", request)).resolution
        assert (found.venue_symbol.listing_id, found.venue_symbol.symbol_id) == (
            *(an_id("gate"), NEW_USDT.symbol_id),
        )
        assert (found.symbol.symbol_id, found.base_asset.asset_id) == (*(NEW_USDT.symbol_id, NEW),)
    hits = await place.written("SearchAssets", pb.SearchAssetsRequest(query="LIT at Gate"))
    assert [asset.asset_id for asset in hits.assets] == [NEW]


async def test_unmerging_restores_every_reference(place: Place) -> None:
    before = await _state(place)
    asked = await place.merge("alice")
    await place.people.decide("bob", asked.finding.finding_id)
    assert await _state(place) != before
    await place.unmerge()
    assert await _state(place) == before
    asset = (await place.asked("GetAsset", pb.GetAssetRequest(asset_id=OLD))).asset
    assert asset.asset_id == OLD
    subjects = [
        event.subject
        for row in await outbox_rows(place.engine)
        for event in replication_pb2.DomainEvents.FromString(positions.unpack(row.events)).events
    ]
    merged, unmerged = (f"cqc.events.v1.asset_{word}" for word in ("merged", "unmerged"))
    assert (subjects.count(merged), subjects.count(unmerged)) == (1, 1)
    assert events_pb2.AssetMerged.DESCRIPTOR.name == "AssetMerged"
    again = await place.merge("alice")
    assert again.finding.finding_id != asked.finding.finding_id


async def test_nothing_is_merged_that_cannot_be(place: Place) -> None:
    refused = await refusal(place.merge("alice", NEW, OLD))
    assert refused.violations == {("to_asset_id", "UNVERIFIED")}
    assert (await refusal(place.unmerge())).violations == {("asset_id", "NOT_MERGED")}
    request = admin.MergeAssetsRequest(
        from_asset_id=NEW, to_asset_id=OLD, reason="try", dry_run=True
    )
    answer = await place.people.call("alice", "MergeAssets", request)
    assert [v.reason for v in answer.preview.violations] == ["UNVERIFIED"]


async def _state(place: Place) -> dict[str, Any]:
    """Every entity of Export but findings and keys, without the time of its last change."""
    client = place.people.client
    state: dict[str, Any] = {}
    metadata = (("authorization", f"Bearer {next(iter(client.keys.values()))}"),)
    async for part in client.admin.Export(admin.ExportRequest(), metadata=metadata, timeout=10):
        for item in part.items:
            field = item.WhichOneof("change")
            message = getattr(item, field)
            if field in {"finding", "api_key"}:
                continue
            if "updated_at" in message.DESCRIPTOR.fields_by_name:
                message.ClearField("updated_at")
            state[f"{field} {str(message)[:80]}"] = message
    return state
