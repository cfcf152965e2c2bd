"""`python -m bench.empty serve`: a gRPC server that looks at nothing and gives the same bytes.

It is what a resolver's answer costs before the first thought: same library, same options, same
event loop, no interceptors, no messages parsed or built.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import grpc
import uvloop

from cqar_shared.rpc import grpc_server
from cqar_shared.runtime import telemetry
from cqar_shared.runtime.telemetry import HealthReport

PREFIX: Final = "CQAR_EMPTY_"


class Same(grpc.GenericRpcHandler):
    """Every method answers alike."""

    def __init__(self, answer: bytes) -> None:
        async def give(_: bytes, __: Any) -> bytes:
            return answer

        self._handler: Any = grpc.unary_unary_rpc_method_handler(give)

    def service(self, handler_call_details: Any) -> Any:
        assert handler_call_details is not None
        return self._handler


async def _ready() -> HealthReport:
    return HealthReport(ready=True, components={})


async def serve() -> None:
    setting = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    server, _ = grpc_server.make_server([])
    same = Same(Path(setting[f"{PREFIX}ANSWER"]).read_bytes())
    server.add_generic_rpc_handlers((same,))
    grpc_server.bind(server, setting[f"{PREFIX}GRPC_LISTEN"])
    grpc_server.bind_socket(server, Path(setting[f"{PREFIX}SOCKET"]))
    await server.start()
    await telemetry.serve_http(setting[f"{PREFIX}HTTP_LISTEN"], _ready)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
