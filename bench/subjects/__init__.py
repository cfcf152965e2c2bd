"""All subjects. Those that need the largest registry come last, whatever their place here."""

from __future__ import annotations

from typing import Final

from bench.subject import Subject
from bench.subjects import (
    changing,
    grpc_batch,
    grpc_resolve,
    hydrating,
    in_process,
    other_process,
    pausing,
    sizes,
)

SUBJECTS: Final[tuple[Subject, ...]] = (
    in_process.SUBJECT,
    other_process.SUBJECT,
    grpc_resolve.SUBJECT,
    grpc_batch.SUBJECT,
    changing.SUBJECT,
    pausing.SUBJECT,
    sizes.SUBJECT,
    hydrating.SUBJECT,
)
