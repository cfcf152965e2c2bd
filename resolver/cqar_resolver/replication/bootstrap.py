"""Loads everything into the view: from PostgreSQL, else from what stands in for it.

A process that begins prefers its own file if PostgreSQL leads on from there in few steps: that
takes a fourth of the time, and PostgreSQL none.

Never back: neither behind what is served, nor behind what the last process served and kept.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import asyncpg
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cqar_resolver import metrics
from cqar_resolver.replication import protocol as core
from cqar_resolver.replication.bootstrap_sources import BootstrapSources, LoadedSnapshot
from cqar_resolver.replication.epoch_requests import ask_for_bump
from cqar_resolver.replication.freshness import Probe, boot_clock_s
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.replication.postgres import HeadRead, LoadTurnsTaken, RegistryDatabase
from cqar_resolver.replication.protocol import Action
from cqar_resolver.replication.replica_state import ReplicaState, history_of
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_resolver.snapshot.snapshot import Diverged, Snapshot
from cqar_shared.replication.positions import position_of
from cqar_shared.replication.stream_mark import StreamMark
from cqar_shared.trust.trusted_keys import Unsigned

log = logging.getLogger(__name__)

#: A poisoned change set is met again at once after a start over: not faster than this.
POISON_PAUSE_S: Final = 1.0
#: Between two looks for a turn to load; random, so that a thousand resolvers do not look at once.
TURN_PAUSE_S: Final = (0.05, 0.25)
#: What is loaded is served this much later, if a writer's answer may make it LIVE from the start.
CONFIRM_WITHIN_S: Final = 0.5
#: What PostgreSQL or NATS being away looks like from here.
AWAY: Final = (
    OSError,
    TimeoutError,
    NatsError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class Rebootstrap(Exception):
    """The snapshot cannot be advanced to where the registry is; `cause` is a metric's label."""

    def __init__(self, cause: metrics.Cause, registry_id: bytes = b"") -> None:
        super().__init__(cause)
        self.cause = cause
        #: The stream's or a writer's, where that is not the snapshot's.
        self.registry_id = registry_id


class DatabaseBehind(ConnectionError):
    """PostgreSQL, as it was read here, does not lead on from what is served.

    Attributes:
        found: Its head, which writers are to be asked about; None where it is an earlier database.
    """

    def __init__(self, found: replication_pb2.Head | None, message: str) -> None:
        super().__init__(message)
        self.found = found


