"""Whether the registry's past and present are as they were written, read off PostgreSQL itself.

All change sets are applied again, from the first revision on, in one view of the database; what
comes of them is compared with all that anybody reads: the head, each row of the outbox with its
domain events, `current`, the relational tables, listings' terms, the index of histories.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing, suppress
from typing import Any, Final, NamedTuple

import asyncpg

from cqar.admin.audit_differences import EXTRA, MISSING, Difference, Differences, TooManyDifferences
from cqar.admin.audit_replay import Replay
from cqar.admin.audit_signatures import InvalidSignature, SignatureReport, check_signatures
from cqar.admin.audit_state import ReplayedState
from cqar.admin.audit_tables import TableAudit
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY
from cqar_shared.replication import hash_chain, positions
from cqar_shared.replication.positions import LogPosition
from cqar_shared.runtime import tcp_keepalive
from cqar_shared.sql.pg_session import transport_of
from cqar_shared.trust.trusted_keys import Unsigned

#: Of at most 900 KiB, and events of as much.
ROWS_AT_ONCE: Final = 32
INDEX_ROWS_AT_ONCE: Final = 1_000
#: Revisions between two words of how far it is.
PROGRESS_EVERY: Final = 100

_DATABASE: Final = "says which database the writer committed in: a copy differs until one starts"
_ANSWER: Final = "an answer kept for whoever asks again within 24 hours: no part of the history"
#: What no change set says, and why that opens no door.
NOT_COVERED: Final = {
    "registry_head.singleton": "a constraint holds it",
    "registry_head.system_identifier": _DATABASE,
    "registry_head.timeline_id": _DATABASE,
    "registry_head.promoted_at_us": _DATABASE,
    "idempotency_keys.actor": _ANSWER,
    "idempotency_keys.rpc": _ANSWER,
    "idempotency_keys.key": _ANSWER,
    "idempotency_keys.request_hash": _ANSWER,
    "idempotency_keys.response": _ANSWER,
    "idempotency_keys.created_at": _ANSWER,
}

_HEAD: Final = """
    SELECT sha256(registry_id) AS first, epoch, chain, revision, live_count, set_hash,
        compacted_revision, chain_version, (SELECT count(*) FROM outbox) AS revisions,
        (SELECT count(*) FROM current) AS entities
    FROM registry_head
"""
_ROWS: Final = """
    SELECT revision, epoch, prev_chain, chain, payload, is_reset, live_count, set_hash, events,
        committed_at, chain_version
    FROM outbox ORDER BY revision
