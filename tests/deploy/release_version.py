"""The version that deploy/ names: that of CHANGELOG.md's newest heading."""

from __future__ import annotations

import re

from tests.support.service_processes import ROOT


def newest_release() -> str:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.findall(r"^## (\d+\.\d+\.\d+\S*)", text, re.MULTILINE)[0]
