"""Tables as a shell gets them: in a pipe, and on a terminal that is too narrow."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios

import pytest

from tests.acceptance.conftest import Stack
from tests.support import cli_runner
from tests.support.cli_runner import Ran

LISTING = ("listing", "list", "kraken")


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load")
    return stack


@pytest.mark.parametrize("line", [("venues",), LISTING, ("asset", "list")], ids=" ".join)
async def test_in_a_pipe_nothing_depends_on_a_width(
    line: tuple[str, ...], registry: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for width in ("20", "400"):
        monkeypatch.setattr(cli_runner, "COLUMNS", width)
        ran = await registry.process(*line)
        assert (ran.code, ran.err) == (0, "")
        seen.append(ran.out)
    assert seen[0] == seen[1]
    monkeypatch.undo()
    document = (await registry.ok(*line, "--json")).document
    rows = [line.split("\t") for line in seen[0].splitlines()]
    assert len(rows) == len(document) + 1
    for entity in document:
        names = [entity.get("venue_symbol"), entity.get("venue_id"), entity.get("asset_id")]
        assert any(all(name in row for name in names if name) for row in rows)


async def on_a_terminal(stack: Stack, columns: int, *arguments: str) -> Ran:
    """Run it on a terminal so wide; its standard error goes elsewhere."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", *arguments),
        env={**environ, "CQAR_STATE": str(stack.state_dir), "TERM": "xterm"},
        stdout=far,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(far)
    reading = asyncio.to_thread(_all_of, near)
    (_, err), out = await asyncio.gather(process.communicate(), reading)
    os.close(near)
    return Ran(process.returncode or 0, out, err.decode())


def _all_of(terminal: int) -> str:
    """What is written to a terminal until nobody has it open any more."""
    parts = []
    try:
        while part := os.read(terminal, 65_536):
            parts.append(part)
    except OSError:
        # Linux says so where the other side is closed.
        pass
    return b"".join(parts).decode().replace("\r\n", "\n")


async def test_on_a_terminal_what_has_no_room_is_named(registry: Stack) -> None:
    document = (await registry.ok(*LISTING, "--json")).document
    for columns in (60, 80, 140):
        ran = await on_a_terminal(registry, columns, *LISTING)
        assert ran.code == 0, ran.err
        rows = ran.out.splitlines()[1:]
        assert max(map(len, rows)) <= columns
        for listing in document:
            assert any(f"│ {listing['venue_symbol']} " in row for row in rows)
        shown = [cell.strip() for cell in rows[1].split("┃")[1:-1]]
        named = ran.err.partition("not shown for width: columns ")[2].partition(";")[0]
        left_out = named.split(", ") if named else []
        assert len(shown) + len(left_out) == 10
