"""Writer and resolver as processes: TLS, limits, logs, health, traces, and an orderly end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
import trustme
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from cqar.embedded.ports import pick_ports
from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.api_key import API_KEY, Role
from cqar_shared.trust.key_text import hash_of
from cqar_writer.api_keys import create_key
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, eventually
from tests.support.entity_builders import NOW
from tests.support.service_processes import Running, service, start

pb: Any = asset_registry_pb2
Code = grpc.StatusCode
TRACE = "0af7651916cd43dd8448eb211c80319c"


def urls(servers: EmbeddedServers, database: str) -> dict[str, str]:
    return {"database_url": database, "nats_url": servers.nats, "redis_url": servers.redis}


async def calls(method: Any, request: Any, key: str, *more: tuple[str, str]) -> Any:
    return await method(request, metadata=(("x-api-key", key), *more), timeout=20)


def an_asset(symbol: str = "BTC") -> Any:
    return pb.CreateAssetRequest(symbol=symbol, name="Bitcoin", asset_type=1)


@pytest.fixture
async def key(mutations: Mutations) -> str:
    return await create_key(mutations, "tester", Role.WRITE)


async def test_it_serves_logs_and_ends_in_order(
    servers: EmbeddedServers, database: str, key: str, tmp_path: Path
) -> None:
    async with service(
        "writer", tmp_path, **urls(servers, database), mutations_per_s_max="1"
    ) as writer:
        async with grpc.aio.insecure_channel(writer.grpc) as channel:
            stub: Any = AssetRegistryStub(channel)
            created = await calls(stub.CreateAsset, an_asset(), key, ("x-request-id", "req-1"))
            await calls(stub.CreateAsset, an_asset("ETH"), key)
            limited = await refusal(calls(stub.CreateAsset, an_asset("SOL"), key))
            assert (limited.code, limited.reason) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED")
            # What is limited is changes.
            read = pb.GetAssetRequest(asset_id=created.asset.asset_id)
            assert (await calls(stub.GetAsset, read, key)).asset.symbol == "BTC"
            bad = await refusal(calls(stub.GetAsset, read, "cqar_wrong"))
            assert bad.code is Code.UNAUTHENTICATED
        await _require_health(writer)
        assert await writer.terminate() == 0
    text = writer.log.read_text()
    assert key not in text
    assert "cqar_wrong" not in text
    assert database.partition("://")[2].partition("@")[0].partition(":")[2] not in text
    lines = writer.lines()
    (logged,) = [line for line in lines if line.get("request_id") == "req-1"]
    expected = {"method": "CreateAsset", "code": "OK", "actor": "tester", "level": "INFO"}
    assert expected.items() <= logged.items()
    assert any("refused /cqc.services" in line["message"] for line in lines)
    assert any("running calls may take 30 s" in line["message"] for line in lines)


async def _require_health(writer: Running) -> None:
    status, text = await writer.get("/health/ready")
    assert status == 200
    for component in ("postgres", "nats", "redis"):
        assert f'"{component}": "ok"' in text
    assert (await writer.get("/health/live"))[0] == 200
    counted = (
        'cqar_grpc_calls_total{code="OK",method="CreateAsset"} 2.0',
        'cqar_auth_refused_total{reason="UNAUTHENTICATED"} 1.0',
        # Publishing is no part of the call.
        'cqar_event_published_total{event_type="asset_created"} 2.0',
    )

    async def all_counted() -> bool:
        text = (await writer.get("/metrics"))[1]
        return all(count in text for count in counted)

    await eventually(all_counted)


async def test_who_watches_is_sent_elsewhere_and_holds_up_no_end(
    servers: EmbeddedServers, database: str, tmp_path: Path
) -> None:
    given = {**urls(servers, database), "drain_s": "300"}
    async with service("resolver", tmp_path, **given) as resolver:
        async with grpc.aio.insecure_channel(resolver.grpc) as channel:
            watch = ResolverStub(channel).Watch(resolver_pb2.WatchRequest())
            await watch.read()
            ending = asyncio.create_task(resolver.terminate())
            assert await watch.code() is Code.UNAVAILABLE
        async with asyncio.timeout(60):
            assert await ending == 0


async def test_a_call_that_runs_is_answered_before_the_end(
    servers: EmbeddedServers, database: str, key: str, tmp_path: Path, mutations: Mutations
) -> None:
    """The call waits for the head's lock when SIGTERM comes, and is answered once it has it."""
    async with service("writer", tmp_path, **urls(servers, database)) as writer:
        async with grpc.aio.insecure_channel(writer.grpc) as channel:
            stub: Any = AssetRegistryStub(channel)
            async with mutations._engine.begin() as tx:
                await tx.exec_driver_sql("SELECT * FROM registry_head FOR UPDATE")
                waiting = asyncio.ensure_future(calls(stub.CreateAsset, an_asset(), key))
                await asyncio.sleep(0.5)
                ending = asyncio.create_task(writer.terminate())
                await asyncio.sleep(0.5)
                assert not waiting.done()
                assert (await writer.get("/health/ready"))[0] == 503
            assert (await waiting).asset.symbol == "BTC"
        assert await ending == 0