"""
_RECORDED: Final = "SELECT epoch, revision, chain FROM outbox WHERE revision = $1"
_INDEX: Final = "SELECT revision, kind, key FROM entity_revisions ORDER BY revision"

#: Rows are looked up by their keys, a thousand at once: each join that scans a whole table instead
#: would do so a thousand times for a million rows.
_PLANS: Final = "SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
#: Where the past is; all else is made of it.
HISTORY: Final = frozenset({"outbox", "registry_head"})
#: Told what is being looked at, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


class RegistryAltered(Exception):
    """Something is not as it was written; the text says what comes first.

    Attributes:
        differences: What was found, the first of it, and how much of each kind.
    """

    def __init__(self, differences: Differences, first: Difference) -> None:
        super().__init__(first.text)
        self.differences = differences
        self.first = first


class AuditReport(NamedTuple):
    """What was found whole.

    Attributes:
        entities: Alive, and not archived.
        chain: Of the head.
        signed: What was found signed.
    """

    revisions: int
    entities: int
    chain: bytes
    signed: SignatureReport


async def verify_registry(
    url: str,
    noted: Iterable[LogPosition] = (),
    trusted: Sequence[bytes] | None = None,
    told: Progress = lambda _, __, ___: None,
) -> AuditReport:
    """Replay the outbox, and compare all that is read with what comes of it, in one view.

    Args:
        noted: Where the chain was, by what was noted outside PostgreSQL.
        trusted: Public keys, one of which, or one that they lead to, must have signed the head.
            None: signatures are held against the keys that the registry itself tells of.
        told: For a progress bar.

    Raises:
        RegistryAltered: Something does not fit.
    """
    connection = await asyncpg.connect(url, timeout=5)
    tcp_keepalive.watch(transport_of(connection))
    differences = Differences()
    try:
        await connection.execute(_PLANS)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            with closing(ReplayedState()) as state:
                audit = _Audit(connection, state, differences, told)
                with suppress(TooManyDifferences):
                    await audit.run(noted)
                    await audit.check_signatures(trusted)
    finally:
        await connection.close()
    if differences.first is not None:
        raise RegistryAltered(differences, differences.first)
    return AuditReport(audit.revisions, audit.replay.live, audit.chain, audit.signed)


class _Audit:
    """One of them.

    Attributes:
        revisions, chain: As far as the outbox was read.
        signed: As far as signatures were checked.
    """

    def __init__(
        self, connection: Any, state: ReplayedState, differences: Differences, told: Progress
    ) -> None:
        self._connection = connection
        self._state = state
        self._differences = differences
        self._told = told
        self.replay = Replay(state, differences)
        self.revisions = 0
        self.chain = b""
        self.signed = SignatureReport(0, None, is_head=False, by_trusted=False)

    async def run(self, noted: Iterable[LogPosition]) -> None:
        """Look at everything.

        Raises:
            TooManyDifferences: More differs than is worth looking at.
        """
        head = await self._connection.fetchrow(_HEAD)
        await self._read_outbox(head)
        for one in noted:
            await self._require_noted(one)
        tables = TableAudit(self._connection, self._state, self._differences)
        await tables.compare(lambda done: self._told("entities", done, head["entities"]))

    async def _read_outbox(self, head: Any) -> None:
        """Apply all rows."""
        self.chain = head["first"]
        epoch, last, version = 1, 0, head["chain_version"]
        index = _indexed_changes(self._connection)
        named = await anext(index, None)
        async for row in self._connection.cursor(_ROWS, prefetch=ROWS_AT_ONCE):
            where = f"{row['epoch']}:{row['revision']}"
            # An epoch begins beyond all that was ever seen: only there may numbers be left out.
            if row["revision"] != last + 1 and not row["is_reset"]:
                missing = f"{row['epoch']}:{last + 1}"
                self._add("outbox", missing, MISSING, f"revision {missing} is missing")
            self._require_chain(row, where)
            changed = self.replay.apply(row)
            while named and named[0] < row["revision"]:
                self._compare_index(*named, set())
                named = await anext(index, None)
            is_named = named is not None and named[0] == row["revision"]
            self._compare_index(row["revision"], named[1] if named and is_named else set(), changed)
            if is_named:
                named = await anext(index, None)
            epoch, last, version = row["epoch"], row["revision"], row["chain_version"]
            self.revisions += 1
            if self.revisions % PROGRESS_EVERY == 0:
                self._told("revisions", self.revisions, head["revisions"])
        self._compare_head(head, epoch, last, version)
        while named is not None:
            self._compare_index(*named, set())
            named = await anext(index, None)

    def _require_chain(self, row: Any, where: str) -> None:
        """See that a row follows the one before, and go on from what it says itself."""
        found = _chain_of(self.chain, row)
        if not self.revisions and row["prev_chain"] != self.chain and row["chain"] != found:
            text = "the chain does not begin with this registry's id"
            self._add("registry_head", "", "registry_id", text)
        elif row["prev_chain"] != self.chain or row["chain"] != found:
            text = f"revision {where} is not as it was written, or what was before it is gone"
            self._add("outbox", where, "chain", text)
        self.chain = row["chain"]

    async def check_signatures(self, trusted: Sequence[bytes] | None) -> None:
        """See that every signature is what it says; with `trusted` the head must have one."""
        try:
            self.signed = await check_signatures(self._connection, trusted)
        except InvalidSignature as error:
            self._add(error.table, error.key, "signature", str(error))
        except Unsigned as error:
            self._add("current", SIGNING_KEY.name, "payload", str(error))

    def _compare_head(self, head: Any, epoch: int, revision: int, version: int) -> None:
        end = f"the head is not where the chain ends, at revision {revision}"
        # Nothing is ever taken out of the outbox.
        expected = {"epoch": epoch, "revision": revision, "chain": self.chain}
        expected |= {"live_count": self.replay.live, "compacted_revision": 0}
        expected["chain_version"] = version
        expected |= {"set_hash": positions.set_hash_bytes(self.replay.set_hash)}
        for name, value in expected.items():
            if head[name] != value:
                text = end if name in {"epoch", "revision", "chain"} else ""
                self._add("registry_head", "", name, text)

    async def _require_noted(self, noted: LogPosition) -> None:
        row = await self._connection.fetchrow(_RECORDED, noted.revision)
        found = None if row is None else LogPosition(*row)
        if found != noted:
            now = "not there" if found is None else found.whole
            text = f"{noted.whole} was noted, and now is {now}: history was rewritten"
            self._add("outbox", str(noted), "noted", text)

    def _compare_index(
        self, revision: int, named: set[tuple[str, str]], changed: set[tuple[str, str]]
    ) -> None:
        """See that the index of histories names those whom a revision changed."""
        for what, differing in ((MISSING, changed - named), (EXTRA, named - changed)):
            for kind, key in sorted(differing):
                self._add("entity_revisions", f"{kind}/{key}/{revision}", what)

    def _add(self, table: str, key: str, what: str, text: str = "") -> None:
        self._differences.add(table, key, what, text)


def _chain_of(chain: bytes, row: Any) -> bytes:
    """The chain that a row makes; empty where it is of no version that is known here."""
    names = ("epoch", "revision", "payload", "live_count", "set_hash")
    epoch, revision, payload, live, set_hash = (row[name] for name in names)
    events_hash = hash_chain.events_hash_of(row["chain_version"], row["events"])
    link = hash_chain.Link(
        row["chain_version"], epoch, revision, payload, events_hash, live, set_hash
    )
    try:
        return hash_chain.chain_of(chain, link)
    except (ValueError, OverflowError):
        return b""


async def _indexed_changes(connection: Any) -> AsyncIterator[tuple[int, set[tuple[str, str]]]]:
    """(revision, what it changed), by the index that History reads."""
    revision, changed = 0, set[tuple[str, str]]()
    async for row in connection.cursor(_INDEX, prefetch=INDEX_ROWS_AT_ONCE):
        if row["revision"] != revision:
            if changed:
                yield revision, changed
            revision, changed = row["revision"], set()
        changed.add((row["kind"], row["key"]))
    if changed:
        yield revision, changed
