"""Every page has its place in the site, and every link between pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.service_processes import ROOT
from tools.site import DOCS, FROM_ROOT, PLACES

#: Another issue's; its place is kept.
TO_COME = {"OPERATIONS.md"}
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in FROM_ROOT)])


def placed() -> list[str]:
    found: list[str] = []
    for place in PLACES.values():
        found += place.values() if isinstance(place, dict) else [place]
    return found


def test_the_site_has_a_place_for_each_page_and_a_page_for_each_place() -> None:
    written = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert len(placed()) == len(set(placed()))
    assert set(placed()) - TO_COME == (written | set(FROM_ROOT.values())) - TO_COME


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        sources = {DOCS / there: ROOT / here for here, there in FROM_ROOT.items()}
        assert sources.get(target, target).exists(), link
