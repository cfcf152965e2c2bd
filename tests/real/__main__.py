"""Write docs/REAL_DATA.md anew."""

from __future__ import annotations

from tests.real import document, sources
from tests.real.judging import judge_all
from tests.real.report import tally

document.PATH.write_text(document.text_of(tally(judge_all(sources.rows()))))
