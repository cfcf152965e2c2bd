from __future__ import annotations

import json
from pathlib import Path

from tools.failed_alone import failed_modules


def test_the_modules_of_failed_tests_are_named_once(tmp_path: Path) -> None:
    noted = tmp_path / "lastfailed"
    assert failed_modules(noted) == []
    tests = ["tests/b.py::test_two[x::y]", "tests/a.py::test_one", "tests/b.py::test_three"]
    noted.write_text(json.dumps(dict.fromkeys(tests, True)))
    assert failed_modules(noted) == ["tests/a.py", "tests/b.py"]
