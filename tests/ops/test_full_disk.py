"""A tmpfs that is full ends nobody who reads a published replica, and no resolver that starts.

What a full disk does without a right to mount one:
tests/unit/resolver/local_replica/test_full_disk.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.service_processes import ROOT

#: So many readers are in LMDB's lock file at once: places of 64 bytes, of pages of 4 KiB.
READERS = 300
SIZE = "3m"
#: In a process of its own: so many transactions at once, each in a place of its own.
READING = f"""
import sys, threading
from pathlib import Path

from cqar.local_replica.environment import ReplicaEnvironment
from cqar_shared.replication import replica_layout as fmt

file = ReplicaEnvironment(Path(sys.argv[1]))
together = threading.Barrier({READERS})
read = []


def one():
    together.wait()
    with file.env.begin() as tx:
        assert tx.get(fmt.NOW_KEY) and tx.get(fmt.HEAD_KEY)
        together.wait()
        read.append(sum(len(value) for _, value in tx.cursor()))


threads = [threading.Thread(target=one) for _ in range({READERS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(read) == {READERS}
"""
#: Exits 0 where all went on; a process that SIGBUS ends is a negative return code.
STORY = """
import errno, subprocess, sys
from pathlib import Path

from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_resolver.process.disk_space import DiskFull
from cqar_shared.replication import replica_layout as fmt
from tests.unit.resolver.local_replica.test_full_disk import a_market, moved, written
from tests.support.entity_builders import an_asset
from tests.unit.resolver.local_replica.test_writer import now_at

folder = Path(sys.argv[1]) / "replica"
filler = Path(sys.argv[1]) / "filler"


def fill():
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error


def read_by_many():
    argv = [sys.executable, "-c", sys.argv[2], str(folder)]
    assert subprocess.run(argv).returncode == 0


snapshot = a_market()
published = ReplicaWriter(folder)
published.replace(*written(snapshot))
fill()
read_by_many()

full = 0
for number in range(40):
    step = moved(snapshot, an_asset("LARGE", metadata={"note": str(number % 10) * (4000 * number)}))
    try:
        published.apply([step], now_at(snapshot))
    except DiskFull:
        full += 1
assert full, "there was room"
read_by_many()
published.close()

fill()
published = ReplicaWriter(folder)  # goes on with what is there
published.close()
for name in (fmt.DATA_FILE, fmt.LOCK_FILE, "boot"):
    (folder / name).unlink()
fill()
published = ReplicaWriter(folder)  # and starts where nothing is, and no room
try:
    published.replace(*written(snapshot))
except DiskFull:
    pass
else:
    raise AssertionError("there was room to begin with")
filler.unlink()
published.replace(*written(snapshot))
read_by_many()
published.close()
"""


def test_on_a_full_tmpfs_readers_read_and_resolvers_start(tmp_path: Path) -> None:
    argv = ["unshare", "--mount", "/bin/sh", "-ec"]
    script = f'mount -t tmpfs -o size={SIZE} tmpfs {tmp_path}; exec "$@"'
    run = [sys.executable, "-c", STORY, str(tmp_path), READING]
    found = subprocess.run(
        [*argv, script, "sh", *run], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr[-2000:]
