"""The integrity key that all tests share, as a keyring and as a file."""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from cqar_shared.redis_store.cache_format import CacheFormat
from cqar_shared.trust.seals import Keyring

KEY: Final = hashlib.sha256(b"the tests' own").hexdigest()
OTHER_KEY: Final = hashlib.sha256(b"somebody else's").hexdigest()
KEYRING: Final = Keyring.parse(KEY)
#: Under which nothing is older than it may be.
FORMAT: Final = CacheFormat(KEYRING, lambda: 0.0)
IMAGES: Final = KEYRING.seals("image")
FILES: Final = KEYRING.seals("last good")
#: Kept while the session lasts.
_FOLDER: Final = tempfile.TemporaryDirectory(prefix="cqar-integrity-")


@cache
def key_file() -> str:
    path = Path(_FOLDER.name) / "integrity.key"
    path.write_text(KEY + "\n")
    return str(path)
