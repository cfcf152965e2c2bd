"""The tutorials in Go and TypeScript compile, ask a stack, and print what they say.

Debian's Go and grpc-go: no module index is reached, so GOPATH has what packages bring.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.clients.go_build import GoFolder
from tests.support.doc_pages import blocks, ran
from tests.support.service_processes import ROOT

TUTORIALS = ROOT / "docs/tutorials"


async def test_the_page_in_go_prints_what_it_says(go: GoFolder, servers: dict[str, str]) -> None:
    program, expected, _ = blocks(TUTORIALS / "cqmd-go.md")
    go.add("cqmd", program.text)
    built = await go.build("cqmd")
    assert await ran(built, servers["resolver"]) == expected.text


async def test_code_of_the_contract_alone_compiles_in_go(go: GoFolder, tmp_path: Path) -> None:
    *_, generate = blocks(TUTORIALS / "cqmd-go.md")
    compiler = tmp_path / "bin/protoc"
    compiler.parent.mkdir()
    compiler.write_text(f'#!/bin/sh\nexec {sys.executable} -m grpc_tools.protoc "$@"\n')
    compiler.chmod(0o755)
    path = f"{compiler.parent}:/usr/bin:/bin"
    script = f"set -eu\noptions=\ncd proto\n{generate.text}"
    await ran("bash", "-c", script, PATH=path, OUT=str(go.sources))
    await go.run("build", "example.com/cqmd/cqc/resolver/v1", "example.com/cqmd/cqc/writer/v1")


@pytest.fixture
async def project(typescript: Path, tmp_path: Path) -> Path:
    """A project that installed the packed client, with the dependencies that are here."""
    await ran("npm", "pack", "--silent", "--pack-destination", tmp_path, cwd=typescript)
    (packed,) = tmp_path.glob("*.tgz")
    installed = tmp_path / "node_modules/@cqar/client"
    installed.mkdir(parents=True)
    await ran("tar", "-xzf", packed, "-C", installed, "--strip-components=1")
    for name in ("@grpc", "@bufbuild", "@types", "@js-sdsl", "@protobufjs", "typescript"):
        (tmp_path / "node_modules" / name).symlink_to(typescript / "node_modules" / name)
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    return tmp_path


async def test_the_page_in_typescript_prints_what_it_says(
    project: Path, servers: dict[str, str]
) -> None:
    program, expected = blocks(TUTORIALS / "cqmd-typescript.md")
    (project / "cqmd.ts").write_text(program.text)
    compiler = project / "node_modules/typescript/bin/tsc"
    options = ("--strict", "--target", "es2022", "--module", "nodenext", "--types", "node")
    await ran("node", compiler, *options, "cqmd.ts", cwd=project)
    assert await ran("node", "cqmd.js", servers["resolver"], cwd=project) == expected.text
