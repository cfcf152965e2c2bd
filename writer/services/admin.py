"""`cqc.writer.v1.RegistryAdmin`: bulk changes and where the registry stands."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

from cqc.writer.v1 import registry_admin_pb2 as pb
from cqc.writer.v1.registry_admin_pb2_grpc import RegistryAdminServicer
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import auth, codec, tokens, wording
from shared.entities import KIND_BY_NAME
from shared.entities.api_key import API_KEY, Role
from shared.errors import Forbidden, Invalid, TooLarge, TooMany, Violation
from shared.grpc_errors import Context
from shared.judge import Intent, Item, Outcome
from shared.keys import require_key
from shared.kind import AnyKind
from shared.message_size import DEFAULT_BYTES_MAX
from writer import metrics, past, store
from writer.heads import Heads, head_message
from writer.mutations import ITEMS_MAX, Applied, Mutations
from writer.once import once_of
from writer.reads import Reads
from writer.services.ground import cause_of, count, tell_position

#: Field of `ApplyItem` -> kind. A kind that this release does not know is refused by name.
TOMBSTONE: Final = "tombstone"
#: Entities in one message of an export, some 100 KiB; fewer where they are large.
EXPORT_ITEMS: Final = 500
EXPORT_BYTES: Final = 2 * 1024 * 1024
#: Each holds the registry as it was until its client has taken all of it.
EXPORTS_MAX: Final = 2
#: Each new one's name is compared with all there are.
KEYS_MAX: Final = 100
#: Of what PostgreSQL holds as a bigint, whatever the digits are.
REVISION_DIGITS_MAX: Final = 18


class Admin(RegistryAdminServicer):
    def __init__(self, mutations: Mutations, engine: AsyncEngine, heads: Heads) -> None:
        self._mutations = mutations
        self._engine = engine
        self._heads = heads
        self._reads = Reads(engine)
        self._exports = 0

    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ApplyResponse:
        if len(request.items) > ITEMS_MAX:
            raise TooLarge(f"{len(request.items)} items; at most {ITEMS_MAX}: split them")
        items = [item_of(item, place) for place, item in enumerate(request.items)]
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
                as_of=codec.instant_in(request, "as_of"),
                once=None if request.dry_run else once_of(request, context),
                answer=_answer,
            )
        if applied.committed:
            count(*applied.outcomes)
        said = applied.answer if applied.replay is None else applied.replay
        answer = pb.ApplyResponse.FromString(said)
        tell_position(context, answer.epoch, answer.revision)
        return answer

    async def GetHead(self, request: pb.GetHeadRequest, context: Context) -> pb.GetHeadResponse:
        head = await self._heads.read()
        async with self._engine.connect() as tx:
            counts = await store.counts(tx)
        tell_position(context, head.epoch, head.revision)
        return pb.GetHeadResponse(head=head_message(head), counts=counts)

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, context: Context
    ) -> pb.ListApiKeysResponse:
        async with self._reads.begin() as reading:
            tell_position(context, reading.position.epoch, reading.position.revision)
            page = await reading.page(API_KEY, [], request.page_size, request.page_token)
        return pb.ListApiKeysResponse(keys=page.messages, next_page_token=page.next_token)

    async def History(self, request: pb.HistoryRequest, context: Context) -> pb.HistoryResponse:
        kind = _kind(request.entity.kind, None)
        if kind is API_KEY and auth.caller.get().role < Role.ADMIN:
            raise Forbidden("only an admin's key is told the history of API keys")
        if not kind.exported and kind is not API_KEY:
            raise Forbidden(f"the history of {kind.name} is not told")
        require_key(kind, request.entity.key)
        if not 0 <= request.page_size <= past.PAGE_MAX:
            text = f"must be 0 to {past.PAGE_MAX}"
            raise Invalid([Violation("page_size", "OUT_OF_RANGE", text)])
        ref = (kind.name, request.entity.key)
        mark = tokens.mark_of("history", *ref)
        before = _revision_in(request.page_token, mark)
        most = request.page_size or past.PAGE_MAX
        async with self._engine.connect() as tx:
            position = await store.read_position(tx)
            answer, is_more = await _page_of(kind, past.entries_of(tx, ref, before), most)
        tell_position(context, position.epoch, position.revision)
        if is_more:
            answer.next_page_token = tokens.make(mark, [str(answer.entries[-1].revision)])
        return answer

    async def Export(
        self, request: pb.ExportRequest, context: Context
    ) -> AsyncIterator[pb.ExportResponse]:
        for place, name in enumerate(request.kinds):
            _kind(name, place)
        head = head_message(await self._heads.read())
        tell_position(context, head.epoch, head.revision)
        revision = request.revision or head.revision
        with self._export():
            state = await past.state_at(self._engine, revision)
            wanted = set(request.kinds) or {ref[0] for ref in state}
            chosen = ((name, payload) for (name, _), payload in state.items() if name in wanted)
            for items in _exported(chosen):
                yield pb.ExportResponse(head=head, items=items)

    @contextmanager
    def _export(self) -> Iterator[None]:
        if self._exports >= EXPORTS_MAX:
            raise TooMany(f"{EXPORTS_MAX} exports run already: try again when one has ended")
        self._exports += 1
        try:
            yield
        finally:
            self._exports -= 1


def _exported(chosen: Iterable[tuple[str, bytes]]) -> Iterator[list[pb.ApplyItem]]:
    """Yield them as items, as many together as one message holds; once where there are none."""
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
    """The revision that a page goes on before; None for the first page."""
    if not token:
        return None
    (revision,) = tokens.parts_in(token, mark, 1)
    return tokens.whole_number(revision, REVISION_DIGITS_MAX)


async def _page_of(
    kind: AnyKind, entries: AsyncGenerator[past.Entry, None], most: int
) -> tuple[pb.HistoryResponse, bool]:
    """As many entries as one answer holds, `most` at most, and whether there are more."""
    page, size = pb.HistoryResponse(), 0
    async with aclosing(entries):
        async for entry in entries:
            message = _entry_message(kind, entry)
            size += message.ByteSize()
            if page.entries and (len(page.entries) == most or size > DEFAULT_BYTES_MAX):
                return page, True
            page.entries.append(message)
    return page, False


def _entry_message(kind: AnyKind, entry: past.Entry) -> pb.HistoryEntry:
    told = entry.told
    message = pb.HistoryEntry(
        epoch=told.epoch,
        revision=told.revision,
        committed_at=told.committed_at,
        actor=told.actor,
        reason=told.reason,
        request_id=told.request_id,
        before=entry.before,
        after=entry.after,
    )
    before, after = (
        codec.decode(kind, payload) if payload else None for payload in (entry.before, entry.after)
    )
    message.differences.extend(map(_difference, wording.differences(before, after)))
    return message


def item_of(item: pb.ApplyItem, place: int) -> Item:
    """Decode the item at a place. One that does not decode is rejected alone, later.

    Raises:
        Invalid: It names no kind that this release knows.
    """
    field = item.WhichOneof("change")
    if_revision = item.if_revision if item.HasField("if_revision") else None
    if field == TOMBSTONE:
        ref = item.tombstone
        kind = _kind(ref.kind, place)
        if not kind.stated:
            raise Invalid([Violation(f"items[{place}]", "UNKNOWN_KIND", "is the writer's own")])
        return Item(kind=kind, intent=Intent.REMOVE, key=ref.key, if_revision=if_revision)
    kind = _kind(field or "", place)
    given, unreadable = codec.parse(kind, getattr(item, kind.name))
    return Item(
        kind=kind,
        intent=Intent.UPSERT,
        given=given,
        fresh=str(uuid.uuid4()),
        if_revision=if_revision,
        unreadable=unreadable,
    )


def _kind(name: str, place: int | None) -> AnyKind:
    """The kind of a name.

    Args:
        place: Where in the request's list it stands; None where there is no list.

    Raises:
        Invalid: This release knows no such kind.
    """
    if name not in KIND_BY_NAME:
        known = ", ".join(KIND_BY_NAME)
        field = "kind" if place is None else f"items[{place}]"
        message = f"{name!r} is no kind that this release changes: {known}"
        raise Invalid([Violation(field, "UNKNOWN_KIND", message)])
    return KIND_BY_NAME[name]


def _answer(applied: Applied) -> bytes:
    """An ApplyResponse.

    Raises:
        TooLarge: Not every client would receive it, and what it tells would be committed.
    """
    answer = pb.ApplyResponse(
        outcomes=map(_outcome_message, applied.outcomes),
        committed=applied.committed,
        revision=applied.revision,
        epoch=applied.epoch,
    ).SerializeToString()
    if len(answer) > DEFAULT_BYTES_MAX:
        size, most = len(answer) // 1024, DEFAULT_BYTES_MAX // 1024
        raise TooLarge(f"the answer would be of {size} KiB; at most {most} KiB: split the request")
    return answer


def _outcome_message(outcome: Outcome) -> pb.ApplyOutcome:
    message = pb.ApplyOutcome(
        status=pb.OutcomeStatus.Name(outcome.result),  # type: ignore[arg-type]
        entity=pb.EntityRef(kind=outcome.kind.name, key=outcome.key),
    )
    if outcome.before is not None and outcome.after is not None:
        news = wording.news(outcome.before, outcome.after)
        message.differences.extend(map(_difference, news))
    for v in outcome.violations:
        message.violations.add(field=v.field, reason=v.reason, message=v.message)
    return message


def _difference(told: tuple[str, str, str]) -> pb.FieldDifference:
    field, before, after = told
    return pb.FieldDifference(field=field, before=wording.cut(before), after=wording.cut(after))
