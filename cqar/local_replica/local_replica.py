"""`LocalReplica`: reads what a resolver of this machine publishes, without a call to it.

An answer is a few reads of memory that the kernel shares between both processes. Returning an
answer again takes one read, of the `now` record, which says whether anything has changed. The
resolver may stop and restart meanwhile; answers say how old they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime, time_ns
from types import TracebackType
from typing import Literal, NamedTuple, Self

import lmdb

from cqar.local_replica.file_transport import FileTransport
from cqar.local_replica.reader import ReadRecord
from cqar.local_replica.snapshot import LocalSnapshot, StalenessPolicy
from cqar.replica.hit_cache import HITS_MAX
from cqar.sdk.call_context import TIMEOUT_S, signature_of
from cqar.sdk.errors import CqarError
from cqar.sdk.results import PastResolution, Resolution
from cqar.sdk.session_position import MinRevision, Position, SessionPosition
from cqar.sdk.sync_api import SyncApi
from cqar_shared.replication import replica_layout as fmt

StaleVerdict = Literal["deny", "allow", "error"]


class _Hit(NamedTuple):
    """A resolution, and what it was made from.

    Attributes:
        record: The packed `now` record under which the result was last known to be right.
        min_position: The session's position then.
        until_s: CLOCK_BOOTTIME.
        from_ns, until_ns: Unix times between which the result does not change by itself.
        reads: All that was read to make it.
    """

    result: Resolution
    record: bytes
    min_position: Position | None
    until_s: float
    from_ns: int
    until_ns: int
    reads: list[ReadRecord]

    def is_valid_in(self, snapshot: LocalSnapshot, now_ns: int) -> bool:
        """Whether the snapshot gives the same result, but for its freshness."""
        if not self.from_ns <= now_ns < self.until_ns:
            return False
        is_same = self.record[: fmt.MARK_BYTES] == snapshot.record[: fmt.MARK_BYTES]
        return is_same or snapshot.reader.is_unchanged(self.reads)


class LocalView(SyncApi):
    """The replica at one revision. Use it in the thread that opened it, within its block."""

    def __init__(self, snapshot: LocalSnapshot, session: SessionPosition, timeout_s: float) -> None:
        super().__init__(snapshot, session, timeout_s)
        self._snapshot = snapshot

    @property
    def revision(self) -> Position:
        """The epoch and revision that every answer is of."""
        return self._snapshot.position


class LocalReplica(SyncApi):
    """Answers as `Client` about the present, in microseconds, for any number of threads.

    Args:
        path: The resolver's `replica_path`; the replica there may be published later.
        timeout_s: Default for how long a call waits for a replica, or a revision, to be there.
        min_revision: As that of `Client`.
        stale_after_s: Answers say STALE after this long without a confirmed head.
        stale_verdict: The verdict of a stale answer: `deny` opening, `allow` as if it were not
            stale, or `error`: deny, and check no order.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        timeout_s: float = TIMEOUT_S,
        min_revision: MinRevision = "seen",
        stale_after_s: float = 5.0,
        stale_verdict: StaleVerdict = "deny",
    ) -> None:
        session = SessionPosition(min_revision)
        self._file = FileTransport(Path(path), StalenessPolicy(stale_after_s, stale_verdict))
        super().__init__(self._file, session, timeout_s)
        self._hits: dict[tuple[str, str], _Hit] = {}

    @signature_of(SyncApi.resolve)
    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Resolution | PastResolution:
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        hit, environment = self._hits.get((venue, symbol)), self._file.environment
        if hit is not None and environment is not None:
            try:
                with environment.env.begin() as tx:
                    record = tx.get(fmt.NOW_KEY)
            except lmdb.Error:
                record = None  # opening a snapshot meets the error again, and raises it
            if (
                record == hit.record
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
                and hit.min_position is self._session.position
            ):
                return hit.result
        with self._open(timeout_s) as snapshot:
            return self._resolve_in(snapshot, (venue, symbol), hit)

    def _resolve_in(
        self, snapshot: LocalSnapshot, key: tuple[str, str], hit: _Hit | None
    ) -> Resolution:
        now_ns, began_s = time_ns(), clock_gettime(CLOCK_BOOTTIME)
        current = snapshot.current_freshness()
        lease = snapshot.lease(current)
        if hit is not None and lease.seconds and hit.is_valid_in(snapshot, now_ns):
            freshness = snapshot.leased_freshness(current, lease)
            result = hit.result.told_again(freshness, now_ns // 1_000_000)
            reads, until_ns = hit.reads, hit.until_ns
        else:
            result, until_ns = snapshot.resolve(*key, current)
            reads = snapshot.reader.reads
        self._session.observe(snapshot.position)
        if lease.seconds:
            until_s = began_s + min(lease.seconds, (until_ns - now_ns) / 1e9)
            if len(self._hits) >= HITS_MAX:
                self._hits.clear()
            position = self._session.position
            self._hits[key] = _Hit(
                result, snapshot.record, position, until_s, now_ns, until_ns, reads
            )
        return result

    @contextmanager
    def at(self, timeout_s: float | None = None) -> Iterator[LocalView]:
        """The replica at one revision, for as long as the block lasts; keep it short.

        Raises:
            NotReady: There is no replica, or it has not reached the position given to `carry`.
            Busy: The replica has as many readers as it may have.
            EpochChanged: The registry began a new history.
        """
        with self._open(timeout_s) as snapshot:
            yield LocalView(snapshot, self._session, self._timeout_s)

    def _open(self, timeout_s: float | None) -> closing[LocalSnapshot]:
        try:
            timeout_s = self._or_default_s(timeout_s)
            return closing(self._file.open(timeout_s, self._session.position))
        except CqarError as error:
            self._note_failure(error)
            raise

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._hits.clear()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()
