"""Each rule of the house finds what breaks it, and nothing else."""

from __future__ import annotations

import pytest

from tools.house.checks import findings
from tools.house.source import read_module

GOOD = {
    "cqar": '__all__ = ["Client"]',
    "cqar.sdk": '"""A face."""\n__all__ = ["client"]',
    "cqar.sdk.client": "class Client: ...",
    "cqar.program": "import sys\nfrom cqar.sdk.client import Client\nsys.exit()",
    "cqar_shared": '"""A face."""\n__all__ = ["domain"]',
    "cqar_shared.domain": '"""A face."""\nKINDS = ()\n__all__ = ["KINDS", "kind"]',
    "cqar_shared.domain.kind": "from cqar_shared.domain import _private",
    "cqar_shared.domain._private": "class Lookup:\n    def find(self): self.columns = ()",
    "tools.made": "from cqar_shared.domain import KINDS, kind",
}
PACKAGES = {"cqar", "cqar.sdk", "cqar_shared", "cqar_shared.domain"}


def broken(sources: dict[str, str]) -> list[str]:
    modules = {}
    for name, text in sources.items():
        path = name.replace(".", "/") + ("/__init__.py" if name in PACKAGES else ".py")
        modules[name] = read_module(name, path, text)
    return findings(modules)


def test_a_house_in_order_has_no_findings() -> None:
    assert broken(GOOD) == []


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("cqar_shared.domain.x", "class Docket: ...", "x.py:1: Docket is a banned name"),
        ("cqar_shared.domain.x", "class X:\n    asks = 1", "x.py:2: asks is a banned name"),
        ("cqar_shared.domain.x", "def f(x):\n    x._told = 1", "x.py:2: _told is a banned name"),
        ("cqar_shared.domain.told", "", "told.py:1: told is a banned module name"),
        (
            "cqar_shared.domain.x",
            "class Lookup: ...",
            "x.py:1: cqar_shared/domain/_private.py:1 has",
        ),
        ("cqar_shared.domain.x", "class Client: ...", "x.py:1: cqar/sdk/client.py:1 has a public"),
        ("cqar_shared.kind", "", "kind.py:1: cqar_shared/domain/kind.py has this name"),
        ("cqar_shared.domain", "", "__init__.py:1: say what it is for"),
        ("cqar.sdk", '"""A face."""\n__all__ = ["client", "x"]', "x in __all__ does not exist"),
        ("tools.x", "from cqar_shared.domain import _private", "x.py:1: cqar_shared.domain._priv"),
        ("tools.x", "import cqar_shared.rest.y", "x.py:1: cqar_shared.rest is private"),
        ("cqar_shared.domain.x", "raise SystemExit", "x.py:1: only programs exit"),
        ("cqar.sdk.x", "import sys\nsys.exit(1)", "x.py:2: only programs exit"),
    ],
)
def test_what_breaks_a_rule_is_found_with_its_place(name: str, text: str, finding: str) -> None:
    assert any(finding in said for said in broken({**GOOD, name: text}))
