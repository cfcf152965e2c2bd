"""Every refusal of a server as an error of the SDK, named for what to do."""

from __future__ import annotations

import pytest
from google.rpc import code_pb2, status_pb2

import cqar
from cqar.sdk import errors
from cqar_shared import errors as e
from cqar_shared.rpc.status import CODES, to_status

VIOLATIONS = [
    e.FieldViolation("a", "REQUIRED", "is required"),
    e.FieldViolation("b", "TOO_MANY", "at most 2"),
]
BY_ERROR: list[tuple[e.RegistryError, type[cqar.CqarError]]] = [
    (e.Invalid(VIOLATIONS), cqar.InvalidRequest),
    (e.EntityNotFound("venue", "nowhere"), cqar.NotFound),
    (e.Exists("there"), cqar.AlreadyExists),
    (e.InUse("used"), cqar.Unsupported),
    (e.TooLarge("large"), cqar.Busy),
    (e.Misdirected("the writer answers"), cqar.Unsupported),
    (e.Unimplemented("not yet"), cqar.Unsupported),
    (e.Unauthenticated("no key"), cqar.Denied),
    (e.Forbidden("not yours"), cqar.Denied),
    (e.Conflict("moved on"), cqar.EpochChanged),
    (e.MovedOn("read it again"), cqar.EpochChanged),
    (e.AlreadyDecided("by ann"), cqar.EpochChanged),
    (e.EpochEnded("epoch 1 has ended"), cqar.EpochChanged),
    (e.OutOfRange("gone"), cqar.NotKept),
    (e.TooMany("wait"), cqar.Busy),
    (e.DataLoss("venues", "binance"), cqar.CqarError),
    (e.ServiceNotReady("loading"), cqar.NotReady),
    (e.Fenced("a later database is the registry's"), cqar.NotReady),
]


@pytest.mark.parametrize(("error", "expected"), BY_ERROR, ids=lambda value: str(value)[:30])
def test_a_servers_error_keeps_its_reason_and_text(
    error: e.RegistryError, expected: type[cqar.CqarError]
) -> None:
    raised = errors.error_of_status(to_status(error))
    assert type(raised) is expected
    assert raised.reason == error.reason
    assert str(error) in str(raised)


def test_every_error_of_a_server_is_tried_here() -> None:
    assert {type(error) for error, _ in BY_ERROR} == set(CODES)


def test_an_invalid_request_names_every_field() -> None:
    raised = errors.error_of_status(to_status(e.Invalid(VIOLATIONS)))
    assert [(v.field, v.reason, v.message) for v in raised.violations] == VIOLATIONS


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (code_pb2.DEADLINE_EXCEEDED, cqar.TimedOut),
        (code_pb2.UNAVAILABLE, cqar.NotReady),
        (code_pb2.INTERNAL, cqar.CqarError),
    ],
)
def test_a_code_without_details_is_an_error_too(code: int, expected: type[Exception]) -> None:
    for error in (
        errors.error_of_code(code, "why"),
        errors.error_of_status(status_pb2.Status(code=code, message="why")),
    ):
        assert (type(error), error.reason) == (expected, "")
