"""The state folder is its user's alone, and nobody is signalled who does not hold its lock."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import msgspec
import nats
import pytest
import redis.asyncio
from nats.errors import Error as NatsError

from cqar.embedded import log_rotation, process_identity
from cqar.embedded.background import detach, shut_down
from cqar.embedded.endpoints import read_endpoints
from cqar.embedded.failures import EmbeddedError, StackNotRunning, UnsafePath
from cqar.embedded.lock import LOCK_NAME, hold_lock
from cqar.embedded.private_files import make_private_folder, read_private, write_private
from cqar.embedded.process_identity import ProcessIdentity
from cqar.embedded.servers import EmbeddedServers, stored_password
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from tests.support.cli_runner import run_process
from tests.support.commits import eventually, running

#: Of whoever runs the tests, nobody's and not theirs.
STRANGER = 65_534


async def up(state_dir: Path) -> None:
    async def unused(_: object) -> None:
        raise AssertionError("a stack came up in a folder that is not ours")

    await run_stack(StackOptions(state_dir), unused, asyncio.Event())


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return make_private_folder(tmp_path / "state")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process, as far as a state folder knows."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as process:
        yield process
        process.kill()


def foreign_folder(folder: Path) -> Path:
    """A folder of another user's: only root can make one, and others find one."""
    if os.geteuid() != 0:
        return Path("/usr")
    folder.mkdir()
    os.chown(folder, STRANGER, STRANGER)
    return folder


# ---------------------------------------------------------------- folders and files


async def test_a_state_folder_that_is_a_link_is_refused_by_everybody(tmp_path: Path) -> None:
    target = make_private_folder(tmp_path / "target")
    link = tmp_path / "link"
    link.symlink_to(target)
    before = sorted(target.iterdir())
    for use in (detach, shut_down, read_endpoints, remove_state):
        with pytest.raises(UnsafePath, match="is a link"):
            use(link)
    with pytest.raises(UnsafePath, match="is a link"):
        await up(link)
    assert sorted(target.iterdir()) == before
    ran = await run_process("up", "--state", link, state=tmp_path)
    assert ran.code != 0
    assert "is a link: remove it, or name another folder by --state" in ran.err


async def test_a_folder_of_another_user_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = foreign_folder(tmp_path / "foreign")
    before = sorted(folder.iterdir())
    with pytest.raises(UnsafePath, match="belongs to user"):
        await up(folder)
    with pytest.raises(UnsafePath, match="belongs to user"):
        detach(folder)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
async def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(UnsafePath, match="can be written by others"):
        await up(folder)


def test_a_new_state_folder_and_its_lock_are_for_nobody_else(tmp_path: Path) -> None:
    folder = make_private_folder(tmp_path / "above/state")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    old_umask = os.umask(0)
    try:
        with hold_lock(folder):
            assert stat.S_IMODE((folder / LOCK_NAME).stat().st_mode) == 0o600
    finally:
        os.umask(old_umask)


@pytest.mark.parametrize(
    "place",
    [Path.symlink_to, Path.hardlink_to, lambda path, _: os.mkfifo(path, 0o600)],
    ids=["link", "second name", "pipe"],
)
def test_a_file_that_is_another_is_neither_read_nor_written(
    state_dir: Path, tmp_path: Path, place: Callable[[Path, Path], None]
) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    logs = make_private_folder(state_dir / "logs")
    uses: dict[Path, Callable[[], object]] = {
        state_dir / LOCK_NAME: lambda: detach(state_dir),
        state_dir / "endpoints.json": lambda: read_private(state_dir / "endpoints.json"),
        state_dir / "password": lambda: stored_password(state_dir),
        logs / "stack.log": lambda: detach(state_dir),
        logs / "nats.log": lambda: log_rotation.rotate_log(logs / "nats.log"),
    }
    for path, use in uses.items():
        place(path, target)
        with pytest.raises(UnsafePath):
            use()
        assert target.read_text() == "precious", path
        path.unlink()


async def test_a_part_of_the_state_that_is_a_link_stops_the_start(
    state_dir: Path, tmp_path: Path
) -> None:
    elsewhere = make_private_folder(tmp_path / "elsewhere")
    for name in ("logs", "postgres", "nats", "redis"):
        (state_dir / name).symlink_to(elsewhere)
        with pytest.raises(UnsafePath, match=f"{name} is a link"):
            await up(state_dir)
        (state_dir / name).unlink()
    assert list(elsewhere.iterdir()) == []
    database = make_private_folder(make_private_folder(state_dir / "postgres") / "other")
    (state_dir / "postgres/data").symlink_to(database)
    with pytest.raises(UnsafePath, match="data is a link, but not to"):
        await up(state_dir)
    remove_state(state_dir)
    assert elsewhere.exists()


