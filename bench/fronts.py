"""What a resolver's gRPC can be served by: grpc.aio always, others where they are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Final

import msgspec

from cqar_resolver.config import ResolverConfig

GRPC_AIO: Final = "grpc.aio"
NATIVE: Final = "native"
#: The setting that chooses one; releases before it have only grpc.aio.
SETTING: Final = "grpc_front"
RATE: Final = "reads_per_s_max"
NATIVE_MODULE: Final = "pygrpc_native"


def settings_of(front: str) -> Mapping[str, str]:
    if front == GRPC_AIO:
        return {}
    # One connection asks for more than one caller may by default.
    known = {field.name for field in msgspec.structs.fields(ResolverConfig)}
    return {SETTING: front} | ({RATE: "1000000"} if RATE in known else {})


def why_not(front: str) -> str:
    """Why it cannot be measured; empty where it can."""
    if front == GRPC_AIO:
        return ""
    if SETTING not in {field.name for field in msgspec.structs.fields(ResolverConfig)}:
        return f"this release's resolver has no setting {SETTING}"
    if importlib.util.find_spec(NATIVE_MODULE) is None:
        return f"{NATIVE_MODULE} is not installed"
    return ""
