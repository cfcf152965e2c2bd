"""A page's blocks as a reader runs them: shell and Python in its order, against a stack.

What a line prints stands behind it or on the next (`# …`); what a shell block's output has, in a
`text` block behind it, line by line, where `…` stands for anything. A shell line that is to
fail begins with `!`.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.support.service_processes import ROOT

_BLOCK = re.compile(r"```(sh|python|text|go|ts)\n(.*?)```", re.DOTALL)
_PRINTED = re.compile(
    r"^ *(?:[^#\n]*?print\(.*\)|asyncio\.run\(.*\)) *(?:  |\n *)# (.+)", re.MULTILINE
)


class Block(NamedTuple):
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


async def ran(*argv: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """What a program printed, on both streams; it ended well."""
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        cwd=cwd,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def run_page(page: Path, places: Mapping[str, str], state: Path, folder: Path) -> None:
    """Run all that it shows, and compare what was printed with what it says.

    Args:
        places: Addresses and keys as the page has them -> those of the stack.
    """
    python, printed = "", ""
    for language, text in _in_turn(blocks(page)):
        real = text
        for shown, here in places.items():
            real = real.replace(shown, here)
        if language == "sh":
            printed = await _run_shell(real, state, folder)
        elif language == "text":
            missing = [line for line in real.splitlines() if not _pattern(line).search(printed)]
            assert missing == [], printed
        elif language == "python":
            # The names of one block are known in those below: what went before runs again.
            python += real
            await _run_python(python, folder / f"{page.stem}.py")


def _in_turn(found: list[Block]) -> Iterator[Block]:
    """Neighbouring Python blocks as one program."""
    for language, run in groupby(found, key=lambda block: block.language):
        texts = [block.text for block in run]
        if language == "python":
            yield Block(language, "\n".join(texts) + "\n")
        else:
            yield from (Block(language, text) for text in texts)


async def _run_shell(text: str, state: Path, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = f"set -euo pipefail\n{_failing(text)}"
    environ = {"PATH": path, "CQAR_STATE": str(state), "COLUMNS": "160"}
    return await ran("bash", "-c", script, cwd=folder, **environ)


def _pattern(line: str) -> re.Pattern[str]:
    """A line of a page: `…` stands for anything, and a table's columns may be wider."""
    return re.compile(re.escape(line).replace("…", ".*").replace("\\ ", " +"))


def _failing(text: str) -> str:
    """`! command` alone would pass whatever it did: bash leaves such a line out of `set -e`."""
    return re.sub(
        r"^! (.+)$", r"if \1; then echo 'it did not fail'; exit 1; fi", text, flags=re.MULTILINE
    )


async def _run_python(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")
    out = await ran(sys.executable, "-W", "error", file)
    expected = _PRINTED.findall(text)
    differing = difflib.unified_diff(expected, out.splitlines(), "the page", "printed")
    assert "\n".join(differing) == ""
    assert len(expected) == text.count("print(")
