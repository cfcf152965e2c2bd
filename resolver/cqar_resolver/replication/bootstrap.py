"""Loads the whole snapshot: from PostgreSQL, else from what stands in for it.

A process that starts prefers its own checkpoint if PostgreSQL leads on from there in few steps:
that takes a fourth of the time, and PostgreSQL none.

Rule: never back, neither behind what is served nor behind what the last process served and kept.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
from cqc.replication.v1 import replication_pb2
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap_sources import BootstrapSources, LoadedSnapshot
from cqar_resolver.replication.epoch_requests import ask_for_bump
from cqar_resolver.replication.freshness import Probe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.ports import Ports
from cqar_resolver.replication.postgres import HeadRead, LoadTurnsTaken
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState, history_of
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.snapshot.snapshot import Diverged, Snapshot
from cqar_shared.replication.positions import StreamMark, position_of
from cqar_shared.trust.trusted_keys import Unsigned

log = logging.getLogger(__name__)

#: A poisoned change set is met again right after a new bootstrap: not more often than this.
POISON_PAUSE_S: Final = 1.0
#: Between two tries for a turn to load; random, so that a thousand resolvers do not try together.
TURN_PAUSE_S: Final = (0.05, 0.25)
#: How long a loaded snapshot waits to be served for a writer to confirm it: LIVE from the start.
CONFIRM_WITHIN_S: Final = 0.5
#: The exceptions of an unreachable PostgreSQL or NATS.
AWAY: Final = (
    OSError,
    TimeoutError,
    NatsError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
#: Asks a writer for the head of a registry.
RequestHead = Callable[[bytes], Awaitable[replication_pb2.Head]]


class Rebootstrap(Exception):
    """Change sets cannot lead from the snapshot to the registry's head: everything is loaded anew.

    Attributes:
        cause: A metric's label.
        registry_id: The registry of the stream or of a writer, if it is not the snapshot's.
    """

    def __init__(self, cause: metrics.Cause, registry_id: bytes = b"") -> None:
        super().__init__(cause)
        self.cause = cause
        self.registry_id = registry_id


class DatabaseBehind(ConnectionError):
    """PostgreSQL, as it was read here, does not lead on from what is served.

    Attributes:
        found: Its head, which the writers are asked about; None for a database that was replaced.
    """

    def __init__(self, found: replication_pb2.Head | None, message: str) -> None:
        super().__init__(message)
        self.found = found


class BootstrapLoader:
    """Loads into `view`.

    Attributes:
        required_registry_id: The registry to load, if it is known not to be the one served.
        noted: Where the stream was before the last read of PostgreSQL.
    """

    def __init__(
        self,
        view: ReplicaState,
        ports: Ports,
        sources: BootstrapSources,
        signed: SignedHeads,
        terms: KnownTerms,
        request_head: RequestHead,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._view = view
        self._ports = ports
        self._sources = sources
        self._signed = signed
        self._terms = terms
        self._request_head = request_head
        self._now = now
        self.required_registry_id = b""
        self.noted: StreamMark | None = None
        #: The checkpoint's head, if PostgreSQL led on from it when a process that starts looked.
        self._kept: replication_pb2.Head | None = None

    @property
    def _held(self) -> replication_pb2.Head | None:
        """The head of what is served."""
        return self._view.snapshot.head if self._view.is_complete else None

    async def load(self) -> LoadedSnapshot | None:
        """Load the registry and serve it; never go back.

        Loading confirms nothing: PostgreSQL may be a replica, which lags, or an old primary.

        Returns:
            What was loaded; None if PostgreSQL is behind what is served, which stays.

        Raises:
            Rebootstrap: Loading must begin anew.
        """
        loaded = await self._load()
        if loaded is None:
            log.warning("PostgreSQL is behind what is served, which goes on")
            return None
        confirmation = await self._confirmation(loaded.snapshot.head)
        self._serve(loaded, confirmation)
        if loaded.lacked_by is not None:
            await self._ask_for_bump(loaded.lacked_by)
        return loaded

    def _serve(self, loaded: LoadedSnapshot, confirmation: Probe | None) -> None:
        snapshot, held, freshness = loaded.snapshot, self._held, self._view.freshness
        if held is not None and history_of(held) != history_of(snapshot.head):
            freshness.forget()
            metrics.EPOCHS.inc()
        leads_on = held is not None and held.registry_id == snapshot.head.registry_id
        if loaded.source != "postgres" or not leads_on:
            freshness.unconfirm()
        if held is not None and not leads_on:
            log.error("what was served until now was of another registry than PostgreSQL's")
        if confirmation is not None:
            # Nothing is awaited until it is served: no reader sees it unconfirmed.
            freshness.note_probe(confirmation, snapshot.position)
        self.required_registry_id = b""
        self._view.replace(
            *(snapshot, loaded.source, self._now()),
            is_own=loaded.is_own,
            is_in_checkpoint=loaded.is_in_checkpoint,
        )
        if loaded.leads_to is not None:
            freshness.note_head(position_of(loaded.leads_to))
        self._view.announce_revision()
        if confirmation is not None:
            self._view.note_head_request()
        text = "loaded %d entities at revision %s from %s"
        log.info(text, snapshot.count, snapshot.position, loaded.source)

    async def _confirmation(self, loaded: replication_pb2.Head) -> Probe | None:
        """Get a writer's head, if one says at once that the registry is at what was loaded."""
        sent_s = self._ports.scheduler.now_s()
        try:
            async with self._ports.scheduler.timeout(CONFIRM_WITHIN_S):
                head = await self._request_head(loaded.registry_id)
        except (NatsError, TimeoutError, OSError):
            return None
        is_same = (head.registry_id, position_of(head)) == (loaded.registry_id, position_of(loaded))
        is_usable = (
            is_same and self._signed.accepts(head, "probe") and self._terms.takes(head, "probe")
        )
        return Probe(sent_s, position_of(head)) if is_usable else None

    async def _load(self) -> LoadedSnapshot | None:
        """Load a snapshot that is ahead of what is served, from wherever there is one."""
        scheduler = self._ports.scheduler
        while True:
            # Noted BEFORE the read: what commits after the read is published after the note.
            self.noted = await self._ports.stream.note()
            failed: Exception
            try:
                return await self._from_own_checkpoint() or await self._from_postgres()
            except (LoadTurnsTaken, Unsigned, *AWAY) as error:
                failed = error
            if isinstance(failed, DatabaseBehind) and failed.found is not None:
                await self._ask_for_bump(failed.found)
            loaded = await self._sources.newest(self._held, self.required_registry_id)
            if loaded is not None:
                log.warning("not loaded from PostgreSQL: %s", error_text(failed))
                return loaded
            if isinstance(failed, DatabaseBehind) and self._view.is_complete:
                return None
            if isinstance(failed, Unsigned):
                # Until somebody signs it. What is served meanwhile says how old it is.
                self._view.note_refusal(str(failed))
                await scheduler.sleep(POISON_PAUSE_S)
                continue
            if not isinstance(failed, LoadTurnsTaken):
                raise failed
            await scheduler.sleep(scheduler.uniform(*TURN_PAUSE_S))

    async def _from_own_checkpoint(self) -> LoadedSnapshot | None:
        """Load the last process's state if PostgreSQL leads on from it in few steps or not at all.

        Only at a start, and never back behind what the last process served.
        """
        self._kept = None
        if self._view.is_complete:
            return None
        checkpoint = await self._sources.checkpoint()
        revision = checkpoint.head.revision if checkpoint is not None else 0
        head, row = await self._ports.database.look(revision)
        if checkpoint is None or not self._terms.takes(head, "postgres"):
            return None
        if core.is_ahead(checkpoint.head, head, row):
            loaded = await self._sources.load(checkpoint)
            return loaded and loaded._replace(is_own=True, lacked_by=head)
        if core.is_near(checkpoint.head, head):
            loaded = await self._sources.load(checkpoint)
            return loaded and loaded._replace(is_own=True, leads_to=head)
        self._kept = checkpoint.head
        return None

    async def _from_postgres(self) -> LoadedSnapshot:
        since = self._held or self._kept
        with metrics.HYDRATE_SECONDS.labels("postgres").time():
            try:
                snapshot: Snapshot = await self._ports.database.hydrate(
                    self._require_usable, since.revision if since is not None else 0
                )
            except Diverged as error:
                log.error("PostgreSQL's current state does not fit its head: %s", error)  # noqa: TRY400
                raise Rebootstrap("poison") from error
        self._signed.admit(snapshot, "postgres")
        return LoadedSnapshot(snapshot, self.noted, "postgres", is_own=True)

    def _require_usable(self, read: HeadRead, keys: Sequence[bytes]) -> None:
        """Refuse a database before a million entities are read from it.

        Raises:
            DatabaseBehind: PostgreSQL's head does not lead on from what is served.
            Unsigned: No trusted key signed that head.
            ConnectionError: That head is of another registry.
        """
        self._signed.require(read.head, "postgres", keys)
        action, held = Action.APPLY, self._held
        if held is not None:
            is_own = self._view.is_own
            action = core.on_hydrated(held, read.head, read.row, is_confirmed=is_own)
        if action is Action.REFUSE:
            require_same_registry(self._view, read.head)
        if not self._terms.takes(read.head, "postgres"):
            raise DatabaseBehind(None, "it is of a database that is not the registry's any more")
        if action is Action.BUMP:
            raise DatabaseBehind(read.head, "it does not have what is served")
        if self._has_lost_kept(read):
            raise DatabaseBehind(None, "it has lost what the last process kept")

    def _has_lost_kept(self, read: HeadRead) -> bool:
        """Whether PostgreSQL led on from the checkpoint when it was looked at, and does not now."""
        return self._kept is not None and core.is_ahead(self._kept, read.head, read.row)

    async def _ask_for_bump(self, found: replication_pb2.Head) -> None:
        """Ask for a new epoch.

        Raises:
            Rebootstrap: A new epoch was begun.
        """
        if await ask_for_bump(self._ports.requests, self._view.snapshot.head, found):
            raise Rebootstrap("lost_history")


def require_same_registry(view: ReplicaState, head: replication_pb2.Head) -> None:
    """Refuse another registry's head.

    Raises:
        Rebootstrap: What is served was never confirmed: it may be what is foreign.
        ConnectionError: The head is foreign: nothing of it is applied.
    """
    own = view.snapshot.head.registry_id
    if head.registry_id == own:
        return
    if not view.is_own:
        raise Rebootstrap("registry", head.registry_id)
    log.error(
        "what came is of registry %s, the snapshot of %s: nothing of it is applied",
        *(head.registry_id.hex(), own.hex()),
    )
    message = "what came is of another registry"
    raise ConnectionError(message)


def error_text(error: BaseException) -> str:
    """Describe an error in one line."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")
