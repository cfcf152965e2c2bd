"""`cqar.Writer` and `cqar.AsyncWriter`: changes of the registry, as methods with types."""

from __future__ import annotations

import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import grpc
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.sdk import errors
from cqar.sdk.async_writes import AsyncWrites
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.decision_methods import AsyncDecisions, Decided, SyncDecisions
from cqar.sdk.grpc_transport import AsyncGrpcTransport, SyncGrpcTransport, reason_metadata
from cqar.sdk.questions import Question
from cqar.sdk.reject_reports import ADMIN
from cqar.sdk.shown_result import ShownResult
from cqar.sdk.sync_writes import SyncWrites
from cqar.sdk.transport import Call, Reply
from cqar.sdk.write_requests import Written, write_question
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KINDS

#: Entities whose revision is remembered; the oldest are forgotten.
SEEN_MAX: Final = 10_000
#: Kind -> what callers know one of its entities by.
_IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    "asset": ("asset_id",),
    "asset_group": ("group_id",),
    "asset_relationship": ("relationship_id",),
    "chain": ("chain_id",),
    "quality_flag": ("flag_id",),
    "symbol": ("symbol_id",),
    "venue": ("venue_id",),
    "venue_asset": ("venue_id", "asset_id"),
    "venue_symbol": ("venue_id", "venue_symbol"),
}
#: What a method's name has beside its verb, where that is not the kind.
_NOUNS: Final = {"AssetToGroup": "asset_group", "AssetFromGroup": "asset_group"}
_VERB: Final = re.compile(r"^(Add|Create|Delete|Delist|Raise|Remove|Resolve|Update)")
_HUMP: Final = re.compile(r"(?<!^)(?=[A-Z])")
_KIND_OF: Final = {kind.entity: kind for kind in KINDS}
_APPLIED: Final = frozenset(pb.ApplyItem.DESCRIPTOR.fields_by_name)
#: `if_revision=ANY_REVISION`: whatever the entity's revision is.
ANY_REVISION: Final = -1


class Applied(ShownResult, frozen=True):
    """What came of several changes at once.

    Attributes:
        revision: The registry's, at which that is so.
        statuses: CREATED, UPDATED or UNCHANGED, in the order of the entities.
    """

    revision: int
    statuses: tuple[str, ...]


class _SeenRevisions:
    """At which revision this writer saw an entity last."""

    def __init__(self) -> None:
        self._revisions: OrderedDict[tuple[Any, ...], int] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, about: tuple[Any, ...] | None, revision: int) -> None:
        """Note a revision; a later one that is known stays, whatever thread comes last."""
        if about is None:
            return
        with self._lock:
            self._revisions[about] = max(revision, self._revisions.pop(about, 0))
            if len(self._revisions) > SEEN_MAX:
                self._revisions.popitem(last=False)

    def get(self, about: tuple[Any, ...] | None) -> int | None:
        with self._lock:
            return self._revisions.get(about) if about is not None else None


