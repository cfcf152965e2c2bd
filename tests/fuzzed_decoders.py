"""Looks for bytes that a decoder neither reads nor refuses, led by what they reach in our code.

    python -m tests.fuzzed_decoders -runs=1000000

What libFuzzer is told, it takes. It begins with hostile requests of every method, and ends with an
error, and the bytes that made it, where one is found.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Final

import atheris

with atheris.instrument_imports(
    include=["cqar_shared", "cqar_resolver.queries.requests", "cqar_writer.services.admin"]
):
    from tests.support import hostile_requests, request_decoding

NAMES: Final = tuple(request_decoding.METHODS)
#: Of each method, in the beginning.
SEEDS: Final = 8
BYTES_MAX: Final = 4_096


def one(data: bytes) -> None:
    """The first byte says which method, the others are its request."""
    if data:
        request_decoding.refused(NAMES[data[0] % len(NAMES)], data[1:])


def _sow(folder: Path) -> None:
    for place, name in enumerate(NAMES):
        for seed in range(SEEDS):
            chance = Random(seed)
            raw = hostile_requests.request_of(request_decoding.METHODS[name].input_type, chance)
            (folder / f"{place}-{seed}").write_bytes(bytes([place]) + raw[:BYTES_MAX])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as corpus:
        _sow(Path(corpus))
        options = [
            f"-max_len={BYTES_MAX}",
            "-print_final_stats=1",
            "-rss_limit_mb=2048",
            "-timeout=5",
        ]
        atheris.Setup([sys.argv[0], *options, *sys.argv[1:], corpus], one)
        atheris.Fuzz()
