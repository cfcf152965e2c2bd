"""`python -m tests.chaos.partitions`: how long each partition takes to heal, on a quiet machine."""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cqar.embedded.servers import embedded_servers
from cqar_shared.messaging import nats_connection
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_writer.app import utc_now
from cqar_writer.mutations import Mutations
from tests.support.partition_matrix import SERVERS, SUBJECTS, Row, stack_behind_links
from tests.support.partitioned_link import KINDS
from tests.support.service_processes import migrate

log = logging.getLogger(__name__)


async def rows() -> list[Row]:
    """Each kind of partition of each link alone, one after the other: some five minutes."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cqar-partitions-") as folder:
        async with embedded_servers(Path(folder) / "servers", durable=False) as servers:
            await migrate(servers.postgres, "upgrade")
            engine = make_engine(servers.postgres, connections_max=4, application="cqar-chaos")
            mutations = Mutations(engine, utc_now)
            client = await nats_connection.connect(servers.nats, "cqar-chaos")
            async with stack_behind_links(servers, servers.postgres, mutations, client) as stack:
                for kind, subject, server in itertools.product(KINDS, SUBJECTS, SERVERS):
                    healed_s = await stack.partition(kind, [(subject, server)])
                    found.append(Row(kind, subject, server, healed_s))
                    log.info("%s", line_of(found[-1]))
            await nats_connection.close(client)
            await dispose(engine)
    return found


def line_of(row: Row) -> str:
    """A row of the table, in Markdown."""
    last = max(row.healed_s, key=row.healed_s.__getitem__)
    return f"| {row.kind} | {row.subject} | {row.server} | {row.whole_s:.1f} s | {last} |"


def table_of(found: Sequence[Row]) -> str:
    """The table, in Markdown."""
    head = "| partition | of the | from | healed after | what came last |\n|---|---|---|---|---|"
    return "\n".join([head, *map(line_of, found)])


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL, format="%(message)s")
    log.setLevel(logging.INFO)
    print(table_of(asyncio.run(rows())))  # noqa: T201
