"""A resolver's publisher, in a process of its own: LMDB opens a file once only within one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.local_replica.writer import ReplicaWriter
from cqar_shared.replication import replica_layout as fmt
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import USDT, a_symbol, a_venue, a_venue_symbol, an_asset, an_id
from tests.support.service_processes import ROOT

PUBLISHED = "published\n"
Publish = Callable[[], None]


@contextmanager
def publisher(folder: Path, generations: int = fmt.GENERATIONS) -> Iterator[Publish]:
    """What it yields makes another generation of one listing, binance's BTCUSDT.

    Args:
        generations: After so many their numbers come again.
    """
    argv = (sys.executable, "-m", __name__, str(folder), str(generations))
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        say, said = process.stdin, process.stdout

        def publish() -> None:
            print(file=say)
            assert said.readline() == PUBLISHED

        try:
            yield publish
        finally:
            say.close()


def main(folder: str, generations: str) -> None:
    fmt.GENERATIONS = int(generations)  # type: ignore[misc]
    symbol = a_symbol(settlement_asset_id=USDT)
    listing = a_venue_symbol(listing_id=an_id("listing"), symbol_id=symbol.symbol_id)
    of_all = encoded(an_asset(), an_asset("USDT"), a_venue(), symbol, listing)
    snapshot, published = hydrated(of_all), ReplicaWriter(Path(folder))
    epoch, revision, _ = snapshot.position
    for _ in sys.stdin:
        at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        now = fmt.Now(0, 0, epoch, revision, at, pb.SNAPSHOT_STATE_LIVE, fmt.boot_id())
        published.replace(snapshot.head, snapshot.iter_entities(), now)
        sys.stdout.write(PUBLISHED)
        sys.stdout.flush()
    published.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
