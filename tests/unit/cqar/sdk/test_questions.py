"""What the SDK asks, what it makes of a refusal, and what it carries from answer to answer."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from google.rpc import code_pb2, status_pb2

import cqar
from cqar.sdk import errors, questions
from cqar.sdk.async_api import AsyncApi
from cqar.sdk.grpc_transport import KEEPALIVE_MS
from cqar.sdk.session_position import SessionPosition
from cqar.sdk.sync_api import SyncApi
from cqar_resolver.services import watch_stream
from cqar_shared import errors as e
from cqar_shared.rpc.grpc_server import AIO_OPTIONS, CONNECTION_OPTIONS
from cqar_shared.rpc.status import CODES, to_status

ONE_OF_EACH = (
    e.Invalid([e.FieldViolation("venue_id", "REQUIRED", "is required")]),
    e.EntityNotFound("venue", "nowhere"),
    e.Exists("there"),
    e.InUse("used"),
    e.TooLarge("large"),
    e.Misdirected("the writer answers"),
    e.Unimplemented("not yet"),
    e.Unauthenticated("no key"),
    e.Forbidden("not yours"),
    e.Conflict("moved on"),
    e.EpochEnded("epoch 1 has ended"),
    e.OutOfRange("gone"),
    e.TooMany("wait"),
    e.DataLoss("venues", "binance"),
    e.ServiceNotReady("loading"),
    e.Fenced("a later database is the registry's"),
)


def test_every_error_of_a_server_is_one_of_ours_with_its_reason_and_words() -> None:
    assert {type(error) for error in ONE_OF_EACH} == set(CODES)
    for error in ONE_OF_EACH:
        found = errors.error_of_status(to_status(error))
        assert found.reason == error.reason
        assert str(error) in str(found)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (e.EntityNotFound("venue", "x"), cqar.NotFound),
        (e.Invalid([]), cqar.InvalidRequest),
        (e.Unauthenticated(""), cqar.Denied),
        (e.Forbidden(""), cqar.Denied),
        (e.Misdirected(""), cqar.Unsupported),
        (e.Unimplemented(""), cqar.Unsupported),
        (e.EpochEnded(""), cqar.EpochChanged),
        (e.OutOfRange(""), cqar.NotKept),
        (e.TooMany(""), cqar.Busy),
        (e.TooLarge(""), cqar.Busy),
        (e.ServiceNotReady(""), cqar.NotReady),
        (e.Fenced(""), cqar.NotReady),
    ],
)
def test_an_error_is_named_for_what_to_do(
    error: e.RegistryError, ours: type[cqar.CqarError]
) -> None:
    assert type(errors.error_of_status(to_status(error))) is ours


def test_an_invalid_request_names_every_field() -> None:
    given = [
        e.FieldViolation("a", "REQUIRED", "is required"),
        e.FieldViolation("b", "TOO_MANY", "at most 2"),
    ]
    found = errors.error_of_status(to_status(e.Invalid(given)))
    assert [(v.field, v.reason, v.message) for v in found.violations] == given


def test_a_status_that_nobody_explained_is_an_error_all_the_same() -> None:
    assert type(errors.error_of_code(code_pb2.DEADLINE_EXCEEDED, "late")) is cqar.TimedOut
    assert type(errors.error_of_code(code_pb2.UNAVAILABLE, "refused")) is cqar.NotReady
    assert type(errors.error_of_code(code_pb2.INTERNAL, "internal error")) is cqar.CqarError
    bare = errors.error_of_status(status_pb2.Status(code=code_pb2.NOT_FOUND, message="gone"))
    assert (type(bare), bare.reason) == (cqar.NotFound, "")


# ---------------------------------------------------------------- questions


def test_a_batch_is_asked_in_as_few_pieces_as_it_takes_in_order() -> None:
    keys = [("binance", f"S{number}") for number in range(4_500)]
    batches = list(questions.resolve_batches(keys))
    asked: list[Any] = [key for q in batches for key in q.request.keys]  # type: ignore[attr-defined]
    assert [len(q.request.keys) for q in batches] == [2_000, 2_000, 500]  # type: ignore[attr-defined]
    assert [(key.venue_id, key.venue_symbol) for key in asked] == keys
    assert list(questions.resolve_batches([])) == []


def test_an_answer_of_another_length_than_its_batch_is_refused() -> None:
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
def test_an_asset_is_asked_for_by_one_name(names: dict[str, str], by: str) -> None:
    empty = dict.fromkeys(("asset_id", "venue", "code", "chain", "address", "source"), "")
    request: Any = questions.asset({**empty, **names}).request
    assert request.WhichOneof("by") == by


@pytest.mark.parametrize(
    "names",
    [{}, {"venue": "kraken"}, {"asset_id": "x", "venue": "kraken"}, {"code": "XXBT"}],
)
def test_an_asset_with_no_name_or_two_is_not_asked_for(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="give asset_id"):
        questions.asset(names)


def test_a_group_is_asked_for_by_name_or_id() -> None:
    assert questions.group("all-eth", "").request == pb.ExpandGroupRequest(name="all-eth")
    assert questions.group("", "x").request == pb.ExpandGroupRequest(group_id="x")
    for name, group_id in (("", ""), ("a", "b")):
        with pytest.raises(TypeError, match="name or group_id"):
            questions.group(name, group_id)


def test_an_order_is_asked_about_in_exact_text() -> None:
    request: Any = questions.check_order(("b", "S"), "64000.10", 3, "buy", "reduce").request
    assert (request.price, request.quantity) == ("64000.1", "3")
    assert (request.side, request.intent) == (pb.ORDER_SIDE_BUY, pb.ORDER_INTENT_REDUCE)
    with pytest.raises(TypeError):
        questions.check_order(("b", "S"), 0.1, 1, "buy", "open")  # type: ignore[arg-type]


def test_both_forms_of_the_interface_ask_the_same_in_the_same_words() -> None:
    def asks(form: type) -> dict[str, dict[str, object]]:
        methods = inspect.getmembers(form, inspect.isfunction)
        parameters = {name: inspect.signature(method).parameters for name, method in methods}
        return {
            name: {p.name: (p.kind, p.default, p.annotation) for p in found.values()}
            for name, found in parameters.items()
            if name != "__init__"
        }

    assert asks(SyncApi) == asks(AsyncApi)
    assert {"resolve", "resolve_batch", "watch", "wait_ready"} <= asks(SyncApi).keys()


# ---------------------------------------------------------------- positions


def test_a_position_is_read_as_it_is_written() -> None:
    assert cqar.Position.parse("1:42") == (1, 42)
    assert str(cqar.Position(1, 42)) == "1:42"
    for text in ("", "42", "1:", "1:x", "-1:2", "1:2:3"):
        with pytest.raises(ValueError, match="EPOCH:REVISION"):
            cqar.Position.parse(text)
    told = (("other", b"x"), ("cqar-revision", "42"), ("cqar-epoch", "1"))
    assert cqar.Position.of(told) == (1, 42)
    assert cqar.Position.of(told[:2]) is None
    assert cqar.Position.of(None) is None


def test_what_is_carried_never_goes_back_until_it_is_forgotten() -> None:
    session = SessionPosition("seen")
    for position, held in (((1, 5), (1, 5)), ((1, 4), (1, 5)), ((2, 1), (2, 1)), ((1, 9), (2, 1))):
        session.observe(cqar.Position(*position))
        assert session.position == held
    session.observe(None)
    assert session.position == (2, 1)
    session.forget()
    assert session.position is None


def test_where_only_what_is_told_counts_what_is_seen_does_not() -> None:
    session = SessionPosition("told")
    session.observe(cqar.Position(1, 5))
    assert session.position is None
    session.require(cqar.Position(1, 3))
    assert session.position == (1, 3)
    with pytest.raises(ValueError, match="'seen' or 'told'"):
        SessionPosition("carry")  # type: ignore[arg-type]


def test_clients_ping_no_more_often_than_servers_take() -> None:
    assert dict(AIO_OPTIONS)["grpc.http2.min_ping_interval_without_data_ms"] < KEEPALIVE_MS
    assert dict(CONNECTION_OPTIONS)["grpc.keepalive_permit_without_calls"] == 1


def test_a_watch_is_told_to_begin_anew_before_its_connection_is_ended() -> None:
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
