"""What one request may be: refused by its bytes, on the servers as they run, before it is built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from grpc_reflection.v1alpha import reflection_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.rpc import request_limits
from cqar_shared.sql import entity_queries
from cqar_shared.sql.tables import tables_of
from tests.support.both_services import resolver_channel_of
from tests.support.call_errors import Refusal, refusal
from tests.support.entity_builders import NOW
from tests.support.follower_setup import NEVER_S
from tests.support.writer_server import Client, serving
from tests.unit.shared.rpc.test_wire_scan import GROUP_TAG, ITEMS_TAG, LISTING_TAG, sized

#: Requests are made from plain values, numbers out of range included.
pb: Any = asset_registry_pb2
Code = grpc.StatusCode
ADMIN = "/cqc.writer.v1.RegistryAdmin/"
REGISTRY = "/cqc.services.v1.AssetRegistry/"
RESOLVER = "/cqc.resolver.v1.Resolver/"


@pytest.fixture
async def client_(engine: AsyncEngine) -> AsyncIterator[Client]:
    async with serving(engine, NOW) as client:
        yield client


@pytest.fixture
async def resolver_channel(
    database: str, servers: EmbeddedServers
) -> AsyncIterator[grpc.aio.Channel]:
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=60, stale_after_s=NEVER_S
    )
    async with resolver_channel_of(config, NOW) as (_, channel):
        yield channel


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message may be built of a request that was looked at."""

    def built(_: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr("cqar_shared.rpc.wire_scan.pieces", built)


async def changed(client: Client, method: str, raw: bytes) -> Refusal:
    call: Any = client.channel.unary_unary(method)
    metadata = (("x-api-key", client.keys[Role.ADMIN]),)
    return await refusal(call(raw, metadata=metadata, timeout=30))


@pytest.mark.usefixtures("unbuilt")
@pytest.mark.parametrize("tag", [0x1A, 0x22], ids=["kinds", "venue_ids"])
async def test_a_watch_of_four_million_empty_names_is_refused_by_its_size(
    resolver_channel: grpc.aio.Channel, tag: int
) -> None:
    call: Any = resolver_channel.unary_stream(RESOLVER + "Watch")
    raw = bytes([tag, 0]) * 4_000_000

    async def first() -> Any:
        return await call(raw, timeout=30).read()

    # By gRPC, which does not even take it in.
    found = await refusal(first())
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "")
    raw = bytes([tag, 0]) * 400_000
    found = await refusal(first())
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert f"at most {request_limits.REQUEST_BYTES_MAX} of this method" in found.text
    raw = bytes([tag, 0]) * 30_000
    found = await refusal(first())
    assert found.code == Code.INVALID_ARGUMENT
    assert {reason for _, reason in found.violations} == {"TOO_MANY"}


@pytest.mark.usefixtures("unbuilt")
async def test_an_apply_of_a_million_parts_is_refused_before_it_is_built(client_: Client) -> None:
    requests = {
        "asset_group.members": sized(GROUP_TAG, b"\x22\x00" * 1_700_000),
        "venue_symbol.tick_bands": sized(LISTING_TAG, b"\xc2\x06\x00" * 1_000_000),
        "venue_asset.other_codes": sized(0x5A, b"\xaa\x06\x00" * 1_000_000),
        "asset.name": sized(ITEMS_TAG, sized(0x1A, b"x" * 14_000_000)),
    }
    for path, inner in requests.items():
        found = await changed(client_, ADMIN + "Apply", sized(ITEMS_TAG, inner))
        assert found.code == Code.INVALID_ARGUMENT
        reason = "TOO_LONG" if path.endswith("name") else "TOO_MANY"
        assert found.violations == {(f"items[0].{path}", reason)}


@pytest.mark.usefixtures("unbuilt")
async def test_parts_by_the_thousand_are_refused_before_they_are_built(client_: Client) -> None:
    for method, raw in (
        ("CreateAssetGroup", b"\xaa\x06\x00" * 100_000),
        ("CreateVenueSymbol", b"\xd2\x06\x00" * 20_000),
        ("CreateVenueAsset", b"\xb2\x06\x00" * 20_000),
        ("CreateChain", b"\xb2\x06\x00" * 100_000),
        ("UpdateVenueAsset", b"\x4a\x00" * 30_000),
        ("UpdateVenueSymbol", b"\x42\x00" * 30_000),
    ):
        found = await changed(client_, REGISTRY + method, raw)
        assert found.code == Code.INVALID_ARGUMENT, method
        assert [reason for _, reason in found.violations] == ["TOO_MANY"], method