def test_a_written_file_takes_a_links_place_and_not_its_target(
    state_dir: Path, tmp_path: Path
) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    path = state_dir / "keys.json"
    path.symlink_to(target)
    (state_dir / f".keys.json.{os.getpid()}").symlink_to(target)
    write_private(path, b"{}")
    assert (target.read_text(), path.read_text()) == ("precious", "{}")
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600


# ---------------------------------------------------------------- who is signalled


def named(state_dir: Path, known: ProcessIdentity | int) -> None:
    text = msgspec.json.encode(known)
    (state_dir / LOCK_NAME).write_bytes(text)
    (state_dir / LOCK_NAME).chmod(0o600)


def test_a_living_process_that_does_not_hold_the_lock_is_not_stopped(
    state_dir: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    started, boot = process_identity.start_ticks(sleeper.pid), process_identity.boot_id()
    stale = (sleeper.pid, ProcessIdentity(sleeper.pid, started, boot))
    for content in stale:
        named(state_dir, content)
        with pytest.raises(StackNotRunning):
            shut_down(state_dir)
    with hold_lock(state_dir):
        for content in (
            *stale,
            ProcessIdentity(sleeper.pid, started + 1, boot),
            ProcessIdentity(sleeper.pid, started, "another boot"),
        ):
            named(state_dir, content)
            with pytest.raises(EmbeddedError, match="nothing was stopped"):
                shut_down(state_dir)
    assert sleeper.poll() is None


HOLDER = """
import sys, time
from pathlib import Path
from cqar.embedded.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


def test_who_holds_the_lock_is_stopped(state_dir: Path) -> None:
    argv = [sys.executable, "-c", HOLDER, str(state_dir)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
        reaping = threading.Thread(target=held.wait)  # or it stays a zombie
        reaping.start()
        shut_down(state_dir)
        reaping.join()
        assert held.returncode == -signal.SIGTERM


# ---------------------------------------------------------------- logs

WRITES = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
number = 0
while True:
    os.write(log, b"%09d\\n" % number)
    number += 1
    time.sleep(0.0001)
"""


@pytest.fixture
def written_log(state_dir: Path) -> Iterator[Path]:
    """A log that a program goes on writing, a line each 100 us."""
    log = state_dir / "writer.log"
    with subprocess.Popen([sys.executable, "-c", WRITES, str(log)]) as writing:
        yield log
        writing.kill()


async def test_a_log_that_is_written_stays_below_its_bound_with_its_newest_lines(
    state_dir: Path, written_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = 20_000
    monkeypatch.setattr(log_rotation, "LOG_MAX_BYTES", bound)
    monkeypatch.setattr(log_rotation, "CHECK_EVERY_SECONDS", 0.01)
    (state_dir / "not-a-log").write_bytes(b"x" * 2 * bound)
    oldest = written_log.with_name(f"{written_log.name}.{log_rotation.ROTATED_MAX}")

    def rotated() -> bool:
        """Whether what was the oldest is gone already."""
        return oldest.exists() and int(oldest.read_text().split()[0]) > 0

    async with running(log_rotation.rotate_logs(state_dir)):
        await eventually(rotated, 60)
    found = sorted(path.name for path in state_dir.iterdir())
    kept = [f"writer.log.{number}" for number in range(1, log_rotation.ROTATED_MAX + 1)]
    assert found == ["not-a-log", "writer.log", *kept]
    assert all(stat.S_IMODE((state_dir / name).stat().st_mode) == 0o600 for name in kept)
    # Lines in order, from the oldest file to the one that is written: some are missing between.
    lines = [
        int(line)
        for name in (*reversed(kept), "writer.log")
        for line in (state_dir / name).read_text().splitlines()
        if len(line) == 9
    ]
    assert lines == sorted(lines)
    assert max(path.stat().st_size for path in state_dir.glob("writer.log.*")) <= 2 * bound + 1


# ---------------------------------------------------------------- passwords


async def test_the_stacks_servers_ask_for_a_password(servers: EmbeddedServers) -> None:
    before, _, after = servers.postgres.rpartition("@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"{before}x@{after}")
    for url in (servers.nats, servers.redis):
        assert len(url.rpartition("@")[0].rpartition(":")[2]) >= 32
    for wrong in ("nats://", "nats://cqar:guess@"):
        client = nats.NATS()
        with pytest.raises((NatsError, OSError)):
            await client.connect(
                f"{wrong}{servers.nats.rpartition('@')[2]}",
                allow_reconnect=False,
                connect_timeout=2,
            )
        await client.close()
    for wrong in ("redis://", "redis://:guess@"):
        url = f"{wrong}{servers.redis.rpartition('@')[2]}"
        async with redis.asyncio.Redis.from_url(url) as store:
            with pytest.raises(redis.exceptions.RedisError):
                await store.ping()


async def test_no_password_is_on_a_command_line(servers: EmbeddedServers) -> None:
    passwords = [url.rpartition("@")[0].rpartition(":")[2] for url in (servers.nats, servers.redis)]
    assert len(servers.pids) == 3
    for pid in servers.pids.values():
        said = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(password in said for password in passwords)
