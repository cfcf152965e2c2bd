"""`python -m tools.reference`: write the pages that are made from the code."""

from __future__ import annotations

from tools.reference.generated_pages import PAGES

for path, make in PAGES.items():
    path.write_text(make(), encoding="utf-8")
