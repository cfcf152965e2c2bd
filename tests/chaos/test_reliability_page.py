"""docs/RELIABILITY.md has a row for every fault of the table, in the table's words."""

from __future__ import annotations

from tests.chaos import reliability_page
from tests.chaos.faults import FAULTS
from tests.chaos.outages import OUTAGES


def test_the_document_tells_of_every_fault_what_users_see_and_how_it_heals() -> None:
    text = reliability_page.PATH.read_text()
    before = reliability_page.prose() + reliability_page.TABLE
    assert text.startswith(before), "run `make reliability`"
    rows = text.removeprefix(before).partition("\n\n")[0].splitlines()
    told = [row.rsplit("|", 3)[0] + "|" for row in rows]
    assert told == [reliability_page.words_of(fault) for fault in FAULTS], "run `make reliability`"


def test_what_stands_behind_the_tables_is_the_templates_too() -> None:
    _, _, behind = reliability_page.TEMPLATE.read_text().partition("$abuse")
    page = reliability_page.PATH.read_text()
    assert page.endswith(behind), "write it into tests/chaos/reliability.md too"


def test_the_document_tells_of_every_outage_of_the_lab() -> None:
    table = reliability_page.FAILOVERS.held_in(reliability_page.PATH.read_text())
    rows = table.partition("|---:|\n")[2].partition("\n\n")[0].splitlines()
    told = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert told == [outage.title for outage in OUTAGES], "run `make chaos`"
