"""Write docs/REAL_DATA.md anew."""

from __future__ import annotations

from tests.real import real_data_page, sources
from tests.real.report import tally
from tests.real.rule_evaluation import evaluate_all

real_data_page.PATH.write_text(real_data_page.text_of(tally(evaluate_all(sources.rows()))))
