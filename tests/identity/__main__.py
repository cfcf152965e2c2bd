"""Write docs/IDENTITY.md anew."""

from __future__ import annotations

from tests.identity.identity_page import PATH, text_of
from tests.identity.whole import import_all, with_lists

world = with_lists()
import_all(world)
PATH.write_text(text_of(world), encoding="utf-8")
