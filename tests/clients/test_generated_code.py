"""The clients' generated code is what clients/generate makes of the contract, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.go_build import CLIENTS
from tests.support.doc_pages import ran
from tests.support.service_processes import ROOT


def code(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.usefixtures("typescript")
async def test_the_generated_code_is_the_committed_code(tmp_path: Path) -> None:
    await ran(CLIENTS / "generate", tmp_path)
    for generated in ("clients/go/gen", "clients/typescript/src/gen"):
        made, committed = code(tmp_path / generated), code(ROOT / generated)
        assert made.keys() == committed.keys()
        differing = [name for name in made if made[name] != committed[name]]
        assert differing == [], "commit the result of `make clients`"
