"""docs/SDK.md runs, block after block, and prints what it says it prints."""

from __future__ import annotations

import asyncio
import difflib
import re
import sys
from pathlib import Path

from tests.acceptance.conftest import Stack
from tests.support.service_processes import ROOT

PAGE = ROOT / "docs" / "SDK.md"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
#: What a line prints, behind it or on the line below.
_PRINTED = re.compile(r"(?:print\(.*\)|asyncio\.run\(.*\)) *(?:  |\n *)# (.+)")


def program(stack: Stack) -> str:
    """All blocks as one program that asks this stack."""
    ends = stack.endpoints
    text = "\n".join(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    for shown, real in (
        ('"127.0.0.1:9091"', repr(ends.resolvers[0])),
        ('"127.0.0.1:9090"', repr(ends.writer)),
        ('"KEY"', repr(ends.keys.admin)),
        ('"postgresql://…"', repr(ends.postgres)),
        ('"nats://…"', repr(ends.nats)),
    ):
        assert shown in text
        text = text.replace(shown, real)
    return text


async def test_every_block_runs_and_prints_what_the_page_says(stack: Stack, tmp_path: Path) -> None:
    await stack.ok("catalogue", "load")
    members = ("--member", "ETH=1", "--member", "stETH=0.9998")
    await stack.ok("group", "add", "eth-variants", *members)
    text = program(stack)
    file = tmp_path / "page.py"
    file.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", str(file)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    expected = _PRINTED.findall(text)
    assert len(expected) == text.count("print(")
    differing = difflib.unified_diff(expected, out.decode().splitlines(), "the page", "printed")
    said = "\n".join(differing)
    assert not said, said
