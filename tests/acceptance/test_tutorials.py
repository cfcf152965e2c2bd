"""The README's tour and each tutorial run from top to bottom, and print what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

import cqar
from tests.acceptance.conftest import Stack
from tests.support.commits import eventually
from tests.support.doc_pages import blocks, run_page
from tests.support.service_processes import ROOT, Running, service

DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *(DOCS / "tutorials" / f"{name}.md" for name in ("cqmd-python", "cqpm", "cqvx")),
    *(DOCS / "tutorials" / f"{name}.md" for name in ("admins", "operators")),
    DOCS / "REPLICA.md",
]
WAIT_S = 60.0


@pytest.fixture
async def publishing(stack: Stack, tmp_path: Path) -> AsyncIterator[Running]:
    """A resolver of the stack's registry that publishes what it serves to tmp_path/replica."""
    ends = stack.endpoints
    urls = {"database_url": ends.postgres, "nats_url": ends.nats}
    async with service(
        "resolver", tmp_path, **urls, replica_path=str(tmp_path / "replica")
    ) as running:
        yield running


def test_every_tutorial_is_run_here_but_those_of_other_languages() -> None:
    written = {page.name for page in (DOCS / "tutorials").glob("*.md")}
    assert written - {page.name for page in PAGES} == {"cqmd-go.md", "cqmd-typescript.md"}
    assert all(blocks(page) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
async def test_every_block_of_a_page_does_what_the_page_says(
    stack: Stack, publishing: Running, page: Path, tmp_path: Path
) -> None:
    await stack.ok("catalogue", "load")
    with cqar.LocalReplica(tmp_path / "replica", timeout_s=WAIT_S) as replica:

        def is_published() -> bool:
            with suppress(cqar.NotFound):
                return bool(replica.resolve("binance", "BTCUSDT").listing_id)
            return False

        await eventually(is_published, WAIT_S)
    ends = stack.endpoints
    places = {
        "127.0.0.1:9091": ends.resolvers[0],
        "127.0.0.1:8080": ends.writer_http,
        "127.0.0.1:8081": ends.resolver_http[0],
        "/run/cqar/replica": str(tmp_path / "replica"),
    }
    await run_page(page, places, stack.state_dir, tmp_path)
