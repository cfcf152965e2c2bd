"""Every period of a spelling is found: open, ended, archived and voided; and told by the CLI."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.cli import cli
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from cqar_writer.store import voided_listings
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit
from tests.support.entity_builders import (
    ETH,
    NOW,
    USDT,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.writer_server import Client, serving

DAY = dt.timedelta(days=1)
OTHER = a_symbol(symbol_id=an_id("eth/usdt"), base_asset_id=ETH, quote_asset_id=USDT)
MARKET = (an_asset(), an_asset("ETH"), an_asset("USDT"), a_symbol(), OTHER, a_venue())
ARCHIVED, VOIDED, ENDED, OPEN = map(an_id, ("archived", "voided", "ended", "open"))


def a_period(listing_id: str, begin: int, end: int | None, **changes: Any) -> Any:
    """From and to so many days ago."""
    over = None if end is None else NOW - end * DAY
    dates = {"listed_at": NOW - begin * DAY, "delisted_at": over}
    return a_venue_symbol(listing_id=listing_id, **dates, **changes)


async def void(mutations: Mutations, *listing_ids: str) -> None:
    gone = [Item(kind=VENUE_SYMBOL, intent=ChangeIntent.REMOVE, key=key) for key in listing_ids]
    assert (await mutations.apply(gone, CAUSE)).committed


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    """BTCUSDT meant something four times, of which one was wrong and one is archived."""
    await commit(mutations, *MARKET, a_period(ARCHIVED, 400, 300))
    assert await Archiver(engine, mutations, 200 * DAY).step() == 1
    wrong = a_period(VOIDED, 200, 150, symbol_id=OTHER.symbol_id)
    await commit(mutations, wrong, a_period(ENDED, 100, 50), a_period(OPEN, 10, None))
    other = {"listing_id": an_id("other"), "venue_symbol": "ETHUSDT"}
    await commit(mutations, a_venue_symbol(symbol_id=OTHER.symbol_id, **other))
    await void(mutations, VOIDED, an_id("other"))
    async with serving(engine, NOW) as client:
        yield client


async def periods(client: Client, venue_id: str, spelling: str) -> pb.ListPeriodsResponse:
    request = pb.ListPeriodsRequest(venue_id=venue_id, venue_symbol=spelling)
    answer: pb.ListPeriodsResponse = await client.call(client.admin.ListPeriods, request, Role.READ)
    return answer


async def test_every_period_is_told_with_what_became_of_it(client_: Client) -> None:
    for _ in ("looked up", "known"):
        found = await periods(client_, "binance", "BTCUSDT")
        assert [(p.listing_id, p.state) for p in found.periods] == [
            (ARCHIVED, pb.PERIOD_STATE_ARCHIVED),
            (VOIDED, pb.PERIOD_STATE_VOIDED),
            (ENDED, pb.PERIOD_STATE_DELISTED),
            (OPEN, pb.PERIOD_STATE_LISTED),
        ]
        assert found.periods[1].symbol_id == OTHER.symbol_id
        assert found.periods[1].delisted_at.ToDatetime(dt.UTC) == NOW - 150 * DAY
        assert not found.is_partial
    (only,) = (await periods(client_, "binance", "ETHUSDT")).periods
    assert (only.listing_id, only.state) == (an_id("other"), pb.PERIOD_STATE_VOIDED)


async def test_what_never_meant_anything_is_named(client_: Client) -> None:
    for place, said, reason in (
        (("binanse", "BTCUSDT"), "no venue 'binanse' (did you mean 'binance'?)", "VENUE_NOT_FOUND"),
        (("binance", "NONE"), "no venue symbol 'NONE' at binance", "VENUE_SYMBOL_NOT_FOUND"),
    ):
        found = await refusal(periods(client_, *place))
        assert (found.code, found.reason) == (grpc.StatusCode.NOT_FOUND, reason)
        assert said in found.text
    wrong = await refusal(periods(client_, "", ""))
    assert {field for field, _ in wrong.violations} == {"venue_id", "venue_symbol"}


async def test_more_than_one_answer_looks_up_is_said_and_found_by_asking_again(
    client_: Client, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voided_listings, "LOADED_MAX", 1)
    later = an_id("later")
    await commit(mutations, a_period(later, 140, 130))
    await void(mutations, later)
    seen = [await periods(client_, "binance", "BTCUSDT") for _ in range(4)]
    assert [answer.is_partial for answer in seen] == [True, True, True, False]
    assert len(seen[-1].periods) == 5


async def test_a_listing_that_is_stated_anew_under_its_id_is_not_voided(
    client_: Client, mutations: Mutations
) -> None:
    assert len((await periods(client_, "binance", "BTCUSDT")).periods) == 4
    await commit(mutations, a_period(VOIDED, 200, 150))
    found = await periods(client_, "binance", "BTCUSDT")
    assert [p.state for p in found.periods if p.listing_id == VOIDED] == [pb.PERIOD_STATE_DELISTED]


async def run(client: Client, *arguments: str) -> Any:
    to = ("--writer", client.address, "--key", client.keys[Role.READ])
    ran = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, *to])
    assert ran.exit_code == 0, ran.output
    return ran


async def test_the_history_of_a_spelling_tells_every_period_and_its_changes(
    client_: Client,
) -> None:
    shown = (await run(client_, "history", "binance/BTCUSDT")).stdout
    places = [
        shown.index(f"binance/BTCUSDT, listing {key}, {state}")
        for key, state in (
            (OPEN, "listed"),
            (ENDED, "delisted"),
            (VOIDED, "voided"),
            (ARCHIVED, "archived"),
        )
    ]
    assert places == sorted(places)
    told = json.loads((await run(client_, "history", "binance/BTCUSDT", "--json")).stdout)
    by_listing = {
        key: [e for e in told if e["listing_id"] == key] for key in (OPEN, ENDED, VOIDED, ARCHIVED)
    }
    assert [len(entries) for entries in by_listing.values()] == [1, 1, 2, 2]
    last, first = by_listing[VOIDED]
    assert (last["period"], last["after"], first["before"]) == ("VOIDED", None, None)
    assert last["before"] == first["after"]
    assert first["after"]["exact"]["tick_size"] == "0.01"


async def test_values_of_a_history_are_whole_however_long_they_are(
    client_: Client, mutations: Mutations
) -> None:
    note = "x" * 3_000
    await commit(mutations, a_venue(metadata={"note": note}))
    assert note in (await run(client_, "history", "venue:binance")).stdout
    told = json.loads((await run(client_, "history", "venue:binance", "--json")).stdout)
    changed = {d["field"]: d["after"] for d in told[0]["differences"]}
    assert json.loads(changed["metadata"]) == {"note": note}
    assert told[0]["after"]["metadata"] == {"note": note}
