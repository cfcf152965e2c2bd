"""The base of the registry's RPC methods: decode, mutate or read, answer.

Each kind's methods are a class (assets, chains…); `asset_registry` joins them. They are explicit
and short, so that a missing method is a type error and each is found by its name. List methods are
`cqar_shared.lists.methods`, which resolvers use, too.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec
from google.protobuf.message import Message

from cqar_shared.codec import entity_codec
from cqar_shared.codec.request_validation import require_key
from cqar_shared.domain.evaluation import ChangeIntent, Item, Outcome
from cqar_shared.domain.kind import AnyKind, Entity, RegistryView
from cqar_shared.domain.kinds import MERGING
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.lists import filter_names, merged_filters
from cqar_shared.lists.methods import Lists
from cqar_shared.queries.entities import EntityQuery
from cqar_shared.rpc import auth
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.runtime import telemetry, tracing
from cqar_shared.runtime.event_loop import run_off_loop
from cqar_writer import metrics
from cqar_writer.mutations import AppliedMutation, Cause, Mutations, idempotency_key_of
from cqar_writer.reads import query_answer
from cqar_writer.reads.cached import CacheMiss, MessageReader
from cqar_writer.reads.sessions import Reads, RegistryReader

A = TypeVar("A")

REASON_CHARS_MAX = 500


class RpcMethods(Lists):
    """Holds what the methods need.

    Args:
        mutations: Makes every change.
        reads: Makes every read.
        now: The wall clock.
    """

    def __init__(self, mutations: Mutations, reads: Reads, now: Callable[[], dt.datetime]) -> None:
        self.mutations = mutations
        self.reads = reads
        self.now = now

    async def create(
        self,
        kind: AnyKind,
        message: Message,
        request: Any,
        context: Context,
        renamed: Mapping[str, str] | None = None,
    ) -> tuple[Any, int]:
        """Add the entity that `message` states; returns it as it now is, and the revision.

        Args:
            renamed: Field of the request -> field of the message, for errors to name.
        """
        is_long = bool(kind.child_tables)
        given, unreadable = await run_off_loop(is_long, entity_codec.parse, kind, message)
        fresh = str(uuid.uuid4())
        item = Item(
            kind=kind, intent=ChangeIntent.CREATE, given=given, fresh=fresh, unreadable=unreadable
        )
        return await self._change(item, request, context, renamed)

    async def update(
        self,
        kind: AnyKind,
        request: Any,
        context: Context,
        renamed: Mapping[str, str] | None = None,
        locate: Callable[[RegistryView], Entity | None] | None = None,
    ) -> tuple[Any, int]:
        """Change the fields that the request gives."""
        given, unreadable = entity_codec.read(
            kind.entity, entity_codec.like(kind, request, renamed)
        )
        key = "/".join(str(given.pop(name, "")) for name in kind.key)
        if locate is None:
            require_key(kind, key)

        def step(before: Entity) -> Entity:
            return msgspec.structs.replace(before, **given)

        item = Item(
            kind=kind,
            intent=ChangeIntent.EVOLVE,
            key=key,
            step=step,
            locate=locate,
            if_revision=if_revision_of(request),
            unreadable=unreadable,
        )
        return await self._change(item, request, context, renamed)

    async def evolve(
        self,
        kind: AnyKind,
        key: str,
        step: Callable[[Any], Entity],
        request: Any,
        context: Context,
        locate: Callable[[RegistryView], Entity | None] | None = None,
    ) -> tuple[Any, int]:
        """Replace an entity by `step(entity)`, found by its key or by `locate`."""
        if locate is None:
            require_key(kind, key)
        item = Item(
            kind=kind,
            intent=ChangeIntent.EVOLVE,
            key=key,
            step=step,
            locate=locate,
            if_revision=if_revision_of(request),
        )
        return await self._change(item, request, context)

    async def remove(self, kind: AnyKind, key: str, request: Any, context: Context) -> int:
        require_key(kind, key)
        item = Item(
            kind=kind, intent=ChangeIntent.REMOVE, key=key, if_revision=if_revision_of(request)
        )
        _, revision = await self._change(item, request, context)
        return revision

    @asynccontextmanager
    async def reading(self, context: Context) -> AsyncIterator[RegistryReader]:
        """Open a reader at one revision, which the answer's metadata names."""
        async with self.reads.begin() as reading:
            # Sent before anything can fail: an error names a revision, too.
            send_position(context, reading.position.epoch, reading.position.revision)
            yield reading

    async def read(self, context: Context, work: Callable[[MessageReader], Awaitable[A]]) -> A:
        """Run `work` on Redis if it has every value, else on PostgreSQL.

        `work` may run twice, so it must only read.
        """
        cached = self.reads.cached()
        try:
            return await work(cached)
        except CacheMiss:
            pass
        finally:
            if cached.cursor is not None:
                send_position(context, cached.cursor.at.epoch, cached.cursor.at.revision)
        async with self.reading(context) as reading:
            filling = cached.filling(reading, reading.position)
            answer = await work(filling)
        await filling.keep()
        return answer

    async def get(self, kind: AnyKind, key: str, context: Context) -> Any:
        """Return the message of an entity, or of the one that it was merged into.

        Raises:
            Invalid: `key` cannot be a key of the kind.
            EntityNotFound: there is no such entity.
        """
        require_key(kind, key)

        async def current(reader: MessageReader) -> Any:
            try:
                message = await reader.get(kind, key)
                if kind.name not in MERGING or not message.merged_into:
                    return message
            except EntityNotFound:
                if len(kind.key) == 1:
                    raise
            return await query_answer.answer(EntityQuery(kind.name, key), reader)

        return await self.read(context, current)

    async def search(
        self, kind: AnyKind, request: Any, where: Mapping[str, Any], context: Context
    ) -> tuple[list[Any], str]:
        async with self.reading(context) as reading:
            where = await merged_filters.current_values(reading, where)
            hits, token = await reading.search(
                kind, request.query, where, request.limit, request.page_token
            )
            if not hits:
                await filter_names.require_named(reading, where.items())
            return hits, token

    async def _change(
        self,
        item: Item,
        request: Any,
        context: Context,
        renamed: Mapping[str, str] | None = None,
    ) -> tuple[Any, int]:
        cause = cause_of(context, getattr(request, "reason", ""))
        idempotency_key = await idempotency_key_of(request, context)
        try:
            with metrics.COMMIT_SECONDS.time():
                outcome, applied = await self.mutations.change(
                    item, cause, idempotency_key, _encode_change
                )
        except Invalid as error:
            raise Invalid(_in_request_terms(error.violations, renamed or {})) from error
        if outcome is None:
            payload, epoch, revision = msgspec.msgpack.decode(
                applied.replay or b"", type=tuple[bytes, int, int]
            )
            send_position(context, epoch, revision)
            return item.kind.message.FromString(payload) if payload else None, revision
        count(outcome)
        send_position(context, applied.epoch, applied.revision)
        after = outcome.after
        message = entity_codec.to_message(item.kind, after) if after is not None else None
        return message, applied.revision


