"""The clients' generated code is what clients/generate makes of the contract, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.clients.go_build import CLIENTS
from tests.support.doc_pages import ran
from tests.support.service_processes import ROOT

#: What somebody else writes, for code in a Go module of their own.
TEMPLATE = """\
version: v2
managed: {enabled: true, override: [{file_option: go_package_prefix, value: example.com/own}]}
plugins: [{local: protoc-gen-go, out: own, opt: paths=source_relative}]
"""


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


async def test_a_copy_of_the_contract_is_a_module_that_others_generate_from(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    (tmp_path / "buf.gen.yaml").write_text(TEMPLATE)
    buf = ROOT / ".venv/bin/buf"
    await ran(buf, "generate", "proto", "--template", "buf.gen.yaml", cwd=tmp_path)
    made = code(tmp_path / "own")
    assert made.keys() == {
        str(file.relative_to(ROOT / "proto").with_suffix(".pb.go"))
        for file in (ROOT / "proto").rglob("*.proto")
    }
    assert all(b"cqar.example" not in text for text in made.values())
