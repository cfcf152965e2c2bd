"""gRPC load by h2load, of Debian's nghttp2-client, and the requests that it sends.

A caller is a connection with one call at a time. The next call is sent when the last is answered,
so the figures say what a server can carry, not what calls at a given rate would see.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb

from bench.results import Figures, NotMeasured, latency_figures

RESOLVE: Final = "/cqc.resolver.v1.Resolver/Resolve"
RESOLVE_BATCH: Final = "/cqc.resolver.v1.Resolver/ResolveBatch"
TIMEOUT_S: Final = 30.0
NOT_INSTALLED: Final = "h2load is not installed (apt-get install nghttp2-client)"
#: Calls of each caller that tell the rate, before the server is warmed up for WARM_S.
FIRST_CALLS: Final = 4
WARM_S: Final = 0.3
_FRAME_BYTES: Final = 5
_REPORT: Final = re.compile(
    r"([0-9.]+) req/s.*?(\d+) succeeded, (\d+) failed, (\d+) errored.*?\((\d+)\) data", re.DOTALL
)


def resolve_request(venue_id: str, venue_symbol: str) -> bytes:
    request = pb.ResolveRequest(venue_id=venue_id, venue_symbol=venue_symbol)
    return request.SerializeToString(deterministic=True)


def batch_request(keys: Sequence[Sequence[str]]) -> bytes:
    named = [pb.VenueSymbolKey(venue_id=venue, venue_symbol=symbol) for venue, symbol in keys]
    return pb.ResolveBatchRequest(keys=named).SerializeToString(deterministic=True)


async def call(address: str, method: str, request: bytes) -> bytes:
    """The bytes of one answer."""
    async with grpc.aio.insecure_channel(address) as channel:
        unary: Any = channel.unary_unary(method)
        answer: bytes = await unary(request, timeout=TIMEOUT_S)
        return answer


class Target(NamedTuple):
    """A method at a server.

    Attributes:
        address: HOST:PORT, or unix:PATH.
        answer_bytes: The least length of an answer: an error has no message at all.
    """

    address: str
    method: str
    request: bytes
    answer_bytes: int


def installed() -> bool:
    return shutil.which("h2load") is not None


async def load(target: Target, callers: int, seconds: float) -> Figures:
    """Latencies and `calls_per_s` of so many callers for about so many seconds.

    Raises:
        NotMeasured: a call was not answered, or an answer was too short.
    """
    with tempfile.TemporaryDirectory(prefix="cqar-h2load-") as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(b"\0" + struct.pack(">I", len(target.request)) + target.request)
        rate = await _run(target, callers, FIRST_CALLS * callers, body, log)
        for duration_s in (WARM_S, seconds):
            log.unlink()
            calls = max(FIRST_CALLS * callers, int(rate * duration_s))
            rate = await _run(target, callers, calls, body, log)
        latencies_us = [float(line.split("\t")[2]) for line in log.read_text().splitlines()]
        return latency_figures(latencies_us, calls_per_s=rate)


async def _run(target: Target, callers: int, calls: int, body: Path, log: Path) -> float:
    """Calls a second."""
    is_socket = target.address.startswith("unix:")
    host = "localhost" if is_socket else target.address
    process = await asyncio.create_subprocess_exec(
        *("h2load", "-n", str(calls), "-c", str(callers), "-m", "1", "-d", str(body)),
        *("-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}"),
        *(("-B", target.address) if is_socket else ()),
        f"http://{host}{target.method}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    text = (await process.communicate())[0].decode()
    report = _REPORT.search(text)
    if process.returncode or report is None:
        raise NotMeasured(text[-2_000:])
    expected_bytes = calls * (target.answer_bytes + _FRAME_BYTES)
    if int(report[2]) != calls or int(report[5]) < expected_bytes:
        raise NotMeasured(
            f"{target.method} at {target.address}: {report[2]} of {calls} calls succeeded, with"
            f" {report[5]} bytes of messages where at least {expected_bytes} were expected"
        )
    return float(report[1])
