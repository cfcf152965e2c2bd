"""An address of PostgreSQL that leads elsewhere when a test says so, as a load balancer's does.

Connections that are open stay where they are: what a test of a failover is about. Two databases of
one server stand for two servers; copied while nobody uses them, they have one history.
"""

from __future__ import annotations

import configparser
import itertools
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

_numbers = itertools.count()


class Address:
    """A URL that leads to the database of its server named last, with the fixture `addresses`.

    It names a service of PostgreSQL's own, which clients look up in a file whenever they connect;
    processes that a test starts find the file by the environment, too.

    Attributes:
        url: To connect to.
    """

    def __init__(self, dsn: str) -> None:
        self._name = f"registry_{next(_numbers)}"
        parts = urlsplit(dsn)
        self.url = f"postgresql://{parts.hostname}:{parts.port}?service={self._name}"
        self.lead_to(dsn)

    def lead_to(self, dsn: str) -> None:
        """From the next connection on."""
        parts = urlsplit(dsn)
        named = {
            "dbname": parts.path.lstrip("/"),
            "user": parts.username,
            "password": unquote(parts.password) if parts.password else None,
        }
        file = Path(os.environ["PGSERVICEFILE"])
        found = configparser.ConfigParser(interpolation=None)
        found.read(file)
        found[self._name] = {name: str(value) for name, value in named.items() if value is not None}
        whole = file.with_suffix(".new")
        with whole.open("w") as stream:
            found.write(stream)
        whole.replace(file)


async def copied(dsn: str) -> str:
    """A copy of a database that nobody is connected to."""
    name = f"{urlsplit(dsn).path.lstrip('/')}_copy_{next(_numbers)}"
    await _execute(dsn, f"CREATE DATABASE {name} TEMPLATE {urlsplit(dsn).path.lstrip('/')}")
    return f"{dsn.rsplit('/', 1)[0]}/{name}"


async def promoted(dsn: str) -> None:
    """Have it be found on another timeline than it was written on."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE registry_head SET timeline_id = timeline_id + 1000")
    finally:
        await connection.close()


async def dropped(dsn: str) -> None:
    name = urlsplit(dsn).path.lstrip("/")
    with suppress(asyncpg.InvalidCatalogNameError):
        await _execute(dsn, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{dsn.rsplit('/', 1)[0]}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
