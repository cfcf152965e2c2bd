"""A service of compose.yaml in the files of its image, held to what compose.yaml allows it.

No container engine: its own mounts, a read-only root, what compose.yaml mounts and nothing else
that can be written, the stated user, no capabilities, no new privileges, and none of our
environment. The network is this machine's, so that it finds servers on loopback; memory and CPU are
not limited.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqar.embedded.process import Command
from tests.ops.image_builder import Image

Service = dict[str, Any]


@dataclass
class Machine:
    """What compose.yaml's top level says, and where this machine has it.

    Attributes:
        volumes: A folder that stands for the named volumes.
    """

    secrets: dict[str, Path]
    configs: dict[str, Path]
    volumes: Path

    def command(self, image: Image, service: Service, *arguments: str, **environ: str) -> Command:
        """What runs the service, as root; with `arguments` instead of its command."""
        root = image.files
        lines = ["set -e", "mount --make-rprivate /", f"mount --bind {root} {root}"]
        mounts = [*self._files(root, service), *self._folders(root, service)]
        mounts += [
            f"mount --rbind {device} {_point(root, device, folder=True)}"
            for device in ("/proc", "/dev")
        ]
        # Mount points are made before the root is closed; a runtime does the same.
        lines += [f"mount -o remount,bind,ro {root} {root}", *mounts]
        uid, _, gid = service["user"].partition(":")
        groups = service.get("group_add", [])
        how = f"--groups={','.join(groups)}" if groups else "--clear-groups"
        drop = [how, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        run = ["setpriv", f"--reuid={uid}", f"--regid={gid}", *drop, "--"]
        argv = [*(service.get("entrypoint") or image.entrypoint)]
        argv += arguments or service.get("command") or image.command
        lines.append(shlex.join(["exec", "chroot", str(root), *run, *argv]))
        given = {name: value or "" for name, value in service.get("environment", {}).items()}
        return Command(
            name=image.name,
            argv=("/usr/bin/unshare", "--mount", "/bin/sh", "-c", "\n".join(lines)),
            env={**image.environ, **given, **environ, "PATH": image.environ["PATH"]},
        )

    def _files(self, root: Path, service: Service) -> list[str]:
        wanted = [
            (self.secrets[s["source"]], f"/run/secrets/{s['source']}")
            for s in service.get("secrets", [])
        ]
        wanted += [(self.configs[c["source"]], c["target"]) for c in service.get("configs", [])]
        return [f"mount --bind {file} {_point(root, target)}" for file, target in wanted]

    def _folders(self, root: Path, service: Service) -> list[str]:
        mounts = []
        for volume in service.get("volumes", []):
            point = _point(root, volume["target"], folder=True)
            here = self.volumes / volume["source"]
            if not here.exists():
                # As an engine does: a new volume is the image's folder, its owner too.
                shutil.copytree(point, here)
                shutil.copystat(point, here)
                owner = point.stat()
                os.chown(here, owner.st_uid, owner.st_gid)
            mounts.append(f"mount --bind {here} {point}")
        for target in service.get("tmpfs", []):
            path, _, options = target.partition(":")
            how = f"-o {options}" if options else ""
            mounts.append(f"mount -t tmpfs {how} tmpfs {_point(root, path, folder=True)}")
        return mounts


def _point(root: Path, target: str, *, folder: bool = False) -> Path:
    """Where to mount; made if the image has no such place."""
    point = root / target.lstrip("/")
    if folder:
        point.mkdir(parents=True, exist_ok=True)
    else:
        point.parent.mkdir(parents=True, exist_ok=True)
        point.touch()
    return point