async def test_tls_asks_clients_for_certificates_where_it_is_told_to(
    servers: EmbeddedServers, database: str, key: str, tmp_path: Path
) -> None:
    authority = trustme.CA()
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "crt", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    _present(authority, files)
    client = authority.issue_cert("client")
    settings = {
        **urls(servers, database),
        "tls_certificate": str(files["crt"]),
        "tls_key": str(files["key"]),
        "tls_client_ca": str(files["ca"]),
    }
    ca, read = authority.cert_pem.bytes(), pb.ListAssetsRequest()
    mutual = grpc.ssl_channel_credentials(
        ca, client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    )
    async with service("writer", tmp_path, **settings) as writer:
        async with grpc.aio.secure_channel(writer.grpc, mutual) as channel:
            stub: Any = AssetRegistryStub(channel)
            assert (await calls(stub.ListAssets, read, key)).total_count == 0
            # A certificate is no key.
            without = await refusal(stub.ListAssets(read, timeout=20))
            assert without.code is Code.UNAUTHENTICATED
        for credentials in (grpc.ssl_channel_credentials(ca), None):
            async with _channel(writer.grpc, credentials) as channel:
                stub = AssetRegistryStub(channel)
                found = await refusal(calls(stub.ListAssets, read, key))
                assert found.code is Code.UNAVAILABLE
        before = await _serial(writer.grpc, authority, client)
        _present(authority, files)
        after = await _serial(writer.grpc, authority, client)
        assert before != after


def _present(authority: trustme.CA, files: dict[str, Path]) -> None:
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(files["key"])
    issued.cert_chain_pems[0].write_to_path(files["crt"])


def _channel(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address)
    return grpc.aio.secure_channel(address, credentials)