class BootstrapLoader:
    """Everything that loading needs.

    Attributes:
        told: The registry that the stream or a writer is of, where what is served never was
            confirmed and is of another; empty elsewhere.
        noted: Where the stream was when PostgreSQL was last asked.
    """

    def __init__(
        self,
        view: ReplicaState,
        database: RegistryDatabase,
        client: Client,
        note_stream: Callable[[], Awaitable[StreamMark | None]],
        now: Callable[[], dt.datetime],
        sources: BootstrapSources,
        signed: SignedHeads | None = None,
        terms: KnownTerms | None = None,
        ask_head: Callable[[bytes], Awaitable[replication_pb2.Head]] | None = None,
    ) -> None:
        self._ask_head = ask_head
        self._terms = terms or KnownTerms()
        self._signed = signed or SignedHeads()
        self._view = view
        self._database = database
        self._client = client
        self._note_stream = note_stream
        self._now = now
        self._sources = sources
        self.required_registry_id = b""
        self.noted: StreamMark | None = None

    async def load(self) -> LoadedSnapshot | None:
        """Put into the view what PostgreSQL holds, or what stands in for it; never go back.

        None of it is confirmed by that: PostgreSQL may be a replica, which lags, or an old primary.

        Returns:
            What was loaded; None where what is served goes on, since PostgreSQL is behind it.

        Raises:
            StartOver: It must be done again.
        """
        loaded = await self._load()
        if loaded is None:
            log.warning("PostgreSQL is behind what is served, which goes on")
            return None
        snapshot = loaded.snapshot
        confirmation = await self._confirmation(snapshot.head)
        held = self._view.snapshot.head if self._view.is_complete else None
        if held is not None and history_of(held) != history_of(snapshot.head):
            self._view.freshness.forget()
            metrics.EPOCHS.inc()
        leads_on = held is not None and held.registry_id == snapshot.head.registry_id
        if loaded.source != "postgres" or not leads_on:
            self._view.freshness.unconfirm()
        if held is not None and not leads_on:
            log.error("what was served until now was of another registry than PostgreSQL's")
        if confirmation is not None:
            # No reader comes in between: there is no moment at which it is served unconfirmed.
            self._view.freshness.note_probe(confirmation, snapshot.position)
        self.required_registry_id = b""
        self._view.replace(
            snapshot,
            loaded.source,
            self._now(),
            is_own=loaded.is_own,
            is_in_checkpoint=loaded.is_in_checkpoint,
        )
        if loaded.leads_to is not None:
            self._view.freshness.note_head(position_of(loaded.leads_to))
        self._view.announce_revision()
        if confirmation is not None:
            self._view.note_head_request()
        text = "loaded %d entities at revision %s from %s"
        log.info(text, snapshot.count, snapshot.position, loaded.source)
        if loaded.lacked_by is not None:
            await self._ask_for_bump(loaded.lacked_by)
        return loaded

    async def _confirmation(self, loaded: replication_pb2.Head) -> Probe | None:
        """A writer's head, if one tells at once that the registry is at what was loaded.

        Else what is served is not confirmed at first, and probes go on to ask.
        """
        if self._ask_head is None:
            return None
        sent_s = boot_clock_s()
        try:
            async with asyncio.timeout(CONFIRM_WITHIN_S):
                head = await self._ask_head(loaded.registry_id)
        except (NatsError, TimeoutError, OSError):
            return None
        is_it = (head.registry_id, position_of(head)) == (loaded.registry_id, position_of(loaded))
        taken = is_it and self._signed.accepts(head, "probe") and self._terms.takes(head, "probe")
        return Probe(sent_s, position_of(head)) if taken else None

    async def _load(self) -> LoadedSnapshot | None:
        """All of the registry, ahead of what is served."""
        while True:
            # Noted BEFORE the read: what commits after the read is published after the note.
            self.noted = mark = await self._note_stream()
            failed: Exception
            try:
                own = None if self._view.is_complete else await self._from_own_file()
                return own or LoadedSnapshot(await self._hydrate(), mark, "postgres", is_own=True)
            except (LoadTurnsTaken, Unsigned, *AWAY) as error:
                failed = error
            if isinstance(failed, DatabaseBehind) and failed.found is not None:
                await self._ask_for_bump(failed.found)
            held = self._view.snapshot.head if self._view.is_complete else None
            loaded = await self._sources.newest(held, self.required_registry_id)
            if loaded is not None:
                log.warning("not loaded from PostgreSQL: %s", error_text(failed))
                return loaded
            if isinstance(failed, DatabaseBehind) and self._view.is_complete:
                return None
            if isinstance(failed, Unsigned):
                # Until somebody signs it. What is served meanwhile says how old it is.
                self._view.note_refusal(str(failed))
                await asyncio.sleep(POISON_PAUSE_S)
                continue
            if not isinstance(failed, LoadTurnsTaken):
                raise failed
            await asyncio.sleep(random.uniform(*TURN_PAUSE_S))

    async def _from_own_file(self) -> LoadedSnapshot | None:
        """What the last process kept, if PostgreSQL leads on in few steps, or not at all.

        Never back: not behind what the last process served.
        """
        kept = await self._sources.kept()
        look = await self._database.look(kept.head.revision if kept is not None else 0)
        if kept is None or not self._terms.takes(look.head, "postgres"):
            return None
        if core.is_ahead(kept.head, look.head, look.row):
            loaded = await self._sources.tried(kept)
            return loaded and loaded._replace(is_own=True, lacked_by=look.head)
        if core.is_near(kept.head, look.head):
            loaded = await self._sources.tried(kept)
            return loaded and loaded._replace(is_own=True, leads_to=look.head)
        return None

    async def _hydrate(self) -> Snapshot:
        held = self._view.snapshot.head.revision if self._view.is_complete else 0
        with metrics.HYDRATE_SECONDS.labels("postgres").time():
            try:
                snapshot = await self._database.hydrate(self._require_usable, held)
            except Diverged as error:
                log.error("PostgreSQL's current state does not fit its head: %s", error)  # noqa: TRY400
                raise Rebootstrap("poison") from error
        self._signed.admit(snapshot, "postgres")
        return snapshot

    def _require_usable(self, look: HeadRead, keys: Sequence[bytes]) -> None:
        """Refuse before a million entities are read.

        Raises:
            Behind: PostgreSQL's head does not lead on from what is served.
            Unsigned: Nobody who is trusted signed that head.
            ConnectionError: That head is of another registry.
        """
        self._signed.require(look.head, "postgres", keys)
        action = Action.APPLY
        if self._view.is_complete:
            held, is_own = self._view.snapshot.head, self._view.is_own
            action = core.on_hydrated(held, look.head, look.row, is_confirmed=is_own)
        if action is Action.REFUSE:
            require_same_registry(self._view, look.head)
        if not self._terms.takes(look.head, "postgres"):
            raise DatabaseBehind(None, "it is of a database that is not the registry's any more")
        if action is Action.BUMP:
            raise DatabaseBehind(look.head, "it does not have what is served")

    async def _ask_for_bump(self, found: replication_pb2.Head) -> None:
        """Raises: StartOver: A new epoch was begun."""
        if await ask_for_bump(self._client, self._view.snapshot.head, found):
            raise Rebootstrap("lost_history")


def require_same_registry(view: ReplicaState, head: replication_pb2.Head) -> None:
    """Refuse another registry's head.

    Raises:
        StartOver: What is served is not known to be this registry's: it may be what is foreign.
        ConnectionError: What came is foreign: nothing of it is applied.
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
    return f"{type(error).__name__}: {error}".removesuffix(": ")
