"""Tells the registry that a venue refused an order: what is sent, and what comes back. No I/O."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.errors import InvalidRequest
from cqar.sdk.questions import Question
from cqar.sdk.shown_result import ShownResult
from cqar.sdk.transport import Call
from cqar_shared.domain.decimals import plain

ADMIN: Final = "cqc.writer.v1.RegistryAdmin"
#: A report waits for no longer: an executor has other things to do.
TIMEOUT_S: Final = 2.0
#: Of a code and of a text; what is longer is cut.
CHARS_MAX: Final = 512
_PREFIX: Final = "REJECT_REASON_"


class RejectReport(ShownResult, frozen=True):
    """What is known of a spelling and a reason, this report counted.

    Attributes:
        reason: What the order was refused for, as it was read: TICK, LOT, SIZE, NOTIONAL, PRICE,
            UNKNOWN_SYMBOL or NOT_TRADING; OTHER doubts nothing.
        reports, actors: How many were reported lately, and by how many actors.
        finding_id: The finding that they made; None: they are too few.
    """

    reason: str
    reports: int
    actors: int
    finding_id: str | None


def report_question(
    venue: str,
    symbol: str,
    code: str,
    message: str = "",
    *,
    price: Exact | None = None,
    quantity: Exact | None = None,
    occurred_at: dt.datetime | None = None,
    reason: str | None = None,
) -> Question[RejectReport]:
    """The call that reports a refused order.

    Raises:
        InvalidRequest: `reason` is none that there is, or a text is none.
        ValueError: `occurred_at` has no time zone, or a number is none.
    """
    known = {name.removeprefix(_PREFIX): number for name, number in pb.RejectReason.items()}
    if reason is not None and reason not in known:
        raise InvalidRequest(f"{reason!r} is none of {', '.join(list(known)[1:])}")
    try:
        request = pb.ReportRejectRequest(
            venue_id=venue,
            venue_symbol=symbol,
            code=str(code)[:CHARS_MAX],
            message=message[:CHARS_MAX],
            price="" if price is None else plain(exact(price)),
            quantity="" if quantity is None else plain(exact(quantity)),
            reason=known[reason] if reason is not None else pb.REJECT_REASON_UNSPECIFIED,
        )
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{error.object!r} is no text: {error.reason}") from error
    if occurred_at is not None:
        if occurred_at.tzinfo is None:
            raise ValueError(f"{occurred_at} has no time zone: give one, such as dt.UTC")
        request.occurred_at.FromDatetime(occurred_at)
    return Question(ADMIN, "ReportReject", request, pb.ReportRejectResponse, _read)


def _read(answer: pb.ReportRejectResponse) -> RejectReport:
    name = pb.RejectReason.Name(answer.reason).removeprefix(_PREFIX)
    return RejectReport(name, answer.reports, answer.actors, answer.finding_id or None)


def report_call(
    venue: str,
    symbol: str,
    code: str,
    message: str,
    details: dict[str, Any],
) -> Call:
    """The call of `report_reject`.

    Args:
        details: As of `report_question`, and `timeout_s`.

    Raises:
        InvalidRequest, ValueError: As of `report_question`.
    """
    timeout_s = details.pop("timeout_s", TIMEOUT_S)
    return Call(report_question(venue, symbol, code, message, **details), timeout_s, None)
