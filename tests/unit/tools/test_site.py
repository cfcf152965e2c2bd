"""Every page has its place in the site, and every link between pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.service_processes import ROOT
from tools.site import DOCS, FROM_ROOT, PLACES

_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
#: A path between backticks, such as `shared/cqar_shared/errors.py`.
_SOURCE = re.compile(
    r"`((?:shared|writer|resolver|cqar|proto|tests|tools|bench|loadtests)/[\w./-]+\.\w+)"
)
#: Name -> text.
TESTS = {file.name: file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py")}
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in FROM_ROOT)])


def test_the_site_has_a_place_for_each_page_and_a_page_for_each_place() -> None:
    placed = [page for section in PLACES.values() for page in section.values()]
    written = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert len(placed) == len(set(placed))
    assert set(placed) == written | set(FROM_ROOT.values())


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        sources = {DOCS / there: ROOT / here for here, there in FROM_ROOT.items()}
        assert sources.get(target, target).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_source_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(_SOURCE.findall(page.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\btest_\w+\.py", text)) <= TESTS.keys()
    functions = re.findall(r"::(test_\w+)`", text)
    assert [name for name in functions if f"def {name}(" not in "".join(TESTS.values())] == []
