"""Many resolvers that start at the same instant: `python -m tests.chaos.resolver_fleet COUNT`.

One process imports everything once, then forks: so that fifty begin together here, where each
would take a second of a core to import. Each is all of a resolver but its servers, with its
settings in the environment. It prints a line of JSON when it has loaded, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress

from cqar_resolver.app import Resolver
from cqar_resolver.config import SECTION, ResolverConfig
from cqar_shared.runtime.config import load
from cqar_shared.runtime.tasks import begin, end

WAIT_S = 120


async def start(config: ResolverConfig, began: float) -> None:
    resolver = Resolver(config)
    tasks = begin(resolver.loops())
    async with asyncio.timeout(WAIT_S):
        await resolver.view.loaded.wait()
    view = resolver.view
    told = {
        "pid": os.getpid(),
        "source": view.hydrated_from,
        "seconds": time.monotonic() - began,
        "revision": view.snapshot.position.revision,
        "set_hash": view.snapshot.set_hash.hex(),
    }
    os.write(1, json.dumps(told).encode() + b"\n")
    await asyncio.to_thread(sys.stdin.buffer.read)
    await end(*tasks)
    await resolver.close()


def main(count: int) -> None:
    config = load(ResolverConfig, SECTION, os.environ)
    sys.stdin.buffer.readline()  # until told to begin
    began = time.monotonic()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            with suppress(KeyboardInterrupt):
                asyncio.run(start(config, began))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
