"""docs/API.md is what the contract says and what a stack answers, today."""

from __future__ import annotations

import asyncio
import difflib

from tests.acceptance.conftest import Stack
from tools.api_docs.page_builder import PAGE, make_page


async def test_every_example_runs_and_the_page_shows_what_came_back(stack: Stack) -> None:
    made = await asyncio.to_thread(make_page, stack.endpoints)
    committed = PAGE.read_text(encoding="utf-8")
    differing = difflib.unified_diff(committed.splitlines(), made.splitlines(), "committed", "made")
    text = "\n".join(differing)
    assert not text, f"run `make docs-api`, and read what it changes:\n{text}"