async def test_a_name_of_14_mib_is_refused_by_its_size(client_: Client) -> None:
    found = await changed(client_, REGISTRY + "CreateAsset", sized(0x12, b"x" * 14_000_000))
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")


async def test_who_may_not_call_is_told_so_and_nothing_of_the_request(client_: Client) -> None:
    call: Any = client_.channel.unary_unary(ADMIN + "Apply")
    for key, code in (("x", Code.UNAUTHENTICATED), (None, Code.PERMISSION_DENIED)):
        metadata = (("x-api-key", key or client_.keys[Role.READ]),)
        found = await refusal(call(b"\x0a\x00" * 6_000, metadata=metadata, timeout=30))
        assert found.code == code


async def test_a_request_of_a_stream_that_cannot_be_read_asks_for_nothing(
    database: str, servers: EmbeddedServers
) -> None:
    config = ResolverConfig(database_url=database, nats_url=servers.nats, reflection=True)
    async with resolver_channel_of(config, NOW) as (_, channel):
        reflection: Any = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        for raw in (b"\x3a" + b"\xff" * 9, sized(0x3A, b"x" * 100_000), b"\xf8\x3f\x00" * 40_000):
            call = reflection(iter([raw]), timeout=30)
            answer = await call.read()
            assert answer.error_response.error_code == Code.INVALID_ARGUMENT.value[0]
            call.cancel()


async def test_a_batch_of_more_keys_is_refused_whatever_its_size(
    resolver_channel: grpc.aio.Channel,
) -> None:
    call: Any = resolver_channel.unary_unary(RESOLVER + "ResolveBatch")
    for number in (2_001, 500_000):
        found = await refusal(call(b"\x0a\x00" * number, timeout=30))
        assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
        assert "split them" in found.text


async def test_a_request_of_many_items_is_read_apart_from_the_event_loop(
    client_: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    async def to_thread(work: Any, *args: Any, **kwargs: Any) -> Any:
        threads.append(getattr(work, "__name__", str(work)))
        return work(*args, **kwargs)

    monkeypatch.setattr("asyncio.to_thread", to_thread)
    request = registry_admin_pb2.ApplyRequest(dry_run=True)
    for number in range(1_000):
        request.items.add().asset.name = f"An asset of the number {number}"
    await client_.call(client_.admin.Apply, request, Role.ADMIN)
    assert {"parsed", "_items_of", "prefetch", "judge", "FromString"} <= set(threads)


# ---------------------------------------------------------------- numbers


async def test_a_severity_out_of_range_is_an_invalid_argument(client_: Client) -> None:
    for severity in (6, 40_000, 2**31 - 1, -1, -(2**31)):
        request = pb.SearchAssetsRequest(query="BTC", max_flag_severity=severity)
        found = await refusal(client_.call(client_.registry.SearchAssets, request, Role.READ))
        assert found.code == Code.INVALID_ARGUMENT
        assert found.violations == {("max_flag_severity", "UNKNOWN")}


async def test_a_revision_that_never_was_is_not_looked_for(
    client_: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def replayed(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("cqar_writer.reads.entity_history.state_at", replayed)
    for revision in (1_000, 2**63 - 1, 2**64 - 1):
        export: Any = client_.admin.Export
        metadata = (("x-api-key", client_.keys[Role.READ]),)
        call = export(registry_admin_pb2.ExportRequest(revision=revision), metadata=metadata)
        assert (await refusal(call.read())).code == Code.NOT_FOUND


def test_no_number_is_stored_that_its_column_cannot_hold() -> None:
    for column in (c for kind in KINDS for table in tables_of(kind) for c in table.c):
        if isinstance(column.type, sa.Integer):
            bits = {sa.SmallInteger: 15, sa.BigInteger: 63}.get(type(column.type), 31)
            assert entity_queries.storable(column, 2**bits - 1)
            assert not entity_queries.storable(column, 2**bits)
            assert not entity_queries.storable(column, -1)
