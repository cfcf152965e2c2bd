"""The load generator: h2load, of Debian's nghttp2-client, which posts one gRPC body at C speed.

Callers are connections, each with one call at a time, as so many programs would have. It keeps
every latency; the next call is sent when the last is answered, so it finds what a server can carry,
not what calls at a given rate would see.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench.measured import Sample, Unmeasured, spread

#: Before what counts, some calls of each caller tell the rate, and then the server is made warm.
FIRST_CALLS: Final = 4
WARM_S: Final = 0.3
_RATE: Final = re.compile(r"([0-9.]+) req/s")
_DONE: Final = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored")
_DATA: Final = re.compile(r"\((\d+)\) data")
_FRAME_BYTES: Final = 5


class LoadFailed(Unmeasured):
    """What was measured is not what was meant."""


class Target(NamedTuple):
    """Where a method is served.

    Attributes:
        address: HOST:PORT, or unix:PATH.
        method: /package.Service/Method.
        request: Its message's bytes.
        answer_bytes: An answer is at least so long: an error has no message at all.
    """

    address: str
    method: str
    request: bytes
    answer_bytes: int


def installed() -> bool:
    return shutil.which("h2load") is not None


async def load(target: Target, callers: int, seconds: float) -> Sample:
    """Figures `calls_per_s`, `p50_us`…, of so many callers for about so many seconds.

    Raises:
        LoadFailed: Not every call was answered with a message as long as it should be.
    """
    with tempfile.TemporaryDirectory(prefix="cqar-h2load-") as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        _write(body, target.request)
        rate = await _run(target, callers, FIRST_CALLS * callers, body, log)
        for lasts_s in (WARM_S, seconds):
            Path.unlink(log)
            calls = max(FIRST_CALLS * callers, int(rate * lasts_s))
            rate = await _run(target, callers, calls, body, log)
        return spread(_latencies_us(log), calls_per_s=rate)


def _write(path: Path, message: bytes) -> None:
    """As gRPC frames it."""
    path.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)


def _latencies_us(log: Path) -> list[float]:
    """Of each call: the third column."""
    return [float(line.split("\t")[2]) for line in log.read_text().splitlines()]


async def _run(target: Target, callers: int, calls: int, body: Path, log: Path) -> float:
    """Calls a second."""
    is_socket = target.address.startswith("unix:")
    base = ("-B", target.address) if is_socket else ()
    host = "localhost" if is_socket else target.address
    process = await asyncio.create_subprocess_exec(
        *("h2load", "-n", str(calls), "-c", str(callers), "-m", "1", "-d", str(body)),
        *("-H", "content-type: application/grpc", "-H", "te: trailers"),
        *(f"--log-file={log}", *base, f"http://{host}{target.method}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    done, data, rate = _DONE.search(said), _DATA.search(said), _RATE.search(said)
    if process.returncode or not (done and data and rate):
        raise LoadFailed(said[-2_000:])
    least = calls * (target.answer_bytes + _FRAME_BYTES)
    if int(done[1]) != calls or int(data[1]) < least:
        text = f"{done[0]} of {calls}, {data[1]} bytes of messages where {least} were to come"
        raise LoadFailed(f"{target.method} at {target.address}: {text}")
    return float(rate[1])
