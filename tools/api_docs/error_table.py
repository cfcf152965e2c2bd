"""The table of errors: what the services raise, as clients see it."""

from __future__ import annotations

from google.rpc import code_pb2

from cqar_shared.errors import EntityNotFound
from cqar_shared.rpc.status import CODES


def reasons_table() -> str:
    rows = [
        f"| {code_pb2.Code.Name(code)} | {_reason(error.reason)} | {_meaning(error)} |"
        for error, code in CODES.items()
    ]
    return "\n".join(["| code | reason | |", "|---|---|---|", *rows])


def _reason(reason: str) -> str:
    return "KIND_NOT_FOUND, such as VENUE_NOT_FOUND" if reason == EntityNotFound.reason else reason


def _meaning(error: type[Exception]) -> str:
    """Its docstring's first line, without what speaks of our code."""
    return (error.__doc__ or "").partition("`")[0].strip().splitlines()[0]
