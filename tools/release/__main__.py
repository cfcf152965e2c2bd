"""`python -m tools.release`: write dist/cqar.cdx.json beside the one wheel that lies there."""

from __future__ import annotations

import json

from tools.release.sbom import ROOT, bill_of

(wheel,) = (ROOT / "dist").glob("cqar-*.whl")
(ROOT / "dist/cqar.cdx.json").write_text(
    json.dumps(bill_of(wheel), indent=1) + "\n", encoding="utf-8"
)
