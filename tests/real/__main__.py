"""Write docs/REAL_DATA.md anew."""

from __future__ import annotations

from tests.real import real_data_page
from tests.real.list_imports import import_all

real_data_page.PATH.write_text(real_data_page.text_of(list(import_all())))
