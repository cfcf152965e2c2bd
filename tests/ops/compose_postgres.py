"""PostgreSQL as compose.yaml's container makes it: its superuser, its arguments, its script."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cqar.embedded import postgres
from cqar.embedded.account import unprivileged_account
from cqar.embedded.postgres_binaries import postgres_binaries
from cqar.embedded.process import Command, run_to_end
from cqar.embedded.socket_folder import make_sockets_folder
from cqar.embedded.supervisor import Supervisor

MADE_S = 120.0


@asynccontextmanager
async def made(folder: Path, port: int, options: list[str], password: Path) -> AsyncIterator[None]:
    """A server on 127.0.0.1 whose superuser is postgres; `folder` must be passable for others."""
    account = unprivileged_account()
    binaries = postgres_binaries(account)
    data, known = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    shutil.copyfile(password, known)
    if account is not None:
        for path in (data, known):
            os.chown(path, account.uid, account.gid)
    argv = (str(binaries / "initdb"), "-D", str(data), "-U", "postgres", f"--pwfile={known}")
    command = Command(
        name="initdb",
        argv=(*argv, "--no-sync", *options),
        env=postgres.ENVIRONMENT,
        account=account,
    )
    await run_to_end(command, timeout_seconds=MADE_S)
    sockets = make_sockets_folder(folder)
    supervisor = Supervisor()
    try:
        log = folder / "postgres.log"
        await supervisor.start(postgres.postgres_service(data, sockets, port, log, durable=False))
        yield
    finally:
        await supervisor.stop()
        shutil.rmtree(sockets, ignore_errors=True)


async def run_script(script: Path, port: int, password: Path) -> None:
    """As the image's own start does: by psql, as the superuser, on the first database."""
    binaries = postgres_binaries(unprivileged_account())
    address = ("-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", "postgres")
    command = Command(
        name="psql",
        argv=(str(binaries / "psql"), "-X", "-q", *address, "-f", str(script)),
        env={"PATH": os.environ["PATH"], "PGPASSWORD": password.read_text().strip()},
    )
    await run_to_end(command, timeout_seconds=MADE_S)
