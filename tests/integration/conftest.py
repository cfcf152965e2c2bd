"""The registry as each of both services reads it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from tests.served import Served, served
from writer.relay import Relay

#: Serves at an instant, until the block ends.
Serve = Callable[[dt.datetime], AbstractAsyncContextManager[Served]]


@pytest.fixture(params=["writer", "resolver"])
def serve(
    request: pytest.FixtureRequest,
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: Relay,
) -> Serve:
    """What a test proves with it is proved of the writer and of a resolver."""
    return lambda now: served(request.param, database, servers.nats, engine, relay, now)