async def _serial(address: str, authority: trustme.CA, client: trustme.LeafCert) -> str:
    """The serial number of the certificate that a new connection is presented."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    client.configure_cert(context)
    context.set_alpn_protocols(["h2"])
    host, _, port = address.partition(":")

    def look() -> str:
        with (
            socket.create_connection((host, int(port))) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return str((secure.getpeercert() or {})["serialNumber"])

    return await asyncio.to_thread(look)


async def test_a_resolver_beyond_loopback_asks_for_a_key_and_hears_of_its_end(
    servers: EmbeddedServers,
    database: str,
    tmp_path: Path,
    mutations: Mutations,
    js: object,
) -> None:
    key = await create_key(mutations, "pod", Role.READ)
    settings = urls(servers, database)
    port = pick_ports({"grpc": 9091})["grpc"]
    open_to_all = {"grpc_listen": f"0.0.0.0:{port}", "plaintext_anywhere": "true"}
    async with (
        service("writer", tmp_path, **settings),
        service("resolver", tmp_path, **settings, **open_to_all),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub: Any = ResolverStub(channel)
        asked = resolver_pb2.GetStatusRequest()
        assert (await refusal(stub.GetStatus(asked, timeout=20))).code is Code.UNAUTHENTICATED
        assert (await calls(stub.GetStatus, asked, key)).version
        await _revoke(mutations, key)

        async def refused() -> bool:
            try:
                await calls(stub.GetStatus, asked, key)
            except grpc.aio.AioRpcError as error:
                return error.code() is Code.UNAUTHENTICATED
            return False

        await eventually(refused, 30)


async def _revoke(mutations: Mutations, key: str) -> None:
    def located(seen: Any) -> Any:
        return next(iter(seen.find("api_key", "hash", hash_of(key))), None)

    def step(found: Any) -> Any:
        return msgspec.structs.replace(found, revoked_at=NOW)

    item = Item(kind=API_KEY, intent=ChangeIntent.EVOLVE, locate=located, step=step)
    await mutations.change(item, CAUSE)


@pytest.mark.parametrize(
    ("name", "arguments", "settings", "refusal"),
    [
        ("resolver", [], {"tls_key": "k", "tls_certificate": "/no"}, "/no"),
        ("writer", [], {"redis_url": "redis://h"}, "CQAR_WRITER_INTEGRITY_KEY_FILE is not"),
        (
            *("resolver", ["--workers", "2"], {"last_good_file": "/f"}),
            "CQAR_RESOLVER_INTEGRITY_KEY_FILE is not",
        ),
    ],
    ids=["no certificate", "no key for Redis", "no key for several workers' files"],
)
async def test_it_does_not_start_with_settings_it_cannot_trust(
    name: str, arguments: list[str], settings: dict[str, str], refusal: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    given = {"database_url": "postgresql://h/db", "nats_url": "nats://h", "integrity_key_file": ""}
    process = await start(name, log, "serve", *arguments, **given, **settings)
    assert await process.wait() == 1
    text = log.read_text()
    assert refusal in text
    assert "Traceback" not in text


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Receives spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []

    async def Export(self, request: Any, context: Any) -> Any:
        for sent in request.resource_spans:
            (service_name,) = (
                a.value.string_value for a in sent.resource.attributes if a.key == "service.name"
            )
            for scope in sent.scope_spans:
                for span in scope.spans:
                    fields = MessageToDict(span, preserving_proto_field_name=True)
                    trace = span.trace_id.hex()
                    self.spans.append({**fields, "service": service_name, "trace": trace})
        return trace_service_pb2.ExportTraceServiceResponse()

    def names(self, service_name: str, trace: str) -> set[str]:
        return {
            span["name"]
            for span in self.spans
            if (span["service"], span["trace"]) == (service_name, trace)
        }


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[Collector, str]]:
    server, collector = grpc.aio.server(), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield collector, f"http://127.0.0.1:{port}"
    await server.stop(None)


async def test_one_trace_goes_from_the_call_through_sql_and_nats_to_the_resolver(
    servers: EmbeddedServers, database: str, key: str, tmp_path: Path, js: object
) -> None:
    async with collecting() as (collector, traces_url):
        settings = {**urls(servers, database), "traces_url": traces_url}
        async with (
            service("writer", tmp_path, **settings) as writer,
            service("resolver", tmp_path, **settings) as resolver,
        ):
            traced = ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")
            async with grpc.aio.insecure_channel(writer.grpc) as channel:
                stub: Any = AssetRegistryStub(channel)
                created = await calls(stub.CreateAsset, an_asset(), key, traced)
                read = pb.GetAssetRequest(asset_id=created.asset.asset_id)
                await calls(stub.GetAsset, read, key, traced)
            await _reached(resolver, created.revision)
            assert await resolver.terminate() == 0
            assert await writer.terminate() == 0
        own, other = collector.names("cqar-writer", TRACE), collector.names("cqar-resolver", TRACE)
        assert "/cqc.services.v1.AssetRegistry/CreateAsset" in own
        assert any(name.startswith("INSERT") for name in own)
        assert {"publish CQAR_CHANGES", "publish CQC_EVENTS", "MGET"} <= own
        assert "apply" in other
        # Polling is no request: nothing else was sent but what belongs to one.
        roots = [span for span in collector.spans if "parent_span_id" not in span]
        assert {span["kind"] for span in roots} <= {"SPAN_KIND_SERVER"}
        assert key not in str(collector.spans)
    assert any(line.get("trace_id") == TRACE for line in writer.lines())


async def _reached(resolver: Running, revision: int) -> None:
    async with grpc.aio.insecure_channel(resolver.grpc) as channel:
        stub: Any = ResolverStub(channel)

        async def there() -> bool:
            status = await stub.GetStatus(resolver_pb2.GetStatusRequest(), timeout=10)
            return bool(status.freshness.revision >= revision)

        await eventually(there, 20)
