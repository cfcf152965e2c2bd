"""Which pages are made from the code, and by what."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools.reference.configuration import configuration_page
from tools.reference.metrics import metrics_page

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGES: Final = {
    DOCS / "CONFIGURATION.md": configuration_page,
    DOCS / "METRICS.md": metrics_page,
}
