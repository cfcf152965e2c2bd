"""Every method of every server, asked what nobody should ask: documented statuses, and no more.

CQAR_HOSTILE_ROUNDS says how often each method is asked (20), CQAR_HOSTILE_SEED from where on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any, Final

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.descriptor import MethodDescriptor
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support import hostile_requests
from tests.support.both_services import resolver_channel_of
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.follower_setup import NEVER_S
from tests.support.writer_server import serving

Code = grpc.StatusCode
ROUNDS: Final = int(os.environ.get("CQAR_HOSTILE_ROUNDS", "20"))
SEED: Final = int(os.environ.get("CQAR_HOSTILE_SEED", "0"))
AT_ONCE: Final = 8
TIMEOUT_S: Final = 60
#: What docs/API.md tells a client to expect of a server that is well.
DOCUMENTED: Final = frozenset(
    {
        *(Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS),
        *(Code.FAILED_PRECONDITION, Code.RESOURCE_EXHAUSTED, Code.PERMISSION_DENIED),
        *(Code.ABORTED, Code.OUT_OF_RANGE),
    }
)
NOT_REACHED: Final = "was not reached in "
MARKET: Final = (
    *(an_asset(), an_asset("USDT"), an_asset("ETH"), a_chain(), a_venue(), a_symbol()),
    *(a_venue_asset(), a_venue_symbol(listing_id=an_id("listing")), a_deployment()),
    *(an_identifier(), a_symbol_identifier(), a_group(BTC, ETH), a_flag()),
    a_relationship(BTC, USDT),
)
#: Metadata that methods read, as nobody should send it.
METADATA: Final[tuple[tuple[tuple[str, Any], ...], ...]] = (
    (),
    (),
    (("idempotency-key", "k" * 300),),
    (("idempotency-key", "k"), ("cqar-reason-bin", b"\xff\0" * 600)),
    (("cqar-reason", "r" * 2_000), ("x-request-id", "i" * 2_000)),
    (("cqar-min-revision", "9" * 19 + ":" + "9" * 19),),
    (("cqar-min-revision", "1:1"), ("idempotency-key", "k2")),
)

#: Asks a method by its full name; the status that it ends with.
Ask = Callable[[MethodDescriptor, bytes, tuple[tuple[str, Any], ...]], Awaitable[Any]]


def methods_of(*files: Any) -> list[MethodDescriptor]:
    return [
        method
        for file in files
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    ]


WRITER: Final = methods_of(asset_registry_pb2, registry_admin_pb2)
RESOLVER: Final = methods_of(asset_registry_pb2, resolver_pb2)


def asking(channel: grpc.aio.Channel, *credentials: tuple[str, str]) -> Ask:
    async def ask(method: MethodDescriptor, raw: bytes, metadata: Any) -> Any:
        name = f"/{method.containing_service.full_name}/{method.name}"
        told = (*credentials, *metadata)
        if not method.server_streaming:
            unary: Any = channel.unary_unary(name)
            call = unary(raw, metadata=told, timeout=TIMEOUT_S)
        else:
            stream: Any = channel.unary_stream(name)
            call = stream(raw, metadata=told, timeout=TIMEOUT_S)
        try:
            await (call.read() if method.server_streaming else call)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details()
        if method.server_streaming:
            call.cancel()
        return Code.OK, ""

    return ask


async def assault(methods: list[MethodDescriptor], ask: Ask) -> None:
    """Ask each method so many times, some at once; fails with all that is not documented."""
    turns, found = asyncio.Semaphore(AT_ONCE), list[str]()

    async def one(method: MethodDescriptor, seed: int) -> None:
        chance = Random(f"{method.full_name}:{seed}")
        raw = hostile_requests.request_of(method.input_type, chance)
        async with turns:
            code, text = await ask(method, raw, chance.choice(METADATA))
        # Another server may be there: whoever asks for what is not reached yet may try that.
        if code not in DOCUMENTED and (code, NOT_REACHED in text) != (Code.UNAVAILABLE, True):
            found.append(f"{method.full_name} seed {seed}: {code} {text} {raw[:200].hex()}")

    for seed in range(SEED, SEED + ROUNDS):
        await asyncio.gather(*(one(method, seed) for method in methods))
    assert found == []


@pytest.fixture
async def quiet(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Nothing may be logged as an error, and no traceback at any level."""
    yield
    noted = caplog.get_records("call")
    assert [r.getMessage() for r in noted if r.levelno >= logging.ERROR or r.exc_info] == []


@pytest.mark.usefixtures("quiet")
async def test_a_writer_answers_whatever_is_asked_as_documented(engine: AsyncEngine) -> None:
    await commit(Mutations(engine, lambda: NOW), *MARKET)
    async with serving(engine, NOW) as client:
        await assault(WRITER, asking(client.channel, ("x-api-key", client.keys[Role.ADMIN])))
        await client.call(client.admin.GetHead, registry_admin_pb2.GetHeadRequest())


@pytest.mark.usefixtures("quiet", "heads")
async def test_a_resolver_answers_whatever_is_asked_as_documented(
    database: str, servers: EmbeddedServers, engine: AsyncEngine
) -> None:
    await commit(Mutations(engine, lambda: NOW), *MARKET)
    config = ResolverConfig(
        database_url=database, nats_url=servers.nats, probe_every_s=60, stale_after_s=NEVER_S
    )
    async with resolver_channel_of(config, NOW) as (_, channel):
        await assault(RESOLVER, asking(channel))
