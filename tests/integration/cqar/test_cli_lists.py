"""The command line follows every list to its last page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar import catalogue
from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli import cli
from cqar.cli.nouns.noun_table import NOUNS
from cqar.importer.registry_state import load_state
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.lists import paging
from cqar_writer.mutations import Mutations
from tests.support.both_services import Served
from tests.support.commits import commit
from tests.support.entity_builders import NOW, a_venue
from tests.support.five_of_each import COUNT, LISTS, REGISTRY_OF_FIVES
from tests.support.writer_server import Client, serving

LINES = {
    verb.rpc: (noun.name, *words.split()) for noun in NOUNS for words, verb in noun.verbs.items()
}


@pytest.fixture
async def client_(
    engine: AsyncEngine, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """A writer that gives no list whole, for all have five or more; pages are of two."""
    await commit(mutations, *REGISTRY_OF_FIVES)
    monkeypatch.setattr(paging, "WHOLE_MAX", 2)
    monkeypatch.setattr(pagination, "PAGE_ROWS", 2)
    async with serving(engine, NOW) as client:
        yield client


async def run(client: Client, *arguments: str) -> Any:
    """What a command prints as JSON; in a thread, for it waits for the writer beside it."""
    to = ("--writer", client.address, "--key", client.keys[Role.ADMIN], "--json")
    ran = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, *to])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


@pytest.mark.parametrize("rpc", LISTS)
async def test_a_list_is_printed_to_its_end(rpc: str, client_: Client) -> None:
    _, key, _, _ = LISTS[rpc]
    told = await Served(client_).call(rpc, page_size=1)
    found = await run(client_, *LINES[rpc])
    assert len(found) == told.total_count >= COUNT
    assert len({json.dumps(entity, sort_keys=True) for entity in found}) == len(found)
    assert all(key in entity for entity in found)


async def test_venues_and_keys_are_listed_to_their_end(client_: Client) -> None:
    assert len(await run(client_, "venues")) == COUNT
    assert {key["actor"] for key in await run(client_, "keys", "list")} == {
        "read",
        "write",
        "admin",
    }


async def test_an_import_knows_all_of_the_registry_however_many_pages_it_takes(
    client_: Client,
) -> None:
    def read() -> list[Any]:
        with Connection(client_.address, client_.keys[Role.ADMIN]) as connection:
            return [
                load_state(connection, a_venue("venue-0"), NOW),
                catalogue._state(connection, NOW),
            ]

    products = ("chain", "venue", "asset", "symbol")
    states = await asyncio.to_thread(read)
    for state, names in zip(states, (products, (*products, "asset_relationship")), strict=True):
        for name in names:
            kind = KIND_BY_NAME[name]
            there = {kind.key_of(e) for e in REGISTRY_OF_FIVES if isinstance(e, kind.entity)}
            assert {kind.key_of(entity) for entity in state.all(kind)} == there
