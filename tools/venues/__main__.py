"""`make venues`: write docs/VENUES.md. It needs the venues' files, and no network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import ccxt

from cqar.cli.progress import progress_bar
from tools.venues.ccxt_comparison import compare
from tools.venues.one_registry import chosen, import_all
from tools.venues.page import ccxt_part, unused_causes, whole_page
from tools.venues.readings import read_files

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "VENUES.md"


def main() -> None:
    with progress_bar("files and oracles") as progress:
        files = read_files(progress)
    compared = []
    with progress_bar("the same with ccxt") as progress:
        for done, file in enumerate(files, 1):
            if (found := compare(file.listing, file.reading.markets)) is not None:
                compared.append(found)
            progress(done, len(files))
    ccxt_text = ccxt_part(compared, ccxt.__version__)
    if unused := unused_causes(compared):
        sys.exit(f"tools/venues/causes.py: nothing has these causes any more: {unused}")
    with progress_bar("imports into one registry") as progress:
        registry = import_all(chosen(files), progress)
    PAGE.write_text(whole_page(files, ccxt_text, registry), encoding="utf-8")


if __name__ == "__main__":
    main()
