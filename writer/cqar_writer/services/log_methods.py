"""The method of `RegistryAdmin` that tells the log of all changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.near_names import did_you_mean
from cqar_shared.errors import EntityNotFound, FieldViolation, Forbidden, Invalid
from cqar_shared.lists import paging
from cqar_shared.replication.positions import NUMBER_MAX, LogPosition, position_of
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.request_limits import FILTERS_MAX
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.reads.logged_changes import LogPage, LogQuery, hidden_kinds
from cqar_writer.services.rpc_methods import send_position
from cqar_writer.store import entity_rows, outbox

PAGE_MAX: Final = 500
PAGE_SIZE: Final = 200
_DIGITS_MAX: Final = 19


class LogMethods:
    """The method; `RegistryAdminService` joins it."""

    _engine: AsyncEngine
    _database: PrimaryDatabase

    async def ListChanges(
        self, request: pb.ListChangesRequest, context: Context
    ) -> pb.ListChangesResponse:
        is_admin = auth.caller.get().role >= Role.ADMIN
        _check(request, is_admin=is_admin)
        mark = paging.query_id_of(
            "log",
            str(request.after_revision) if request.HasField("after_revision") else "newest",
            *(str(entity_codec.instant_in(request, name)) for name in ("since", "until")),
            *(*request.actors, "/", *request.kinds, "/", *request.venue_ids),
            str(request.without_before),
        )
        async with self._engine.connect() as tx:
            position = position_of(await self._database.place(tx))
            await _require_venues(tx, request.venue_ids)
            query = await _query_of(tx, request, position, mark, is_admin=is_admin)
            page = LogPage(query)
            await page.read(tx)
        send_position(context, position.epoch, position.revision)
        answer = pb.ListChangesResponse(
            changes=page.changes, revision=max(page.complete_until, 0), epoch=position.epoch
        )
        if page.next is not None:
            answer.next_page_token = paging.make_token(mark, [str(n) for n in page.next])
        return answer


def _check(request: pb.ListChangesRequest, *, is_admin: bool) -> None:
    violations = [*paging.check_page_size(request.page_size, PAGE_MAX)]
    for field in ("actors", "kinds", "venue_ids"):
        if len(getattr(request, field)) > FILTERS_MAX:
            text = f"at most {FILTERS_MAX}"
            violations.append(FieldViolation(field, "TOO_MANY", text))
    for place, name in enumerate(request.kinds):
        if name not in KIND_BY_NAME:
            known = did_you_mean(name, KIND_BY_NAME) or "(a kind, such as venue_symbol)"
            text = f"there is no kind {name[:80]!r} {known}"
            violations.append(FieldViolation(f"kinds[{place}]", "UNKNOWN", text))
    if request.after_revision > NUMBER_MAX:
        violations.append(FieldViolation("after_revision", "OUT_OF_RANGE", "is no revision"))
    if violations:
        raise Invalid(violations)
    if hidden := hidden_kinds(request.kinds, is_admin=is_admin):
        raise Forbidden(f"the history of {', '.join(sorted(hidden))} is not told to this key")


async def _require_venues(tx: AsyncConnection, venue_ids: Iterable[str]) -> None:
    wanted = sorted({(VENUE.name, venue_id) for venue_id in venue_ids})
    known = await entity_rows.load(tx, wanted) if wanted else {}
    for ref in wanted:
        if ref not in known:
            raise EntityNotFound(*ref)


async def _query_of(
    tx: AsyncConnection,
    request: pb.ListChangesRequest,
    position: LogPosition,
    mark: bytes,
    *,
    is_admin: bool,
) -> LogQuery:
    since = entity_codec.instant_in(request, "since")
    until = entity_codec.instant_in(request, "until")
    head = position.revision
    last = head if until is None else await outbox.newest_by(tx, head, until)
    is_forward = request.HasField("after_revision")
    revision, place = last, 0
    if is_forward:
        revision = request.after_revision + 1
        if since is not None:
            earlier = await outbox.newest_by(tx, head, since - dt.timedelta(microseconds=1))
            revision = max(revision, earlier + 1)
    if request.page_token:
        parts = paging.token_parts(request.page_token, mark, 2)
        revision, place = (min(paging.whole_number(p, _DIGITS_MAX), NUMBER_MAX) for p in parts)
    return LogQuery(
        is_forward=is_forward,
        revision=revision,
        place=place,
        since=since,
        until_revision=last,
        actors=frozenset(request.actors),
        kinds=frozenset(request.kinds),
        venue_ids=frozenset(request.venue_ids),
        hidden=hidden_kinds(KIND_BY_NAME, is_admin=is_admin),
        limit=request.page_size or PAGE_SIZE,
        with_before=not request.without_before,
    )
