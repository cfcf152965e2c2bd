"""Says at the end which claims are left out."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.cases.case_files import case_names, read_case
from tests.cases.left_out import all_left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the claims that are issue 18's."""
    claims = sum(len(read_case(name).expect) for name in case_names())
    left = list(all_left_out())
    terminalreporter.section(f"cases: {claims - len(left)} of {claims} claims hold")
    for why, count in Counter(one.why for one in left).most_common():
        terminalreporter.line(f"{count} are issue 18's: {why}")
        for case in dict.fromkeys(one.case for one in left if one.why == why):
            places = [str(one.place) for one in left if (one.case, one.why) == (case, why)]
            terminalreporter.line(f"  {case}: {', '.join(places)}")
