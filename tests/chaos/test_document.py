"""docs/RELIABILITY.md has a row for every fault of the table, in the table's words."""

from __future__ import annotations

from tests.chaos import document
from tests.chaos.faults import FAULTS


def test_the_document_tells_of_every_fault_what_users_see_and_how_it_heals() -> None:
    text = document.PATH.read_text()
    assert text.startswith(document.prose() + document.TABLE), "run `make reliability`"
    told = [row.rsplit("|", 3)[0] + "|" for row in text.splitlines() if document.TEST in row]
    assert told == [document.words_of(fault) for fault in FAULTS], "run `make reliability`"
