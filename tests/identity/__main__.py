"""Write docs/IDENTITY.md anew."""

from __future__ import annotations

from tests.identity.identity_page import PATH, text_of
from tests.identity.whole import backwards, forwards

PATH.write_text(text_of(forwards(), backwards()), encoding="utf-8")
