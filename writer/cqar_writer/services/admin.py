"""`cqc.writer.v1.RegistryAdmin`: bulk changes, history, export and the head."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminServicer
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.codec.request_validation import require_key
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_policy import DEFAULT_RULES, FindingRule
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.api_key import API_KEY, Role
from cqar_shared.errors import (
    EntityNotFound,
    FieldViolation,
    Forbidden,
    Invalid,
    TooLarge,
)
from cqar_shared.lists import paging
from cqar_shared.replication.positions import NUMBER_MAX, position_of
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.message_size import DEFAULT_BYTES_MAX
from cqar_shared.rpc.request_limits import ASIDE_BYTES
from cqar_shared.runtime.event_loop import INLINE_ITEMS_MAX, run_off_loop
from cqar_shared.runtime.slots import Slots
from cqar_writer import metrics
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import PrimaryDatabase
from cqar_writer.mutations import ITEMS_MAX, AppliedMutation, Mutations, idempotency_key_of
from cqar_writer.protocol.log_rows import head_message
from cqar_writer.reads import change_entries, entity_history
from cqar_writer.reads.asset_prices import prices_of
from cqar_writer.reads.listing_periods import periods_of
from cqar_writer.reads.listing_sources import source_of
from cqar_writer.reads.sessions import Reads
from cqar_writer.reads.upcoming import upcoming_of
from cqar_writer.rejects.counting import RejectCounter, RejectThreshold
from cqar_writer.services.log_methods import LogMethods
from cqar_writer.services.merge_methods import MergeMethods
from cqar_writer.services.outcome_messages import outcome_message
from cqar_writer.services.reject_methods import RejectMethods
from cqar_writer.services.rpc_methods import cause_of, count, send_position
from cqar_writer.services.venue_facts_methods import VenueFactsMethods
from cqar_writer.store import entity_rows
from cqar_writer.store.voided_listings import VoidedListings

#: The field of `ApplyItem` that removes an entity; every other field is named for a kind.
TOMBSTONE: Final = "tombstone"
#: Entities in one message of an export, some 100 KiB; fewer where they are large.
EXPORT_ITEMS: Final = 500
EXPORT_BYTES: Final = 2 * 1024 * 1024
#: Each holds a past state of the registry until its client has received all of it.
EXPORTS_MAX: Final = 3
EXPORTS_EACH: Final = 1
#: Each new key's name is compared with all others.
KEYS_MAX: Final = 100
#: Digits of the greatest revision, which is the greatest bigint.
REVISION_DIGITS_MAX: Final = 19


class RegistryAdminService(
    MergeMethods, LogMethods, VenueFactsMethods, RejectMethods, RegistryAdminServicer
):
    def __init__(
        self,
        mutations: Mutations,
        engine: AsyncEngine,
        head_reader: HeadReader,
        database: PrimaryDatabase,
        policy: Sequence[FindingRule] = DEFAULT_RULES,
        rejects: RejectThreshold = RejectThreshold(),  # noqa: B008  (a frozen value)
    ) -> None:
        super().__init__(mutations, Reads(engine, database), policy)
        self._engine = engine
        self._head_reader = head_reader
        self._database = database
        self._exports = Slots("exports", EXPORTS_MAX, EXPORTS_EACH)
        self._voided = VoidedListings()
        self._rejects = RejectCounter(engine, database, mutations, policy, rejects)

    async def forget_old_rejects(self) -> None:
        """Forget reports of refused orders that are old, until cancelled."""
        await self._rejects.purge()

    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ApplyResponse:
        if len(request.items) > ITEMS_MAX:
            raise TooLarge(f"{len(request.items)} items; at most {ITEMS_MAX}: split them")
        is_long = len(request.items) > INLINE_ITEMS_MAX or request.ByteSize() > ASIDE_BYTES
        items = await run_off_loop(is_long, self._items_of, request.items)
        if any(item.kind is API_KEY for item in items) and auth.caller.get().role < Role.ADMIN:
            raise Forbidden("only an admin's key may change API keys")
        if sum(item.kind is API_KEY for item in items) > KEYS_MAX:
            raise TooLarge(f"at most {KEYS_MAX} API keys are made or changed at once")
        with metrics.COMMIT_SECONDS.time():
            applied = await self._mutations.apply(
                items,
                cause_of(context),
                dry_run=request.dry_run,
                skip_rejected=request.skip_rejected,
                historical=request.historical,
                as_of=entity_codec.instant_in(request, "as_of"),
                confirms=request.confirms,
                idempotency_key=None
                if request.dry_run
                else await idempotency_key_of(request, context),
                encode_answer=_encode_answer,
            )
        if applied.committed:
            count(*applied.outcomes)
        encoded = applied.answer if applied.replay is None else applied.replay
        answer = await run_off_loop(is_long, pb.ApplyResponse.FromString, encoded)
        send_position(context, answer.epoch, answer.revision)
        return answer

    def _items_of(self, items: Iterable[pb.ApplyItem]) -> list[Item]:
        return [self.with_policy(item_of(item, place)) for place, item in enumerate(items)]

    async def GetHead(self, request: pb.GetHeadRequest, context: Context) -> pb.GetHeadResponse:
        head = await self._head_reader.confirmed()
        async with self._engine.connect() as tx:
            await self._database.place(tx)
            counts = await entity_rows.counts(tx)
        send_position(context, head.epoch, head.revision)
        return pb.GetHeadResponse(head=head_message(head), counts=counts)

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, context: Context
    ) -> pb.ListApiKeysResponse:
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            page = await reading.page(API_KEY, [], request.page_size, request.page_token)
        return pb.ListApiKeysResponse(keys=page.messages, next_page_token=page.next_token)

    async def History(self, request: pb.HistoryRequest, context: Context) -> pb.HistoryResponse:
        kind = _kind(request.entity.kind, None)
        if not change_entries.may_see(kind.name, is_admin=auth.caller.get().role >= Role.ADMIN):
            if kind is API_KEY:
                raise Forbidden("only an admin's key is told the history of API keys")
            raise Forbidden(f"the history of {kind.name} is not told")
        require_key(kind, request.entity.key)
        if violations := [*paging.check_page_size(request.page_size, entity_history.PAGE_MAX)]:
            raise Invalid(violations)
        ref = (kind.name, request.entity.key)
        mark = paging.query_id_of("history", *ref)
        before = _revision_in(request.page_token, mark)
        limit = request.page_size or entity_history.PAGE_MAX
        async with self._engine.connect() as tx:
            position = position_of(await self._database.place(tx))
            answer, is_more = await _page_of(
                kind, entity_history.entries_of(tx, ref, before), limit
            )
        send_position(context, position.epoch, position.revision)
        if is_more:
            answer.next_page_token = paging.make_token(mark, [str(answer.entries[-1].revision)])
        return answer

    async def ListPeriods(
        self, request: pb.ListPeriodsRequest, context: Context
    ) -> pb.ListPeriodsResponse:
        now = self._mutations.now()
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            venue_id, spelling = request.venue_id, request.venue_symbol
            return await periods_of(reading, self._voided, venue_id, spelling, now)

    async def GetListingSource(
        self, request: pb.GetListingSourceRequest, context: Context
    ) -> pb.GetListingSourceResponse:
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            source = await source_of(reading, request, self._mutations.now())
        return pb.GetListingSourceResponse(listing_source=source)

    async def ListUpcoming(
        self, request: pb.ListUpcomingRequest, context: Context
    ) -> pb.ListUpcomingResponse:
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            return await upcoming_of(reading, request, self._mutations.now())

    async def ListAssetPrices(
        self, request: pb.ListAssetPricesRequest, context: Context
    ) -> pb.ListAssetPricesResponse:
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            return await prices_of(reading, request)

    async def Export(
        self, request: pb.ExportRequest, context: Context
    ) -> AsyncIterator[pb.ExportResponse]:
        for place, name in enumerate(request.kinds):
            _kind(name, place)
        head = head_message(await self._head_reader.read())
        send_position(context, head.epoch, head.revision)
        revision = request.revision or head.revision
        if revision > head.revision:
            # Refused before the whole history is read.
            raise EntityNotFound("revision", str(revision))
        with self._exports.held(auth.caller_of(context)):
            state = await entity_history.state_at(self._engine, self._database, revision)
            wanted = frozenset(request.kinds or KIND_BY_NAME)
            chosen = ((name, payload) for (name, _), payload in state.items() if name in wanted)
            parts = _exported(chosen)
            # In a thread: a million unwanted entities may come before a wanted one.
            while (items := await asyncio.to_thread(next, parts, None)) is not None:
                yield pb.ExportResponse(head=head, items=items)


def _exported(chosen: Iterable[tuple[str, bytes]]) -> Iterator[list[pb.ApplyItem]]:
    """Yield the entities as items, one list per message; one empty list if there are none."""
    items: list[pb.ApplyItem] = []
    left_bytes = EXPORT_BYTES
    for name, payload in chosen:
        if items and (len(items) == EXPORT_ITEMS or len(payload) > left_bytes):
            yield items
            items, left_bytes = [], EXPORT_BYTES
        message = KIND_BY_NAME[name].message.FromString(payload)
        items.append(pb.ApplyItem(**{name: message}))  # type: ignore[arg-type]
        left_bytes -= len(payload)
    yield items


def _revision_in(token: str, mark: bytes) -> int | None:
    """Return the revision that a page continues before; None for the first page."""
    if not token:
        return None
    (revision,) = paging.token_parts(token, mark, 1)
    return min(paging.whole_number(revision, REVISION_DIGITS_MAX), NUMBER_MAX)


async def _page_of(
    kind: AnyKind, entries: AsyncGenerator[entity_history.HistoryEntry, None], limit: int
) -> tuple[pb.HistoryResponse, bool]:
    """Return as many entries as one answer holds, at most `limit`, and whether there are more."""
    page, size = pb.HistoryResponse(), 0
    async with aclosing(entries):
        async for entry in entries:
            is_long = len(entry.before) + len(entry.after) > ASIDE_BYTES
            make = partial(
                change_entries.history_entry,
                entry.change_set,
                kind,
                entry.before,
                entry.after,
                entry.past,
            )
            message = await run_off_loop(is_long, make)
            size += message.ByteSize()
            if page.entries and (len(page.entries) == limit or size > DEFAULT_BYTES_MAX):
                return page, True
            page.entries.append(message)
    return page, False


def item_of(item: pb.ApplyItem, place: int) -> Item:
    """Decode an item; one that does not decode is rejected alone, later.

    Raises:
        Invalid: the item names no kind that this release knows.
    """
    field = item.WhichOneof("change")
    if_revision = item.if_revision if item.HasField("if_revision") else None
    if field == TOMBSTONE:
        ref = item.tombstone
        kind = _kind(ref.kind, place)
        if not kind.client_writable:
            raise Invalid(
                [FieldViolation(f"items[{place}]", "UNKNOWN_KIND", "is the writer's own")]
            )
        return Item(kind=kind, intent=ChangeIntent.REMOVE, key=ref.key, if_revision=if_revision)
    kind = _kind(field or "", place)
    given, unreadable = entity_codec.parse(kind, getattr(item, kind.name))
    return Item(
        kind=kind,
        intent=ChangeIntent.UPSERT,
        given=given,
        fresh=str(uuid.uuid4()),
        if_revision=if_revision,
        unreadable=unreadable,
    )


def _kind(name: str, place: int | None) -> AnyKind:
    """Return the kind of a name.

    Args:
        place: The index in the request's list; None if there is no list.

    Raises:
        Invalid: this release knows no such kind.
    """
    if name not in KIND_BY_NAME:
        known = ", ".join(KIND_BY_NAME)
        field = "kind" if place is None else f"items[{place}]"
        message = f"{name[:64]!r} is no kind that this release changes: {known}"
        raise Invalid([FieldViolation(field, "UNKNOWN_KIND", message)])
    return KIND_BY_NAME[name]


def _encode_answer(applied: AppliedMutation) -> bytes:
    """Encode an ApplyResponse.

    Raises:
        TooLarge: some clients could not receive the answer to what would be committed.
    """
    response = pb.ApplyResponse(
        committed=applied.committed, revision=applied.revision, epoch=applied.epoch
    )
    parts, size = [response.SerializeToString()], 0
    # Outcomes are encoded one by one, to stop at the size that clients accept.
    for outcome in applied.outcomes:
        part = pb.ApplyResponse(outcomes=[outcome_message(outcome)]).SerializeToString()
        size += len(part)
        if size > DEFAULT_BYTES_MAX:
            limit = DEFAULT_BYTES_MAX // 1024
            raise TooLarge(f"the answer would be of over {limit} KiB: split the request")
        parts.append(part)
    return b"".join(parts)
