"""Verifies that the registry's past and present are unaltered, from PostgreSQL itself.

All change sets are replayed from the first revision on, in one database snapshot. The result is
compared with everything that is read: the head, each row of the outbox with its domain events,
`current`, the relational tables, listings' terms, and the index of histories.
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

#: A row has at most 900 KiB of changes and as much of events.
ROWS_AT_ONCE: Final = 32
INDEX_ROWS_AT_ONCE: Final = 1_000
#: Revisions between two calls of the progress callback.
PROGRESS_EVERY: Final = 100

_DATABASE: Final = "names the database of the last commit: a copy differs until a writer starts"
_RESPONSE: Final = "a response kept 24 hours for repeated calls: not part of the history"
_COUNTED: Final = "how many findings a list says that there are: nothing is decided by it"
#: Columns that no change set covers, and why that is safe.
_REJECT_COLUMNS: Final = (
    *("venue_id", "venue_symbol", "reason", "actor", "hour", "listing_id", "reports"),
    *("first_at", "last_at", "code", "message", "price", "quantity"),
)
NOT_COVERED: Final = {
    "registry_head.singleton": "a constraint guards it",
    "registry_head.system_identifier": _DATABASE,
    "registry_head.timeline_id": _DATABASE,
    "registry_head.promoted_at_us": _DATABASE,
    "idempotency_keys.actor": _RESPONSE,
    "idempotency_keys.rpc": _RESPONSE,
    "idempotency_keys.key": _RESPONSE,
    "idempotency_keys.request_hash": _RESPONSE,
    "idempotency_keys.response": _RESPONSE,
    "idempotency_keys.created_at": _RESPONSE,
    **dict.fromkeys(
        (f"order_rejects.{name}" for name in _REJECT_COLUMNS),
        "it is no part of the history: reports, kept for a week",
    ),
    "finding_counts.state": _COUNTED,
    "finding_counts.kind": _COUNTED,
    "finding_counts.action": _COUNTED,
    "finding_counts.venue_id": _COUNTED,
    "finding_counts.number": _COUNTED,
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

#: Rows are looked up by key, a thousand per query. A join that scans a whole table instead would do
#: so a thousand times for a million rows.
_PLANS: Final = "SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
#: The tables that hold the past; all others are derived from them.
HISTORY: Final = frozenset({"outbox", "registry_head"})
#: Takes what is being compared, how many are done, and the total.
Progress = Callable[[str, int, int], None]


class RegistryAltered(Exception):
    """The registry was altered; the text names the first difference."""

    def __init__(self, differences: Differences, first: Difference) -> None:
        super().__init__(first.text)
        self.differences = differences
        self.first = first


class AuditReport(NamedTuple):
    """Result of an audit that found no difference.

    Attributes:
        entities: Number of current entities: neither deleted nor archived.
        chain: The chain at the head.
    """

    revisions: int
    entities: int
    chain: bytes
    signed: SignatureReport


async def verify_registry(
    url: str,
    recorded: Iterable[LogPosition] = (),
    trusted: Sequence[bytes] | None = None,
    progress: Progress = lambda _, __, ___: None,
) -> AuditReport:
    """Replay the outbox and compare everything that is read with the result, in one snapshot.

    Args:
        recorded: Earlier positions of the chain that were recorded outside PostgreSQL.
        trusted: Public keys; the head must be signed by one of them or by a key that they vouch
            for. None: signatures are verified against the registry's own keys.

    Raises:
        RegistryAltered: something differs.
    """
    connection = await asyncpg.connect(url, timeout=5)
    tcp_keepalive.watch(transport_of(connection))
    differences = Differences()
    try:
        await connection.execute(_PLANS)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            with closing(ReplayedState()) as state:
                audit = _Audit(connection, state, differences, progress)
                with suppress(TooManyDifferences):
                    await audit.run(recorded)
                    await audit.check_signatures(trusted)
    finally:
        await connection.close()
    if differences.first is not None:
        raise RegistryAltered(differences, differences.first)
    return AuditReport(audit.revisions, audit.replay.live, audit.chain, audit.signed)


class _Audit:
    """The state of one audit.

    Attributes:
        revisions, chain: Rows of the outbox that were read, and the chain of the last one.
        signed: The signatures that were verified.
    """

    def __init__(
        self, connection: Any, state: ReplayedState, differences: Differences, progress: Progress
    ) -> None:
        self._connection = connection
        self._state = state
        self._differences = differences
        self._progress = progress
        self.replay = Replay(state, differences)
        self.revisions = 0
        self.chain = b""
        self.signed = SignatureReport(0, None, is_head=False, by_trusted=False)

    async def run(self, recorded: Iterable[LogPosition]) -> None:
        """Compare everything but signatures.

        Raises:
            TooManyDifferences: the audit stops.
        """
        head = await self._connection.fetchrow(_HEAD)
        await self._read_outbox(head)
        for position in recorded:
            await self._require_recorded(position)
        tables = TableAudit(self._connection, self._state, self._differences)
        await tables.compare(lambda done: self._progress("entities", done, head["entities"]))

    async def _read_outbox(self, head: Any) -> None:
        """Replay all rows of the outbox."""
        self.chain = head["first"]
        epoch, last, version = 1, 0, head["chain_version"]
        index = _indexed_changes(self._connection)
        indexed = await anext(index, None)
        async for row in self._connection.cursor(_ROWS, prefetch=ROWS_AT_ONCE):
            where = f"{row['epoch']}:{row['revision']}"
            # A new epoch begins beyond every revision ever published; only there may numbers skip.
            if row["revision"] != last + 1 and not row["is_reset"]:
                missing = f"{row['epoch']}:{last + 1}"
                self._add("outbox", missing, MISSING, f"revision {missing} is missing")
            self._require_chain(row, where)
            changed = self.replay.apply(row)
            while indexed and indexed[0] < row["revision"]:
                self._compare_index(*indexed, set())
                indexed = await anext(index, None)
            if indexed and indexed[0] == row["revision"]:
                self._compare_index(*indexed, changed)
                indexed = await anext(index, None)
            else:
                self._compare_index(row["revision"], set(), changed)
            epoch, last, version = row["epoch"], row["revision"], row["chain_version"]
            self.revisions += 1
            if self.revisions % PROGRESS_EVERY == 0:
                self._progress("revisions", self.revisions, head["revisions"])
        self._compare_head(head, epoch, last, version)
        while indexed is not None:
            self._compare_index(*indexed, set())
            indexed = await anext(index, None)

    def _require_chain(self, row: Any, where: str) -> None:
        """Check that a row continues the chain of the row before; continue from its own chain."""
        expected = _chain_of(self.chain, row)
        if not self.revisions and row["prev_chain"] != self.chain and row["chain"] != expected:
            text = "the chain does not begin with this registry's id"
            self._add("registry_head", "", "registry_id", text)
        elif row["prev_chain"] != self.chain or row["chain"] != expected:
            text = f"revision {where} was altered, or the one before it was removed"
            self._add("outbox", where, "chain", text)
        self.chain = row["chain"]

    async def check_signatures(self, trusted: Sequence[bytes] | None) -> None:
        """Verify every signature; with `trusted` the head must have one."""
        try:
            self.signed = await check_signatures(self._connection, trusted)
        except InvalidSignature as error:
            self._add(error.table, error.key, "signature", str(error))
        except Unsigned as error:
            self._add("current", SIGNING_KEY.name, "payload", str(error))

    def _compare_head(self, head: Any, epoch: int, revision: int, version: int) -> None:
        end = f"the head is not at the end of the chain, revision {revision}"
        expected = {"epoch": epoch, "revision": revision, "chain": self.chain}
        # Rows are never removed from the outbox, so it is never compacted.
        expected |= {"live_count": self.replay.live, "compacted_revision": 0}
        expected["chain_version"] = version
        expected |= {"set_hash": positions.set_hash_bytes(self.replay.set_hash)}
        for name, value in expected.items():
            if head[name] != value:
                text = end if name in {"epoch", "revision", "chain"} else ""
                self._add("registry_head", "", name, text)

    async def _require_recorded(self, recorded: LogPosition) -> None:
        row = await self._connection.fetchrow(_RECORDED, recorded.revision)
        current = None if row is None else LogPosition(*row)
        if current != recorded:
            now = "missing" if current is None else current.whole
            text = f"{recorded.whole} was recorded and is now {now}: the history was rewritten"
            self._add("outbox", str(recorded), "noted", text)

    def _compare_index(
        self, revision: int, indexed: set[tuple[str, str]], changed: set[tuple[str, str]]
    ) -> None:
        """Check that the index of histories has exactly the entities that a revision changed."""
        for what, differing in ((MISSING, changed - indexed), (EXTRA, indexed - changed)):
            for kind, key in sorted(differing):
                self._add("entity_revisions", f"{kind}/{key}/{revision}", what)

    def _add(self, table: str, key: str, what: str, text: str = "") -> None:
        self._differences.add(table, key, what, text)


def _chain_of(chain: bytes, row: Any) -> bytes:
    """The chain after a row; empty for a chain version that this release does not know."""
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
    """(revision, changed entities) from the index that History reads."""
    revision, changed = 0, set[tuple[str, str]]()
    async for row in connection.cursor(_INDEX, prefetch=INDEX_ROWS_AT_ONCE):
        if row["revision"] != revision:
            if changed:
                yield revision, changed
            revision, changed = row["revision"], set()
        changed.add((row["kind"], row["key"]))
    if changed:
        yield revision, changed
