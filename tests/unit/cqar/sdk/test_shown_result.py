"""What a prompt and a notebook show of an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import cqar
from cqar.sdk.specs import Specs, TickBand

BANDS = tuple(TickBand(Decimal(n), Decimal("1E-8")) for n in range(7))
SPECS: dict[str, Any] = dict.fromkeys(Specs.__struct_fields__) | {"tick_size": Decimal("1E-8")}


def test_a_prompt_shows_what_is_known() -> None:
    assert repr(Specs(**SPECS)) == "Specs(tick_size=Decimal('1E-8'))"


def test_a_notebook_shows_a_row_for_each_value_that_is_known() -> None:
    page = Specs(**{**SPECS, "tick_bands": BANDS})._repr_html_()
    assert "<td style='text-align:left'>0.00000001</td>" in page
    assert "lot_size" not in page
    assert "… and 2 more" in page


def test_what_others_wrote_is_text() -> None:
    page = cqar.Violation("<script>", "", "")
    decided = cqar.Decided(None, 0, {"<b>": 1}, (), (page,), 3)
    shown = decided._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
