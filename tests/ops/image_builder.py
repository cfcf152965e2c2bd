"""The Dockerfile built by a real builder, buildah, where no image registry can be reached.

The one image that it starts from stands in for python:…-slim-bookworm: a Debian of the same release
with Debian's own Python of the same minor version, made by debootstrap and called by that name. All
else is the Dockerfile's own: its stages, commands, copies and users.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
DEBIAN: Final = "bookworm"
#: The Python of the real base lies in /usr/local, and environments point at it.
PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_S: Final = 900


@dataclass(frozen=True)
class Image:
    """A built image: its files, and what it says about how to run it."""

    name: str
    files: Path
    entrypoint: list[str]
    command: list[str]
    user: str
    environ: dict[str, str]


class Builder:
    """buildah with a store of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = "docker.io/library/python:" + _default_of("PYTHON")

    def buildah(self, *arguments: str) -> str:
        done = subprocess.run(
            [
                *("buildah", "--root", self._folder / "store", "--runroot", self._folder / "run"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_S,
            # Without a runtime, commands run in a chroot of the stage's files.
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def has_base(self) -> bool:
        names = self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()
        return self._base in names

    def forget(self, *, layers: bool) -> None:
        """Remove the containers that `build` mounted, and all that was built."""
        self.buildah("umount", "--all")
        self.buildah("rm", "--all")
        if layers:
            self.buildah("rmi", "--all", "--force")

    def make_base(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        files = self._folder / "base"
        include = f"--include={','.join(PACKAGES)}"
        subprocess.run(
            ["debootstrap", "--variant=minbase", include, DEBIAN, files],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=BUILD_S,
        )
        (files / "usr/local/bin/python3").symlink_to("/usr/bin/python3")
        # Where packages come through a proxy, its authority is one of this machine's.
        shutil.copyfile(AUTHORITIES, files / AUTHORITIES.relative_to("/"))
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, str(files), "/")
        for name in ("PIP_CERT", "SSL_CERT_FILE"):
            self.buildah("config", "--env", f"{name}={AUTHORITIES}", container)
        self.buildah("commit", "--quiet", container, self._base)
        self.buildah("rm", container)
        shutil.rmtree(files)

    def build(self, target: str, context: Path = ROOT, *, cached: bool = True) -> Image:
        """Build a target of the Dockerfile, and mount what it made."""
        name = f"localhost/cqar-{target}:{'cached' if cached else 'anew'}"
        layers = "--layers" if cached else "--no-cache"
        self.buildah(
            *("build", "--pull-never", "--network", "host", "--timestamp", "0", layers),
            *("--target", target, "--tag", name, str(context)),
        )
        said: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", name))
        config = said["OCIv1"]["config"]
        return Image(
            name,
            self._mounted(name),
            config["Entrypoint"],
            config["Cmd"],
            config["User"],
            dict(entry.split("=", 1) for entry in config["Env"]),
        )

    def another(self, image: Image) -> Image:
        """The same image with files of its own: what is done to them is not done to the first."""
        return replace(image, files=self._mounted(image.name))

    def _mounted(self, name: str) -> Path:
        container = self.buildah("from", "--pull-never", name).strip()
        return Path(self.buildah("mount", container).strip())


def _default_of(argument: str) -> str:
    text = (ROOT / "Dockerfile").read_text()
    (found,) = re.findall(rf"^ARG {argument}=(\S+)$", text, re.MULTILINE)
    return str(found)


def digests(files: Path) -> dict[str, str]:
    """Each file's kind, mode, owner and content, by its path."""
    return {str(path.relative_to(files)): _digest(path) for path in sorted(files.rglob("*"))}


def _digest(path: Path) -> str:
    found = path.lstat()
    content = b""
    if stat.S_ISLNK(found.st_mode):
        content = os.fsencode(path.readlink())
    elif stat.S_ISREG(found.st_mode):
        content = path.read_bytes()
    what = f"{found.st_mode:o} {found.st_uid}:{found.st_gid} {found.st_mtime:.0f}"
    return f"{what} {hashlib.sha256(content).hexdigest()}"
