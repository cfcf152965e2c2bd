"""`make docs-api`: start a stack of its own, run every example, write docs/API.md."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from tools.api_docs.page_builder import PAGE, make_page


async def _make(state_dir: Path) -> str:
    stop = asyncio.Event()
    made: list[str] = []

    async def make(endpoints: Endpoints) -> None:
        made.append(await asyncio.to_thread(make_page, endpoints))
        stop.set()

    await run_stack(StackOptions(state_dir, resolvers=1), make, stop)
    return made[0]


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="cqar-api-docs-"))
    state_dir = folder / "state"
    try:
        text = asyncio.run(_make(state_dir))
    finally:
        remove_state(state_dir)
        shutil.rmtree(folder, ignore_errors=True)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(text.splitlines())} lines\n")


if __name__ == "__main__":
    main()
