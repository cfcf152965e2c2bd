"""A writer's head, where its address leads to a standby, and what it does when that is promoted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.errors import ServiceNotReady
from cqar_shared.replication.positions import term_of
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_writer.database.head import HeadReader
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, eventually, head_of
from tests.support.entity_builders import NOW, a_venue
from tests.support.memory_folder import server_folder
from tests.support.service_processes import migrate
from tests.support.standby_servers import HOST, Server, Servers, servers_in
from tests.support.tcp_proxy import Link, link_to


class StandbyPair(NamedTuple):
    """A primary with its standby, which is synchronous, and a writer whose address leads to one."""

    made: Servers
    primary: Server
    standby: Server
    link: Link
    engine: AsyncEngine

    def lead_to(self, server: Server, *, keep: bool = False) -> None:
        self.link.to(HOST, server.port, keep=keep)


@pytest.fixture
async def pair() -> AsyncIterator[StandbyPair]:
    with server_folder() as folder:
        async with servers_in(folder / "standbys") as made:
            primary = await made.primary()
            await migrate(primary.dsn, "upgrade")
            standby = await made.standby(primary, "standby")
            await primary.waits_for(standby)
            at = urlsplit(primary.dsn)
            async with link_to(f"postgresql://{at.netloc}{at.path}") as (link, url):
                engine = make_engine(url, connections_max=8, application="cqar-test")
                yield StandbyPair(made, primary, standby, link, engine)
                await dispose(engine)


async def test_a_standby_is_left_and_one_failover_is_one_epoch(pair: StandbyPair) -> None:
    database = PrimaryDatabase(NewestPosition(), pair.engine)
    mutations = Mutations(pair.engine, lambda: NOW, database=database)
    heads = HeadReader(pair.engine, database)
    for name in "abc":
        await commit(mutations, a_venue(name))
    assert (await heads.confirmed()).revision == 3

    # No connection is kept to a standby: the next one leads to where the address leads then.
    pair.lead_to(pair.standby)
    await dispose(pair.engine)
    for refused in (heads.read, lambda: commit(mutations, a_venue("x"))):
        with pytest.raises(ServiceNotReady, match="standby"):
            await refused()
    pair.lead_to(pair.primary, keep=True)
    assert (await heads.read()).revision == 3

    # The primary sleeps, its standby takes over, and the writer keeps connections to the sleeper.
    async with pair.engine.connect() as kept, pair.engine.connect() as other:
        for tx in (kept, other):
            await tx.execute(sa.text("SELECT"))
        pair.primary.pause()
        await pair.standby.promote()
        pair.lead_to(pair.standby, keep=True)
        assert await commit(mutations, a_venue("d")) == 5
        pair.primary.wake()
    for number in range(6):
        assert (await heads.confirmed()).epoch == 2
        assert await commit(mutations, a_venue(f"e{number}")) == 6 + number
    head = await head_of(pair.engine)
    assert (head.epoch, head.timeline, head.database_changed) == (2, 2, False)
    assert database.newest.seen.term == term_of(head)

    async def is_alone() -> bool:
        asleep: int = await pair.primary.value("SELECT revision FROM registry_head")
        return asleep == 3

    await eventually(is_alone)
