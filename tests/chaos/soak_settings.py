"""How long the tests of faults run: short in `make test`, as the environment says else."""

from __future__ import annotations

import os
import secrets
from typing import Final

#: Random mixes of faults are begun for so long; set, the faults that take long are struck too.
CHAOS_SECONDS: Final = float(os.environ.get("CQAR_CHAOS_SECONDS", "0"))
#: Links are stalled at random for so long.
STALENESS_SECONDS: Final = float(os.environ.get("CQAR_STALENESS_SECONDS", "5"))
#: Entities imported while readers look on.
IMPORT_ENTITIES: Final = int(os.environ.get("CQAR_IMPORT_ENTITIES", "2000"))
#: Each flood lasts for so long; unset, 1 s in tests.
ABUSE_SECONDS: Final = float(os.environ.get("CQAR_ABUSE_SECONDS", "0"))
#: Of all that is drawn here.
SEED: Final = os.environ.get("CQAR_CHAOS_SEED")


def chaos_seed() -> int:
    """CQAR_CHAOS_SEED, else a new one; whoever takes it logs it."""
    return int(SEED) if SEED else secrets.randbits(32)
