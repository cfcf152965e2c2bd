"""What an import reads of the registry, through the writer's gRPC server."""

from __future__ import annotations

import asyncio
import datetime as dt

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.connection import Connection
from cqar.venues.state import load_state
from shared.entities.api_key import Role
from shared.judge import Docket, Result
from tests.builders import (
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_venue,
    a_venue_asset,
    an_asset,
)
from tests.changes import commit, upsert
from tests.grpc_writer import serving
from tests.registry_in_memory import changed
from writer.mutations import Mutations

DAY = dt.timedelta(days=1)


async def test_a_relisted_asset_that_names_a_deployment_is_opened_again(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    gone = a_venue_asset(
        asset_id=USDT,
        deployment_id=a_deployment().deployment_id,
        listed_at=NOW - 2 * DAY,
        delisted_at=NOW - DAY,
    )
    await commit(mutations, an_asset("USDT"), a_chain(), a_venue(), a_deployment(), gone)
    async with serving(engine, NOW) as client:
        with Connection(client.address, client.keys[Role.READ]) as connection:
            state = await asyncio.to_thread(load_state, connection, a_venue(), NOW)
    opened = changed(gone, listed_at=NOW, delisted_at=None)
    (outcome,) = Docket([upsert(opened)]).judge(state)
    assert (outcome.violations, outcome.result) == ((), Result.UPDATED)
