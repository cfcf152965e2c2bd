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

from resolver import follower_core as core
from resolver import metrics
from resolver.database import Busy, Database
from resolver.follower_core import Do
from resolver.freshness import boot_clock_s
from resolver.keeping import Journal
from resolver.signed_heads import SignedHeads
from resolver.snapshot import Diverged, Snapshot
from resolver.sources import Loaded, Sources
from resolver.view import View, history_of
from shared import jetstream
from shared.stream_mark import StreamMark
from shared.trust import Unsigned

log = logging.getLogger(__name__)

#: A poisoned change set is met again at once after a start over: not faster than this.
POISON_PAUSE_S: Final = 1.0
#: Between two looks for a turn to load; random, so that a thousand resolvers do not look at once.
TURN_PAUSE_S: Final = (0.05, 0.25)
#: What PostgreSQL or NATS being away looks like from here.
AWAY: Final = (
    OSError,
    TimeoutError,
    NatsError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class StartOver(Exception):
    """The snapshot cannot be advanced to where the registry is; `cause` is a metric's label."""

    def __init__(self, cause: metrics.Cause, registry_id: bytes = b"") -> None:
        super().__init__(cause)
        self.cause = cause
        #: The stream's or a writer's, where that is not the snapshot's.
        self.registry_id = registry_id


class Loader:
    """Everything that loading needs.

    Attributes:
        told: The registry that the stream or a writer is of, where what is served never was
            confirmed and is of another; empty elsewhere.
    """

    def __init__(
        self,
        view: View,
        database: Database,
        client: Client,
        note_stream: Callable[[], Awaitable[StreamMark | None]],
        now: Callable[[], dt.datetime],
        sources: Sources,
        journal: Journal,
        signed: SignedHeads | None = None,
    ) -> None:
        self._signed = signed or SignedHeads()
        self._view = view
        self._database = database
        self._client = client
        self._note_stream = note_stream
        self._now = now
        self._sources = sources
        self._journal = journal
        self.told = b""

    async def load(self) -> StreamMark | None:
        """Put into the view what PostgreSQL holds, or what stands in for it; never go back.

        Returns:
            How far the stream was read for it; None where that is not known.

        Raises:
            StartOver: It must be done again.
        """
        loaded = await self._load()
        snapshot = loaded.snapshot
        if loaded.source == "postgres":
            await self._require_onward(snapshot)
        held = self._view.snapshot.head if self._view.is_complete else None
        if held is not None and history_of(held) != history_of(snapshot.head):
            self._view.freshness.forget()
            metrics.EPOCHS.inc()
        # No reader comes in between: there is no moment at which it is loaded and unconfirmed.
        if loaded.as_of_s is not None:
            self._view.freshness.confirm(loaded.as_of_s)
        else:
            self._view.freshness.unconfirm()
        if loaded.leads_to is not None:
            self._view.freshness.probed(loaded.leads_to, snapshot.position)
        self.told = b""
        self._view.replace(snapshot, loaded.source, self._now())
        self._journal.begin(is_kept=loaded.is_kept)
        self._view.moved()
        text = "loaded %d entities at revision %s from %s"
        log.info(text, snapshot.count, snapshot.position, loaded.source)
        return loaded.mark

    async def _load(self) -> Loaded:
        """All of the registry, ahead of what is served."""
        while True:
            # Noted BEFORE the read: what commits after the read is published after the note.
            mark, as_of_s = await self._note_stream(), boot_clock_s()
            failed: Exception
            try:
                if not self._view.is_complete:
                    near = await self._sources.near(await self._database.head(), as_of_s)
                    if near is not None:
                        return near
                return Loaded(await self._hydrate(), mark, "postgres", as_of_s)
            except (Busy, Unsigned, *AWAY) as error:
                failed = error
            held = self._view.snapshot.head if self._view.is_complete else None
            loaded = await self._sources.newest(held, self.told)
            if loaded is not None:
                log.warning("not loaded from PostgreSQL: %s", said(failed))
                return loaded
            if isinstance(failed, Unsigned):
                # Until somebody signs it. What is served meanwhile says how old it is.
                self._view.refused(str(failed))
                await asyncio.sleep(POISON_PAUSE_S)
                continue
            if not isinstance(failed, Busy):
                raise failed
            await asyncio.sleep(random.uniform(*TURN_PAUSE_S))

    async def _hydrate(self) -> Snapshot:
        with metrics.HYDRATE_SECONDS.labels("postgres").time():
            try:
                snapshot = await self._database.hydrate(self._foresee)
            except Diverged as error:
                log.error("PostgreSQL's current state does not fit its head: %s", error)  # noqa: TRY400
                raise StartOver("poison") from error
        self._signed.admit(snapshot, "postgres")
        return snapshot

    def _foresee(self, head: replication_pb2.Head, keys: Sequence[bytes]) -> None:
        """Refuse before a million entities are read."""
        self._signed.require(head, "postgres", keys)

    async def _require_onward(self, found: Snapshot) -> None:
        """Never go back: not behind what is served, nor behind what the last process served.

        Raises:
            StartOver: PostgreSQL has less, or something else; a new epoch was asked for.
        """
        if not self._view.is_complete:
            await self._resume(found.head)
        if not self._view.is_complete:
            return
        held, confirmed = self._view.snapshot.head, self._view.freshness.is_confirmed
        action = core.on_hydrated(held, found.head, is_confirmed=confirmed)
        if action is Do.REFUSE:
            require_own(self._view, found.head)
        if action is Do.BUMP:
            await self._ask_for_bump(held, found.head)
            raise StartOver("lost_history")
        if found.head.registry_id != held.registry_id:
            log.error("what was served until now was of another registry than PostgreSQL's")

    async def _resume(self, found: replication_pb2.Head) -> None:
        """Serve what the file holds, if PostgreSQL does not lead on from there."""
        loaded = await self._sources.ahead_of(found)
        if loaded is not None:
            self._view.replace(loaded.snapshot, loaded.source, self._now())
            self._view.moved()

    async def _ask_for_bump(self, held: replication_pb2.Head, found: replication_pb2.Head) -> None:
        """PostgreSQL has less than what this process served, or something else."""
        metrics.BUMP_REQUESTS.inc()
        log.error(
            "PostgreSQL is at %d:%d, this process served %d:%d: asking for a new epoch",
            *(found.epoch, found.revision, held.epoch, held.revision),
        )
        request = replication_pb2.EpochBumpRequest(held=held, found=found)
        try:
            await self._client.request(
                jetstream.BUMP_SUBJECT,
                request.SerializeToString(),
                timeout=jetstream.REQUEST_TIMEOUT_S,
            )
        except (NatsError, TimeoutError) as error:
            log.warning("no writer answered: %s", error)
        await asyncio.sleep(POISON_PAUSE_S)


def require_own(view: View, head: replication_pb2.Head) -> None:
    """Refuse another registry's head.

    Raises:
        StartOver: What is served was never confirmed, so it may be that which is foreign.
        ConnectionError: What came is foreign: nothing of it is applied.
    """
    own = view.snapshot.head.registry_id
    if head.registry_id == own:
        return
    if not view.freshness.is_confirmed:
        raise StartOver("registry", head.registry_id)
    log.error(
        "what came is of registry %s, the snapshot of %s: nothing of it is applied",
        *(head.registry_id.hex(), own.hex()),
    )
    message = "what came is of another registry"
    raise ConnectionError(message)


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
