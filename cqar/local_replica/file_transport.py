"""Opens the published replica at a path, waits until it is there, and answers from it."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Lock
from typing import Final

from cqar.local_replica.environment import ReplicaEnvironment
from cqar.local_replica.reader import LocalReader, read_state
from cqar.local_replica.snapshot import LocalSnapshot, StalenessPolicy, WithoutStreams
from cqar.sdk import errors
from cqar.sdk.session_position import Position
from cqar.sdk.transport import Call, Reply
from cqar_shared.errors import EpochEnded
from cqar_shared.replication import replica_layout as fmt
from cqar_shared.replication.positions import is_reached

#: Between two looks for a revision, or for a replica.
RETRY_S: Final = 0.001


class FileTransport(WithoutStreams):
    """Answers each question from a read transaction of its own; for any number of threads.

    Attributes:
        environment: What was opened last; None: nothing yet, or it was closed.
    """

    def __init__(self, path: Path, policy: StalenessPolicy) -> None:
        self.environment: ReplicaEnvironment | None = None
        self._path = path
        self._policy = policy
        self._boot_id = fmt.boot_id()
        self._lock = Lock()

    def send(self, call: Call) -> Reply:
        with closing(self.open(call.timeout_s, call.min_position)) as snapshot:
            return snapshot.send(call)

    def open(self, timeout_s: float, min_position: Position | None) -> LocalSnapshot:
        """Open a read transaction, once the replica is there and has reached `min_position`.

        Raises:
            NotReady: There is no replica, or it has not reached `min_position`.
            Busy: The replica has as many readers as it may have.
            EpochChanged: The registry began a new history.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                return self._open(min_position)
            except (errors.NotReady, errors.Busy):
                if time.monotonic() >= until_s:
                    raise
            time.sleep(RETRY_S)

    def _open(self, min_position: Position | None) -> LocalSnapshot:
        environment = self._current_environment()
        environment.prepare()
        with ExitStack() as on_failure:
            tx = on_failure.enter_context(environment.begin())
            record = read_state(tx)
            if record is None:
                raise errors.NotReady(
                    f"{self._path} holds no replica yet: is its resolver loading?"
                )
            now = fmt.Now.unpacked(record)
            self._require_reached(now, min_position)
            databases = environment.of_generation(now.generation)
            if databases is None:
                raise errors.NotReady(f"{self._path} is being replaced too often")
            on_failure.pop_all()
        reader = LocalReader(tx, databases)
        return LocalSnapshot(tx, reader, record, self._boot_id, self._policy)

    def _current_environment(self) -> ReplicaEnvironment:
        """The environment at the path; threads that read a replaced one go on with that."""
        with self._lock:
            if self.environment is not None and self.environment.is_replaced:
                self.environment = None
            if self.environment is None:
                self.environment = ReplicaEnvironment(self._path)
            return self.environment

    def _require_reached(self, now: fmt.Now, min_position: Position | None) -> None:
        try:
            if min_position is not None and not is_reached(min_position, now.epoch, now.revision):
                raise errors.NotReady(
                    f"{self._path} is at {now.epoch}:{now.revision}, before {min_position}"
                )
        except EpochEnded as error:
            raise errors.EpochChanged(str(error), error.reason) from error

    def close(self) -> None:
        with self._lock:
            if self.environment is not None:
                self.environment.close()
                self.environment = None
