"""clients/go, built with Debian's packages: no module index is reached, so GOPATH has them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tests.support.doc_pages import ran
from tests.support.service_processes import ROOT

CLIENTS: Final = ROOT / "clients"
MODULE: Final = "cqar.example/client"
DEBIAN: Final = "/usr/share/gocode"


class GoFolder:
    """A GOPATH with a copy of the module; other packages may be put beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder / "src"
        shutil.copytree(CLIENTS / "go", self.sources / MODULE)

    async def run(self, *arguments: str | Path, behaviour: Path | None = None) -> str:
        """Run a command of Go's with the tag of grpc-go 1.33."""
        environ = {
            "GO111MODULE": "off",
            "GOPATH": f"{self.folder}:{DEBIAN}",
            "GOFLAGS": "-tags=cqar_grpc133",
            "GOCACHE": str(self.folder / "cache"),
            "CQAR_BEHAVIOUR": str(behaviour or ""),
        }
        return await ran("go", *arguments, cwd=self.sources, **environ)

    def add(self, package: str, main: str) -> None:
        """Put a program beside the module."""
        (self.sources / package).mkdir(exist_ok=True)
        (self.sources / package / "main.go").write_text(main)

    async def build(self, package: str) -> Path:
        """The executable of a program."""
        built = self.folder / "bin" / package
        await self.run("build", "-o", built, package)
        return built
