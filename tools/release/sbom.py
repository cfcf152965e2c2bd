"""A bill of materials: every package of every extra, as uv.lock has it, in CycloneDX 1.5."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


def bill_of(wheel: Path) -> dict[str, Any]:
    """What may be installed with a wheel of this project, by any of its extras.

    Args:
        wheel: Its name says the version, `cqar-1.2.3-py3-none-any.whl`, which the lock does not.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    wanted = ("--frozen", "--all-extras", "--no-dev", "--format", "cyclonedx1.5")
    done = subprocess.run(  # noqa: S603  (our own words)
        [uv, "export", "--quiet", "--preview-features", "sbom-export", *wanted],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    bill: dict[str, Any] = json.loads(done.stdout)
    version = wheel.name.split("-")[1]
    bill["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/cqar@{version}"}
    return bill
