"""`cqar` as people type it: as a process of its own, or in this one, which takes no start.

Both run the same `main`. Only a process shows what a shell gets: an exit code, signals, a
terminal, and that a command imports all that it needs.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final, NamedTuple

from click.testing import CliRunner

from cqar.cli import main

#: So wide that no text that a test looks for is folded.
COLUMNS: Final = "160"
_one_screen = threading.Lock()


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def _environment(state: Path) -> dict[str, str]:
    return {"CQAR_STATE": str(state), "COLUMNS": COLUMNS}


async def run_process(*arguments: str | Path, state: Path) -> Ran:
    """Run `python -m cqar` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", *map(str, arguments)),
        env={**os.environ, **_environment(state)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def run_here(*arguments: str | Path, state: Path) -> Ran:
    """Run the command in a thread; what is no error for people to read is raised."""
    return await asyncio.to_thread(_run, [*map(str, arguments)], state)


def _run(arguments: list[str], state: Path) -> Ran:
    # Standard streams and environment are the whole process's.
    with _one_screen, CliRunner(env=_environment(state)).isolation() as (out, err, _):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
        sys.stdout.flush()
        sys.stderr.flush()
        return Ran(int(code or 0), out.getvalue().decode(), err.getvalue().decode())
