"""A release as users get it: built from this tree, installed into environments of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.support.service_processes import ROOT

UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
#: This environment's packages are not the new one's, nor this folder's modules.
OUTSIDE = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1"}
PASSED_ON = ("UV_", "PIP_", "SSL_", "REQUESTS_")


def run(
    *arguments: str | Path, cwd: Path = ROOT, **environ: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    return subprocess.run(
        list(map(str, arguments)),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**OUTSIDE, **kept, **environ},
    )


def done(*arguments: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    ran = run(*arguments, cwd=cwd, **environ)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def built(project: Path, into: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made of it."""
    done(UV, "build", "--quiet", "--out-dir", into, cwd=project)
    (sdist,), (wheel,) = into.glob("*.tar.gz"), into.glob("*.whl")
    return sdist, wheel


def build_requirements(sdist: Path) -> list[str]:
    """What an sdist says that it is built with."""
    with tarfile.open(sdist) as archive:
        names = map(Path, archive.getnames())
        (name,) = (n for n in names if n.name == "pyproject.toml" and len(n.parts) == 2)
        project = tomllib.loads(archive.extractfile(str(name)).read().decode())  # type: ignore[union-attr]
    return list(project["build-system"]["requires"])


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder behind a web server on loopback, and its URL."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and some of its extras."""

    folder: Path

    def run(
        self, program: str, *arguments: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return run(self.folder / "bin" / program, *arguments, cwd=cwd or self.folder)

    def python(
        self, text: str, *arguments: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-W", "error", "-c", text, *arguments, cwd=cwd)

    def packages(self) -> set[str]:
        listed = done(UV, "pip", "list", "--python", self.folder / "bin/python", "--format=freeze")
        return {line.partition("==")[0].lower() for line in listed.splitlines()}


def install(wheel: Path, extras: str, into: Path, constraints: Path) -> Installed:
    """A new environment with `cqar[extras]`, of the lock's versions."""
    done(UV, "venv", "--quiet", "--python", sys.executable, into)
    wanted = f"cqar[{extras}] @ {wheel.as_uri()}"
    python = into / "bin/python"
    done(UV, "pip", "install", "--quiet", "--python", python, "-c", constraints, wanted)
    return Installed(into)
