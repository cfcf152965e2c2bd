"""`LocalReplica`: what a resolver of this machine publishes, read without asking it anything.

An answer is a few reads of memory that the kernel shares between both processes, and one that was
given before is one: `now`, which says that nothing has changed. The resolver may stop and start
again meanwhile; answers say how old they are.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from time import CLOCK_BOOTTIME, clock_gettime, time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, TypeVar, overload

import lmdb
import msgspec

from cqar.local_replica.environment import ReplicaEnvironment
from cqar.local_replica.reader import LocalReader, ReadRecord, read_state
from cqar.local_replica.view import LocalView, StalenessPolicy
from cqar.replica.hit_cache import HITS_MAX
from cqar.sdk import errors
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.questions import Question
from cqar.sdk.results import PastResolution, Resolution, Spelling
from cqar.sdk.session_position import MinRevision, Position, SessionPosition
from cqar.sdk.sync_api import SyncApi
from cqar_shared.errors import EpochEnded
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.replication.positions import is_reached

if TYPE_CHECKING:
    import datetime as dt

#: Between two looks for a revision, or for a replica.
RETRY_S: Final = 0.001

StaleVerdict = Literal["deny", "allow", "error"]
T = TypeVar("T")


class _Hit(NamedTuple):
    """An answer, and what it rests on.

    Attributes:
        record: `now`, as it was when this was last known to be the answer.
        until_s: CLOCK_BOOTTIME.
    """

    result: Resolution
    record: bytes
    session: Position | None
    until_s: float
    from_ns: int
    until_ns: int
    read: list[ReadRecord]


class LocalReplica(SyncApi):
    """Answers as `Client`, of the present, and in microseconds. For any number of threads.

    Args:
        path: The resolver's `replica_path`; it may come into being later.
        timeout_s: For how long a question waits for a replica, or a revision, that is not there.
        min_revision: As that of `Client`.
        stale_after_s: Without a confirmed head for this long, answers say STALE.
        stale_verdict: What then becomes of verdicts: `deny` opening, `allow` as if it were not, or
            `error`: deny, and judge no order.
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
        super().__init__(timeout_s, SessionPosition(min_revision))
        self._path = Path(path)
        self._file: ReplicaEnvironment | None = None
        self._lock = Lock()
        self._policy = StalenessPolicy(stale_after_s, stale_verdict)
        self._boot_id = fmt.boot_id()
        self._hits: dict[tuple[str, str], _Hit] = {}

    # ------------------------------------------------------------ asking

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: None = None, timeout_s: float | None = None
    ) -> Resolution: ...

    @overload
    def resolve(
        self, venue: str, symbol: str, *, as_of: dt.datetime, timeout_s: float | None = None
    ) -> PastResolution: ...

    def resolve(
        self,
        venue: str,
        symbol: str,
        *,
        as_of: dt.datetime | None = None,
        timeout_s: float | None = None,
    ) -> Resolution | PastResolution:
        """As `Client.resolve`; the past only as far as the present terms reach back."""
        if as_of is not None:
            return super().resolve(venue, symbol, as_of=as_of, timeout_s=timeout_s)
        hit, file = self._hits.get((venue, symbol)), self._file
        if hit is not None and file is not None:
            try:
                with file.env.begin() as tx:
                    record = tx.get(fmt.NOW_KEY)
            except lmdb.Error:
                record = None  # `at` meets it again, and says what it is
            if (
                record == hit.record
                and clock_gettime(CLOCK_BOOTTIME) < hit.until_s
                and hit.session is self._session.position
            ):
                return hit.result
        with self.at(timeout_s) as view:
            return self._resolve(view, (venue, symbol), hit)

    def _resolve(self, view: LocalView, key: tuple[str, str], hit: _Hit | None) -> Resolution:
        now_ns, began_s = time_ns(), clock_gettime(CLOCK_BOOTTIME)
        at = view.current()
        lease = view.lease(at)
        if hit is not None and lease.seconds and _is_unchanged(hit, view, now_ns):
            self._session.observe(view.revision)
            result = msgspec.structs.replace(hit.result, freshness=view.told(at, lease))
            read, until_ns = hit.read, hit.until_ns
        else:
            result, until_ns = view.resolve_now(*key, at)
            read = view.reading.read
        if lease.seconds:
            until_s = began_s + min(lease.seconds, (until_ns - now_ns) / 1e9)
            place = (view.record, self._session.position, until_s, now_ns, until_ns)
            if len(self._hits) >= HITS_MAX:
                self._hits.clear()
            self._hits[key] = _Hit(result, *place, read)
        return result

    def ask(self, question: Question[T], timeout_s: float) -> T:
        with self.at(timeout_s) as view:
            return view.ask(question, timeout_s)

    def follow(self, question: Question[T], timeout_s: float | None) -> Generator[T, None, None]:
        with self.at(timeout_s) as view:
            return view.follow(question, timeout_s)

    def listed(self, venue: str, *, timeout_s: float | None = None) -> list[Spelling]:
        """All that a venue lists now, of one revision."""
        with self.at(timeout_s) as view:
            return view.listed(venue)

    # ------------------------------------------------------------ reading

    @contextmanager
    def at(self, timeout_s: float | None = None) -> Iterator[LocalView]:
        """The replica at one revision, for as long as the block lasts; keep it short.

        Raises:
            NotReady: There is none, or none as far as `carry` wants.
            Busy: As many read it as may.
            EpochChanged: The registry began a new history.
        """
        until_s = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while True:
            try:
                tx, view = self._begin()
                break
            except (errors.NotReady, errors.Busy):
                if time.monotonic() >= until_s:
                    raise
            time.sleep(RETRY_S)
        with tx:
            yield view

    def _begin(self) -> tuple[Any, LocalView]:
        file = self._opened()
        file.prepare()
        with ExitStack() as failing:
            tx = failing.enter_context(file.begin())
            record = read_state(tx)
            if record is None:
                raise errors.NotReady(
                    f"{self._path} holds no replica yet: is its resolver loading?"
                )
            now = fmt.Now.unpacked(record)
            self._require_wanted(now)
            databases = file.of_generation(now.generation)
            if databases is None:
                raise errors.NotReady(f"{self._path} is being replaced too often")
            place = (self._boot_id, self._policy, self._session, self._timeout_s)
            view = LocalView(LocalReader(tx, databases), record, *place)
            failing.pop_all()
        return tx, view

    def _opened(self) -> ReplicaEnvironment:
        """What is at the path; threads that read what was there before go on with that."""
        with self._lock:
            if self._file is not None and self._file.is_past:
                self._file = None
            if self._file is None:
                self._file = ReplicaEnvironment(self._path)
            return self._file

    def _require_wanted(self, now: fmt.Now) -> None:
        least = self._session.position
        try:
            if least is not None and not is_reached(least, now.epoch, now.revision):
                at = f"{now.epoch}:{now.revision}"
                raise errors.NotReady(f"{self._path} is at {at}, before {least}")
        except EpochEnded as error:
            self._session.forget()
            raise errors.EpochChanged(str(error), error.reason) from error

    def close(self) -> None:
        with self._lock:
            self._hits.clear()
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


def _is_unchanged(hit: _Hit, view: LocalView, now_ns: int) -> bool:
    """Whether what was answered is the answer now, too, but for how current it is."""
    if not hit.from_ns <= now_ns < hit.until_ns:
        return False
    is_same = hit.record[: fmt.MARK_BYTES] == view.record[: fmt.MARK_BYTES]
    return is_same or view.reading.holds(hit.read)
