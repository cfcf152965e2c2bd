"""`python -m tools.site`: copy the pages to build/ and write mkdocs' settings there.

A page without a place in the navigation is an error, and so is a place without a page.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
BUILD: Final = ROOT / "build"
#: Section -> title of a page -> its file.
PLACES: Final[dict[str, dict[str, str]]] = {
    "Start": {
        "Quick start": "index.md",
        "Installing": "INSTALLING.md",
        "Concepts": "CONCEPTS.md",
        "Questions": "FAQ.md",
    },
    "Use": {
        "Market data, in Python": "tutorials/cqmd-python.md",
        "Market data, in Go": "tutorials/cqmd-go.md",
        "Market data, in TypeScript": "tutorials/cqmd-typescript.md",
        "Portfolios": "tutorials/cqpm.md",
        "Execution": "tutorials/cqvx.md",
        "Admins": "tutorials/admins.md",
        "Python": "SDK.md",
        "Command line": "CLI.md",
        "Importing a venue": "IMPORTING.md",
        "Venues": "VENUES.md",
        "Findings": "FINDINGS.md",
    },
    "Operate": {
        "Operators": "tutorials/operators.md",
        "Deployment": "DEPLOYMENT.md",
        "The registry as files": "GITOPS.md",
        "Keeping up with venues": "RECONCILING.md",
        "Webhooks": "WEBHOOKS.md",
        "Operations": "OPERATIONS.md",
        "Security": "SECURITY.md",
        "Reliability": "RELIABILITY.md",
        "Performance": "PERFORMANCE.md",
    },
    "Internals": {
        "Architecture": "ARCHITECTURE.md",
        "The replication protocol": "PROTOCOL.md",
        "Contributing": "CONTRIBUTING.md",
        "Real data": "REAL_DATA.md",
        "Identity": "IDENTITY.md",
        "Performance notes": "PERFORMANCE_NOTES.md",
    },
    "Reference": {
        "Glossary": "GLOSSARY.md",
        "Every RPC": "API.md",
        "Settings": "CONFIGURATION.md",
        "Metrics": "METRICS.md",
        "The published replica": "REPLICA.md",
        "What changed": "CHANGELOG.md",
    },
}
#: Pages of the repository's root -> their names in the site.
FROM_ROOT: Final = {"README.md": "index.md", "CHANGELOG.md": "CHANGELOG.md"}


def lay_out() -> dict[str, Any]:
    """Copy the pages, and return mkdocs' settings for them.

    Raises:
        ValueError: a page has no place, or a place has no page.
    """
    shutil.rmtree(BUILD / "docs", ignore_errors=True)
    shutil.copytree(DOCS, BUILD / "docs")
    for source, page in FROM_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        (BUILD / "docs" / page).write_text(text, encoding="utf-8")
    pages = {str(path.relative_to(BUILD / "docs")) for path in (BUILD / "docs").rglob("*.md")}
    placed = {page for section in PLACES.values() for page in section.values()}
    if differing := pages ^ placed:
        raise ValueError(f"tools/site.py and docs/ differ in {', '.join(sorted(differing))}")
    return {
        "site_name": "CQAR",
        "docs_dir": "docs",
        "site_dir": str(ROOT / "site"),
        "nav": [
            {title: [{name: page} for name, page in section.items()]}
            for title, section in PLACES.items()
        ],
        "theme": {"name": "material", "font": False},
        "plugins": ["search"],
        "markdown_extensions": ["tables", "fenced_code", {"toc": {"permalink": True}}],
        "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
    }


if __name__ == "__main__":
    # JSON is YAML, too.
    (BUILD / "mkdocs.yml").write_text(json.dumps(lay_out(), indent=1), encoding="utf-8")
