"""A gRPC server that answers every call with the same bytes.

It shows what an answer costs without any work: the resolver's library, options and event loop, but
no interceptors and no messages parsed or built.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import uvloop

from bench.child import report_ready
from cqar_shared.rpc import grpc_server


class ConstantHandler(grpc.GenericRpcHandler):
    """Answers every method alike."""

    def __init__(self, answer: bytes) -> None:
        async def give(_: bytes, __: Any) -> bytes:
            return answer

        self._handler: Any = grpc.unary_unary_rpc_method_handler(give)

    def service(self, handler_call_details: Any) -> Any:
        assert handler_call_details
        return self._handler


def serve(answer: str, address: str, socket: str) -> None:
    """Answer with the bytes of the file `answer` until the process is killed."""

    async def run() -> None:
        server, _ = grpc_server.make_server([])
        server.add_generic_rpc_handlers((ConstantHandler(Path(answer).read_bytes()),))
        grpc_server.bind(server, address)
        grpc_server.bind_socket(server, Path(socket))
        await server.start()
        report_ready()
        await asyncio.Event().wait()

    uvloop.run(run())