def _encode_change(applied: AppliedMutation) -> bytes:
    """Encode the answer to one change, to give it again to the same request."""
    (outcome,) = applied.outcomes
    payload = entity_codec.encode(outcome.kind, outcome.after) if outcome.after is not None else b""
    return msgspec.msgpack.encode((payload, applied.epoch, applied.revision))


def _in_request_terms(
    violations: Sequence[FieldViolation], renamed: Mapping[str, str]
) -> list[FieldViolation]:
    """Rename the violations' fields to those of the request."""
    names = {field: name for name, field in renamed.items()}
    return [v._replace(field=names.get(v.field, v.field)) for v in violations]


def send_position(context: Context, epoch: int, revision: int) -> None:
    """Name the answer's revision in its trailing metadata."""
    context.set_trailing_metadata((("cqar-revision", str(revision)), ("cqar-epoch", str(epoch))))


def count(*outcomes: Outcome) -> None:
    for (kind, result), number in Counter((o.kind.name, o.result.name) for o in outcomes).items():
        metrics.MUTATIONS.labels(kind, result.lower()).inc(number)


def cause_of(context: Context, reason: str = "") -> Cause:
    """Return who changes something, why and in which request, from the call and its metadata."""
    metadata = dict(context.invocation_metadata() or ())
    # Metadata is ASCII, except under a name in -bin.
    whole = metadata.get("cqar-reason-bin")
    decoded = whole.decode(errors="replace") if isinstance(whole, bytes) else whole
    said = (reason, decoded, metadata.get("cqar-reason"), metadata.get("reason"))
    why = next((str(text) for text in said if text), "")
    return Cause(
        auth.caller.get().actor,
        why[:REASON_CHARS_MAX],
        telemetry.request_id.get(),
        tracing.traceparent(),
    )


def if_revision_of(request: Any) -> int | None:
    return cast("int", request.if_revision) if request.HasField("if_revision") else None
