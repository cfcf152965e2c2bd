"""Write both files anew: `make sdk-writes`."""

from __future__ import annotations

from tools.sdk_writes.methods import FILES, text_of

for path, is_async in FILES.items():
    path.write_text(text_of(is_async=is_async), encoding="utf-8")
