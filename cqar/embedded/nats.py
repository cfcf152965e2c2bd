"""NATS with JetStream from its wheel: on 127.0.0.1, its streams in a file store that is kept.

It asks for a password, which is in a file that only its user reads: command lines are everybody's.
"""

import os
from pathlib import Path

from cqar.embedded import probes, wheels
from cqar.embedded.private_files import write_private
from cqar.embedded.service import Service

USER = "cqar"


def service(folder: Path, port: int, log: Path, password: str) -> Service:
    settings = folder / "server.conf"
    text = f'authorization {{ user: "{USER}", password: "{password}" }}\n'
    write_private(settings, text.encode())
    argv = [str(wheels.nats_server()), "-c", str(settings), "-a", "127.0.0.1", "-p", str(port)]
    argv += ["-js", "-sd", str(folder)]
    return Service(
        name="nats",
        argv=tuple(argv),
        env=os.environ,
        ready=probes.nats(f"127.0.0.1:{port}"),
        log=log,
    )


def url(password: str, port: int) -> str:
    return f"nats://{USER}:{password}@127.0.0.1:{port}"
