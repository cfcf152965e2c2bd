"""docs/tutorials/cqmd-go.md compiles, with code made from the contract alone, and asks a stack.

Debian's Go and grpc-go: no module index is reached, so GOPATH has what packages bring.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import cqar
from tests.acceptance.conftest import Stack, empty_state, stack  # noqa: F401  (fixtures)
from tests.support.commits import eventually
from tests.support.doc_pages import blocks, ran
from tests.support.service_processes import ROOT

PAGE = ROOT / "docs/tutorials/cqmd-go.md"
DEBIAN = "/usr/share/gocode"
#: What Debian's older grpc-go calls by other names.
OLDER = (
    ("grpc.NewClient", "grpc.Dial"),
    ("grpc.WithTransportCredentials(insecure.NewCredentials())", "grpc.WithInsecure()"),
    ('\t"google.golang.org/grpc/credentials/insecure"\n', ""),
)


async def test_the_page_in_go_prints_what_it_says(stack: Stack, tmp_path: Path) -> None:  # noqa: F811
    generate, program, expected = blocks(PAGE)
    sources = tmp_path / "src"
    sources.mkdir()
    compiler = tmp_path / "bin/protoc"
    compiler.parent.mkdir()
    compiler.write_text(f'#!/bin/sh\nexec {sys.executable} -m grpc_tools.protoc "$@"\n')
    compiler.chmod(0o755)
    path = f"{compiler.parent}:/usr/bin:/bin"
    script = f"set -eu\noptions=\ncd proto\n{generate.text}"
    await ran("bash", "-c", script, PATH=path, OUT=str(sources))
    text = program.text
    for newer, older in OLDER:
        assert newer in text
        text = text.replace(newer, older)
    (sources / "cqmd").mkdir()
    (sources / "cqmd/main.go").write_text(text)
    go = {"GO111MODULE": "off", "GOPATH": f"{tmp_path}:{DEBIAN}", "GOFLAGS": ""}
    built = tmp_path / "cqmd"
    await ran("go", "build", "-o", built, "cqmd", **go, GOCACHE=str(tmp_path / "cache"))
    await stack.ok("catalogue", "load")
    with cqar.Client(stack.endpoints.resolvers[0]) as client:

        def is_there() -> bool:
            with suppress(cqar.NotFound):
                return bool(client.resolve("binance", "BTCUSDT").listing_id)
            return False

        await eventually(is_there, 30)
    assert await ran(built, stack.endpoints.resolvers[0]) == expected.text
