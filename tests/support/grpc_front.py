"""By what resolvers are served in tests: `make test-native` runs them on the other front."""

from __future__ import annotations

import os
from typing import Final

from cqar_resolver.config import Front

FRONT: Final[Front] = "native" if os.environ.get("CQAR_TEST_FRONT") == "native" else "aio"
