"""The methods of `RegistryAdmin` about orders that venues refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec.entity_codec import instant_in
from cqar_shared.domain import decimals, rules
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.domain.tradeability import current_listing
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.lists import paging
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.mutations import Mutations
from cqar_writer.reads.sessions import Reads, RegistryReader
from cqar_writer.rejects.counting import RejectCounter
from cqar_writer.rejects.reject_reasons import reason_of
from cqar_writer.services.rpc_methods import send_position
from cqar_writer.store.reject_rows import ReportedReject

#: A venue's code and its text; what is longer is cut.
CODE_CHARS_MAX: Final = 64
MESSAGE_CHARS_MAX: Final = 512
#: What is reported later than this is no evidence of now.
OLDEST: Final = dt.timedelta(days=1)
_DIGITS_MAX: Final = 19


class RejectMethods:
    """The methods; `RegistryAdminService` joins them."""

    _mutations: Mutations
    _reads: Reads
    _rejects: RejectCounter

    async def ReportReject(
        self, request: pb.ReportRejectRequest, context: Context
    ) -> pb.ReportRejectResponse:
        actor = auth.caller.get().actor
        self._rejects.require_rate(actor)
        now = self._mutations.now()
        occurred_at = _occurred_at(request, now)
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            report = await _report_of(reading, request, actor, occurred_at, now)
        counted = await self._rejects.count(report)
        return pb.ReportRejectResponse(
            reason=report.reason,  # type: ignore[arg-type]
            reports=min(counted.reports, 2**31 - 1),
            actors=counted.actors,
            finding_id=counted.finding_id,
        )

    async def ListRejects(
        self, request: pb.ListRejectsRequest, context: Context
    ) -> pb.ListRejectsResponse:
        if violations := [*paging.check_page_size(request.page_size)]:
            raise Invalid(violations)
        limit = request.page_size or paging.PAGE_MAX
        mark = paging.query_id_of("rejects", request.venue_id, request.venue_symbol)
        after = _after(request.page_token, mark)
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            if not await reading.exists(VENUE, request.venue_id):
                raise EntityNotFound(VENUE.name, request.venue_id)
            rows = await reading.rejects(request.venue_id, request.venue_symbol, after, limit + 1)
        answer = pb.ListRejectsResponse(rejects=map(_count_of, rows[:limit]))
        if len(rows) > limit:
            last = rows[limit - 1]
            parts = (_us(last["hour"]), last["venue_symbol"], last["reason"], last["actor"])
            answer.next_page_token = paging.make_token(mark, list(map(str, parts)))
        return answer


def _occurred_at(request: pb.ReportRejectRequest, now: dt.datetime) -> dt.datetime:
    """Check the request, and return when the venue refused the order.

    Raises:
        Invalid: It says what cannot be; names every violation.
    """
    occurred_at = instant_in(request, "occurred_at") or now
    violations = [*_text_violations(request), *_number_violations(request)]
    if not now - OLDEST <= occurred_at <= now + rules.CLOCKS_APART:
        text = f"must lie within the last {OLDEST.days} day"
        violations.append(FieldViolation("occurred_at", "OUT_OF_RANGE", text))
    if violations:
        raise Invalid(violations)
    return min(occurred_at, now)


def _text_violations(request: pb.ReportRejectRequest) -> Iterator[FieldViolation]:
    if not (request.code or request.message or request.reason):
        text = "the venue's code or text of the refusal, or the reason"
        yield FieldViolation("code", "REQUIRED", text)
    for field in ("venue_id", "venue_symbol", "code", "message"):
        if "\0" in getattr(request, field):
            yield FieldViolation(field, "NUL", "holds a NUL character")
    if not 0 < len(request.venue_symbol) <= rules.SYMBOL_CHARS_MAX:
        text = f"must have 1 to {rules.SYMBOL_CHARS_MAX} characters"
        yield FieldViolation("venue_symbol", "LENGTH", text)


def _number_violations(request: pb.ReportRejectRequest) -> Iterator[FieldViolation]:
    if request.reason not in pb.RejectReason.values():
        yield FieldViolation("reason", "UNKNOWN", f"{request.reason} is no reason")
    for field in ("price", "quantity"):
        try:
            _decimal(getattr(request, field))
        except ValueError as error:
            yield FieldViolation(field, "MALFORMED", str(error))


def _decimal(text: str) -> Decimal | None:
    return decimals.parse(text) if text else None


async def _report_of(
    reading: RegistryReader,
    request: pb.ReportRejectRequest,
    actor: str,
    occurred_at: dt.datetime,
    now: dt.datetime,
) -> ReportedReject:
    """Return what is reported, of the listing that the spelling means now.

    Raises:
        EntityNotFound: There is no such venue.
    """
    venue = await reading.get(VENUE, request.venue_id)
    found = await reading.find(VENUE_SYMBOL, "spelling", request.venue_id, request.venue_symbol)
    listing = current_listing(found, Instant.of(now))
    operator = venue.operator or venue.venue_id
    reason = int(request.reason) or reason_of(operator, request.code, request.message)
    return ReportedReject(
        venue_id=request.venue_id,
        venue_symbol=request.venue_symbol,
        listing_id=listing.listing_id if listing is not None else None,
        reason=reason,
        actor=actor,
        occurred_at=occurred_at,
        code=request.code[:CODE_CHARS_MAX],
        message=request.message[:MESSAGE_CHARS_MAX],
        price=_decimal(request.price),
        quantity=_decimal(request.quantity),
    )


def _count_of(row: dict[str, Any]) -> pb.RejectCount:
    count = pb.RejectCount(
        **{
            name: row[name]
            for name in (
                *("venue_id", "venue_symbol", "reason", "actor", "reports"),
                *("code", "message"),
            )
        },
        listing_id=str(row["listing_id"] or ""),
    )
    for name in ("price", "quantity"):
        if row[name] is not None:
            setattr(count, name, decimals.plain(row[name]))
    count.first_at.FromDatetime(row["first_at"])
    count.last_at.FromDatetime(row["last_at"])
    return count


def _us(instant: dt.datetime) -> int:
    return int(instant.timestamp()) * 1_000_000


def _after(token: str, mark: bytes) -> tuple[dt.datetime, str, int, str] | None:
    if not token:
        return None
    hour, spelling, reason, actor = paging.token_parts(token, mark, 4)
    at = dt.datetime.fromtimestamp(paging.whole_number(hour, _DIGITS_MAX) / 1e6, dt.UTC)
    return at, spelling, paging.whole_number(reason, 4), actor
