"""`python -m tools.site`: lay out in build/ what mkdocs makes the site of.

A page that stands in no place is an error; a place whose page is to come is left out.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
BUILD: Final = ROOT / "build"
#: Title -> page, or the pages below it.
PLACES: Final[dict[str, Any]] = {
    "Quick start": "index.md",
    "Concepts": "CONCEPTS.md",
    "Tutorials": {
        "Market data, in Python": "tutorials/cqmd-python.md",
        "Market data, in Go": "tutorials/cqmd-go.md",
        "Portfolios": "tutorials/cqpm.md",
        "Execution": "tutorials/cqvx.md",
        "Admins": "tutorials/admins.md",
        "Operators": "tutorials/operators.md",
    },
    "Asking": {
        "Python": "SDK.md",
        "Command line": "CLI.md",
        "Every RPC": "API.md",
        "The published replica": "REPLICA.md",
    },
    "Running": {
        "Deployment": "DEPLOYMENT.md",
        "Operations": "OPERATIONS.md",
        "Settings": "CONFIGURATION.md",
        "Metrics": "METRICS.md",
        "Security": "SECURITY.md",
        "Reliability": "RELIABILITY.md",
        "Performance": "PERFORMANCE.md",
    },
    "Behind it": {
        "Architecture": "ARCHITECTURE.md",
        "The replication protocol": "PROTOCOL.md",
        "Real data": "REAL_DATA.md",
        "Questions": "FAQ.md",
        "Contributing": "CONTRIBUTING.md",
        "What changed": "CHANGELOG.md",
    },
}
#: Of the root -> the site's.
FROM_ROOT: Final = {"README.md": "index.md", "CHANGELOG.md": "CHANGELOG.md"}


def lay_out() -> dict[str, Any]:
    """Copy the pages, and return mkdocs' settings for them.

    Raises:
        ValueError: A page has no place.
    """
    shutil.rmtree(BUILD / "docs", ignore_errors=True)
    shutil.copytree(DOCS, BUILD / "docs")
    for source, page in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        (BUILD / "docs" / page).write_text(text, encoding="utf-8")
    there = {str(path.relative_to(BUILD / "docs")) for path in (BUILD / "docs").rglob("*.md")}
    nav = _nav(PLACES, there)
    if homeless := there - set(_pages(nav)):
        raise ValueError(f"tools/site.py has no place for {', '.join(sorted(homeless))}")
    return {
        "site_name": "CQAR",
        "docs_dir": "docs",
        "site_dir": str(ROOT / "site"),
        "nav": nav,
        "theme": {"name": "material", "font": False},
        "plugins": ["search"],
        "markdown_extensions": ["tables", "fenced_code", {"toc": {"permalink": True}}],
        "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
    }


def _nav(places: dict[str, Any], there: set[str]) -> list[dict[str, Any]]:
    """Pages that are to come leave their place."""
    found = []
    for title, page in places.items():
        if isinstance(page, dict):
            found.append({title: _nav(page, there)})
        elif page in there:
            found.append({title: page})
    return found


def _pages(nav: list[dict[str, Any]]) -> list[str]:
    pages: list[str] = []
    for entry in nav:
        for page in entry.values():
            pages += [page] if isinstance(page, str) else _pages(page)
    return pages


if __name__ == "__main__":
    # JSON is YAML, too.
    (BUILD / "mkdocs.yml").write_text(json.dumps(lay_out(), indent=1), encoding="utf-8")
