"""Requests of the SDK, both call surfaces, and what a client needs of servers and imports."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from cqar.sdk import questions
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.grpc_transport import KEEPALIVE_MS
from cqar.sdk.sync_api import SyncApi
from cqar_resolver.services import watch_stream
from cqar_shared.rpc.grpc_server import AIO_OPTIONS, CONNECTION_OPTIONS


def test_a_batch_is_sent_in_as_few_requests_as_it_takes_in_order() -> None:
    keys = [("binance", f"S{number}") for number in range(4_500)]
    batches = list(questions.resolve_batches(keys))
    sent: list[Any] = [key for q in batches for key in q.request.keys]  # type: ignore[attr-defined]
    assert [len(q.request.keys) for q in batches] == [2_000, 2_000, 500]  # type: ignore[attr-defined]
    assert [(key.venue_id, key.venue_symbol) for key in sent] == keys
    assert list(questions.resolve_batches([])) == []


def test_a_response_of_another_length_than_its_batch_is_refused() -> None:
    (question,) = questions.resolve_batches([("binance", "A"), ("binance", "B")])
    missed = pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND)
    with pytest.raises(ValueError, match="shorter"):
        question.read(pb.ResolveBatchResponse(resolutions=[missed]))


@pytest.mark.parametrize(
    ("names", "by"),
    [
        ({"asset_id": "x"}, "asset_id"),
        ({"venue": "kraken", "code": "XXBT"}, "venue_code"),
        ({"chain": "ethereum", "address": "0x"}, "contract"),
        ({"source": "COINGECKO", "external_id": "bitcoin"}, "external_id"),
    ],
)
def test_an_asset_is_named_in_one_way(names: dict[str, str], by: str) -> None:
    empty = dict.fromkeys(("asset_id", "venue", "code", "chain", "address", "source"), "")
    request: Any = questions.asset({**empty, **names}).request
    assert request.WhichOneof("by") == by


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        ({"symbol_id": "x"}, {"symbol_id"}),
        ({"source": "FIGI", "external_id": "BBG000BLNQ16"}, {"data_source", "external_id"}),
        ({"source": "GLASSNODE", "external_id": "x"}, {"data_source", "external_id"}),
    ],
)
def test_a_symbol_is_named_in_one_way(names: dict[str, str], fields: set[str]) -> None:
    request: Any = questions.symbol(names).request
    assert {field.name for field, _ in request.ListFields()} == fields


@pytest.mark.parametrize("names", [{}, {"source": "FIGI"}, {"symbol_id": "x", "source": "FIGI"}])
def test_a_symbol_with_no_name_or_two_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="give symbol_id, or source and external_id"):
        questions.symbol(names)


@pytest.mark.parametrize(
    "names",
    [{}, {"venue": "kraken"}, {"asset_id": "x", "venue": "kraken"}, {"code": "XXBT"}],
)
def test_an_asset_with_no_name_or_two_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="give asset_id"):
        questions.asset(names)


def test_a_group_is_named_by_name_or_id() -> None:
    assert questions.group("all-eth", "").request == pb.ExpandGroupRequest(name="all-eth")
    assert questions.group("", "x").request == pb.ExpandGroupRequest(group_id="x")
    for name, group_id in (("", ""), ("a", "b")):
        with pytest.raises(TypeError, match="name or group_id"):
            questions.group(name, group_id)


def test_an_order_is_sent_as_exact_text() -> None:
    request: Any = questions.check_order(("b", "S"), "64000.10", 3, "buy", "reduce").request
    assert (request.price, request.quantity) == ("64000.1", "3")
    assert (request.side, request.intent) == (pb.ORDER_SIDE_BUY, pb.ORDER_INTENT_REDUCE)
    assert (request.order_kind, request.reference_price) == (pb.ORDER_KIND_UNSPECIFIED, "")
    order = (None, 1, "buy", "open", cqar.OrderKind.MARKET, "64000.0")
    request = questions.check_order(("b", "S"), *order).request
    assert (request.order_kind, request.reference_price) == (pb.ORDER_KIND_MARKET, "64000")
    with pytest.raises(TypeError):
        questions.check_order(("b", "S"), 0.1, 1, "buy", "open")  # type: ignore[arg-type]


def test_both_call_surfaces_have_the_same_methods_and_parameters() -> None:
    def parameters_of(surface: type) -> dict[str, dict[str, object]]:
        methods = inspect.getmembers(surface, inspect.isfunction)
        parameters = {name: inspect.signature(method).parameters for name, method in methods}
        return {
            name: {p.name: (p.kind, p.default, p.annotation) for p in found.values()}
            for name, found in parameters.items()
            if name != "__init__"
        }

    assert parameters_of(SyncApi) == parameters_of(AsyncApi)
    assert {"resolve", "resolve_batch", "watch", "wait_ready"} <= parameters_of(SyncApi).keys()


def test_clients_ping_no_more_often_than_servers_accept() -> None:
    assert dict(AIO_OPTIONS)["grpc.http2.min_ping_interval_without_data_ms"] < KEEPALIVE_MS
    assert dict(CONNECTION_OPTIONS)["grpc.keepalive_permit_without_calls"] == 1


def test_a_watch_ends_before_its_connection_does() -> None:
    assert dict(AIO_OPTIONS)["grpc.max_connection_age_grace_ms"] > watch_stream.WATCH_S_MAX * 1000


def test_a_client_imports_nothing_that_only_a_replica_needs() -> None:
    program = (
        "import cqar, sys; cqar.Client, cqar.instrument, cqar.ccxt_markets; print(*sys.modules)"
    )
    command = (sys.executable, "-c", program)
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "asyncpg", "nats", "redis", "aiohttp", "ccxt", "click", "resolver"}
    imported = set(ran.stdout.split())
    assert "cqar.sdk.client" in imported
    assert not imported & heavy


def test_a_word_of_an_enumeration_may_be_typed_as_on_the_command_line() -> None:
    assert cqar.Side("BUY") is cqar.Side("buy") is cqar.Side.BUY
    assert cqar.Intent("post-only") is cqar.Intent.POST_ONLY
    assert cqar.SymbolType("perpetual") is cqar.SymbolType.PERPETUAL
    with pytest.raises(ValueError, match="'byu' is no Side: give one of BUY, SELL"):
        cqar.Side("byu")