class _Writes:
    """What both writers do before and after a call."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._seen = _SeenRevisions()

    def _prepared(self, rpc: str, values: Mapping[str, Any]) -> tuple[Call, tuple[Any, ...] | None]:
        given = {name: value for name, value in values.items() if name not in ("self", "reason")}
        about = _about(_kind_of(rpc), given.get)
        if given.get("if_revision") == ANY_REVISION:
            del given["if_revision"]
        elif "if_revision" in given and given["if_revision"] is None:
            given["if_revision"] = self._seen.get(about)
        return self._call(write_question(rpc, given), values["reason"]), about

    def _call(self, question: Question[Any], reason: str) -> Call:
        # gRPC may send a call again: with its key it is made once.
        once = ("idempotency-key", str(uuid.uuid4()))
        return Call(question, self._timeout_s, None, (once, *reason_metadata(reason)))

    def _read(self, call: Call, reply: Reply, about: tuple[Any, ...] | None) -> Written[Any]:
        written: Written[Any] = call.question.read(reply.message)
        # What was made has its id in the answer alone.
        self._seen.note(_about_entity(written.entity) or about, written.revision)
        return written

    def _note_applied(self, entities: Iterable[Entity], applied: Applied) -> None:
        for entity, status in zip(entities, applied.statuses, strict=True):
            if status != "UNCHANGED":
                self._seen.note(_about_entity(entity), applied.revision)

    def _apply_call(self, entities: Iterable[Entity], reason: str, *, dry_run: bool) -> Call:
        items = []
        for entity in entities:
            kind = _KIND_OF.get(type(entity))
            if kind is None or kind.name not in _APPLIED:
                raise errors.InvalidRequest(f"a {type(entity).__name__} cannot be applied")
            fields: dict[str, Any] = {kind.name: entity_codec.to_message(kind, entity)}
            items.append(pb.ApplyItem(**fields))
        request = pb.ApplyRequest(items=items, dry_run=dry_run)
        return self._call(Question(ADMIN, "Apply", request, pb.ApplyResponse, _applied), reason)


def _kind_of(rpc: str) -> str:
    noun = _VERB.sub("", rpc)
    return _NOUNS.get(noun) or _HUMP.sub("_", noun).lower()


def _about(kind: str, value_of: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """What a change is about; None where its entity is not known by now, or is never changed."""
    values = [value_of(name) for name in _IDENTITY.get(kind, ())]
    return (kind, *values) if values and all(values) else None


def _about_entity(entity: Entity | None) -> tuple[Any, ...] | None:
    kind = _KIND_OF.get(type(entity)) if entity is not None else None
    return _about(kind.name, lambda name: getattr(entity, name)) if kind is not None else None


def _applied(answer: pb.ApplyResponse) -> Applied:
    violations = [
        errors.Violation(v.field, v.reason, v.message)
        for outcome in answer.outcomes
        for v in outcome.violations
    ]
    if violations:
        text = "; ".join(f"{v.field}: {v.message}" for v in violations[:10])
        raise errors.InvalidRequest(text, violations[0].reason, tuple(violations))
    names = (pb.OutcomeStatus.Name(outcome.status) for outcome in answer.outcomes)
    statuses = tuple(name.removeprefix("OUTCOME_STATUS_") for name in names)
    return Applied(answer.revision, statuses)


class Writer(_Writes, SyncWrites, SyncDecisions):
    """Changes the registry; for any number of threads.

    Args:
        target: host:port of a writer, or any name that gRPC resolves.
        key: An API key with the role write; API keys themselves take role admin.
        timeout_s: Of each call, retries included.
        credentials: `grpc.ssl_channel_credentials(…)`; None: plaintext.
    """

    def __init__(
        self,
        target: str,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        super().__init__(timeout_s)
        self._grpc = SyncGrpcTransport(target, key, credentials)

    def apply(
        self, entities: Iterable[Entity], reason: str = "", *, dry_run: bool = False
    ) -> Applied:
        """Make or change entities in one revision: all of them, or none.

        Args:
            entities: Structs such as `cqar.structs.Asset`, each whole.
            dry_run: Only say what would become of them.

        Raises:
            InvalidRequest: A rule refuses one; `violations` names all that is wrong.
        """
        given = list(entities)
        call = self._apply_call(given, reason, dry_run=dry_run)
        applied: Applied = call.question.read(self._send(call).message)
        if not dry_run:
            self._note_applied(given, applied)
        return applied

    def _write(self, rpc: str, values: Mapping[str, Any]) -> Written[Any]:
        call, about = self._prepared(rpc, values)
        return self._read(call, self._send(call), about)

    def _decide(self, question: Question[Decided]) -> Decided:
        decided: Decided = question.read(self._send(self._call(question, "")).message)
        return decided

    def _send(self, call: Call) -> Reply:
        try:
            return self._grpc.send(call)
        except errors.CqarError as error:
            raise errors.error_of_write(error) from error

    def close(self) -> None:
        """Close the channel; calls in flight fail."""
        self._grpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


class AsyncWriter(_Writes, AsyncWrites, AsyncDecisions):
    """Changes the registry, for asyncio: used in one event loop of a process.

    Args:
        target, key, timeout_s, credentials: As those of `Writer`.
    """

    def __init__(
        self,
        target: str,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        super().__init__(timeout_s)
        self._grpc = AsyncGrpcTransport(target, key, credentials)

    async def apply(
        self, entities: Iterable[Entity], reason: str = "", *, dry_run: bool = False
    ) -> Applied:
        """As `Writer.apply`."""
        given = list(entities)
        call = self._apply_call(given, reason, dry_run=dry_run)
        applied: Applied = call.question.read((await self._send(call)).message)
        if not dry_run:
            self._note_applied(given, applied)
        return applied

    async def _write(self, rpc: str, values: Mapping[str, Any]) -> Written[Any]:
        call, about = self._prepared(rpc, values)
        return self._read(call, await self._send(call), about)

    async def _decide(self, question: Question[Decided]) -> Decided:
        reply = await self._send(self._call(question, ""))
        decided: Decided = question.read(reply.message)
        return decided

    async def _send(self, call: Call) -> Reply:
        try:
            return await self._grpc.send(call)
        except errors.CqarError as error:
            raise errors.error_of_write(error) from error

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        await self._grpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()
