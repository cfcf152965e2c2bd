"""Rounds of a venue beside a real writer: from HTTP answers to revisions and findings."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.importer.registry_products import Products
from cqar.reconciler.kept_rounds import KeptRounds
from cqar.reconciler.round_index import APPLIED
from cqar.reconciler.rounds import GOOD
from cqar_writer.mutations import Mutations
from tests.support.commits import commit, head_of
from tests.support.entity_builders import a_venue
from tests.support.memory_registry_view import changed
from tests.support.reconciling import (
    PAIRS,
    SimulatedKraken,
    World,
    a_pair,
    kinds_changed,
    reconciling,
)
from tests.support.venue_http import Said


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def some_pairs() -> list[dict[str, Any]]:
    return [a_pair(code) for code in ("XXBT", "XETH", "SOL", "ADA", "DOT", "LINK", "ATOM", "XTZ")]


async def listings(world: World) -> dict[str, Any]:
    request = rpb.ListVenueSymbolsRequest(venue_id="kraken", page_size=1000)
    found = await world.writer.call(world.writer.registry.ListVenueSymbols, request)
    return {v.venue_symbol: v for v in found.venue_symbols if not v.alias_of}


async def findings(world: World, *kinds: str) -> list[Any]:
    request = pb.ListProposalsRequest(venue_id="kraken", kinds=kinds, page_size=1000)
    found = await world.writer.call(world.writer.admin.ListProposals, request)
    return list(found.findings)


async def differing_products(world: World) -> list[Any]:
    """(what, the copy's, the registry's) where the two differ."""
    fresh, own = Products(), world.reconciler.runner.products
    await asyncio.to_thread(fresh.sync, world.reconciler.connection)
    assert own.revision == fresh.revision
    return [
        (ref, _content(own, ref), _content(fresh, ref))
        for ref in {**own.stored, **fresh.stored}
        if _content(own, ref) != _content(fresh, ref)
    ]


def _content(products: Products, ref: Any) -> Any:
    """But for when the registry stored it, which is the writer's to say."""
    stored = products.stored.get(ref)
    entity: Any = stored.entity if stored is not None else None
    return entity and changed(entity, created_at=None, updated_at=None)


@pytest.fixture
def kraken() -> SimulatedKraken:
    return SimulatedKraken(*some_pairs())


@pytest.fixture
async def world(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path, kraken: SimulatedKraken
) -> AsyncIterator[World]:
    """A reconciler that has asked Kraken nothing yet."""
    await commit(mutations, a_venue("kraken"))
    async with reconciling(engine, utc_now, tmp_path / "r", kraken) as made:
        yield made


async def test_a_round_lists_what_the_venue_lists_and_the_same_again_changes_nothing(
    world: World, engine: AsyncEngine
) -> None:
    first = await world.round()
    assert (first.outcome, first.why) == (APPLIED, "")
    assert len(await listings(world)) == 8
    assert await differing_products(world) == []
    before = await head_of(engine)
    second = await world.round()
    assert second.outcome == APPLIED
    assert second.done is not None
    assert second.done.plan.findings == []
    assert await kinds_changed(world.writer, before.revision) == set()
    assert world.reconciler.runner.products.loads == 1


async def test_what_differs_between_two_rounds_becomes_a_change_or_a_finding_once(
    world: World, kraken: SimulatedKraken
) -> None:
    await world.round()
    kraken.pairs[2] = a_pair("SOL", status="cancel_only")
    kraken.pairs[3] = a_pair("ADA", tick_size="0.1")
    kraken.pairs.append(a_pair("UNI"))
    for _ in range(2):
        assert (await world.round()).outcome == APPLIED
    assert len(await listings(world)) == 9
    (coarser,) = await findings(world, "STEPS_COARSER")
    assert coarser.venue_symbol == "ADAUSD"


async def test_what_is_missing_is_doubted_and_ends_when_it_is_missing_ten_minutes_later(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken, begin = SimulatedKraken(*some_pairs()), utc_now()
    clock = [begin]
    async with reconciling(engine, lambda: clock[0], tmp_path / "r", kraken) as world:

        async def after(minutes: float) -> Any:
            clock[0] = begin + dt.timedelta(minutes=minutes)
            report = await world.round(now=clock[0].timestamp)
            assert (report.outcome, report.why) == (APPLIED, "")
            return (await listings(world)).get("ADAUSD")

        await after(0)
        del kraken.pairs[3]
        assert list((await after(5)).doubts) == ["SOURCE_MISSING"]
        revision = (await head_of(engine)).revision
        assert (await after(10)) is not None
        assert await kinds_changed(world.writer, revision) == set()
        assert (await after(16)) is None
        gone = await findings(world, "GONE", "SOURCE_MISSING")
        assert [f.kind for f in gone if f.state == finding_pb2.FINDING_STATE_APPLIED] == ["GONE"]
        kraken.pairs.insert(3, a_pair("ADA"))
        assert (await after(20)) is not None


async def test_what_another_process_has_read_since_is_left_and_is_no_failure(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken, begin = SimulatedKraken(*some_pairs()), utc_now()
    async with reconciling(engine, lambda: begin, tmp_path / "r", kraken) as world:
        await world.round(now=begin.timestamp)
        revision = (await head_of(engine)).revision
        kraken.pairs[2] = a_pair("SOL", status="cancel_only")
        late = await world.round(now=lambda: begin.timestamp() - 60)
        assert (late.outcome, late.outcome in GOOD) == ("READ_MEANWHILE", True)
        assert "another process read kraken" in late.why
        assert await kinds_changed(world.writer, revision) == set()
        assert (await world.round(now=lambda: begin.timestamp() + 60)).outcome == APPLIED
        assert "venue_symbol" in await kinds_changed(world.writer, revision)


async def test_a_cut_off_listing_ends_nothing_and_is_stated_once(
    world: World, kraken: SimulatedKraken
) -> None:
    await world.round()
    del kraken.pairs[2:]
    for _ in range(2):
        assert (await world.round()).outcome == "MASS_CHANGE"
    assert len(await listings(world)) == 8
    (found,) = await findings(world, "MASS_CHANGE")
    assert found.state == finding_pb2.FINDING_STATE_OPEN
    assert await findings(world, "CHANGED_FORM") == []


async def test_an_answer_that_cannot_be_used_changes_nothing_and_says_why(
    world: World, kraken: SimulatedKraken, engine: AsyncEngine
) -> None:
    await world.round()
    before = await head_of(engine)
    html = Said(b"<html>Just a moment...</html>", headers=(("Content-Type", "text/html"),))
    limited = Said(b"{}", 429, (("Retry-After", "120"),))
    for said, outcome, why in (
        (html, "FETCH_FAILED", "a web page"),
        (Said(b'{"error": [], "resu'), "FETCH_FAILED", "is cut off"),
        (Said(b'{"error": ["EService:Busy"]}'), "UNUSABLE", "EService:Busy"),
        (limited, "FETCH_FAILED", "for 120 s"),
    ):
        kraken.said[PAIRS] = said
        report = await world.round()
        assert (report.outcome, why in report.why) == (outcome, True), report.why
    assert report.retry_after_s == 120
    assert await findings(world, "CHANGED_FORM") == []
    assert (await head_of(engine)).revision == before.revision


async def test_a_field_that_vanishes_is_one_finding_with_the_last_good_answer_and_the_readers_line(
    world: World, kraken: SimulatedKraken, tmp_path: Path
) -> None:
    good = await world.round()
    assert good.reading is not None
    whole = [pair.copy() for pair in kraken.pairs]
    for pair in kraken.pairs:
        pair["tickSize"] = pair.pop("tick_size")
        pair["status"] = {"is": pair["status"]}
    for _ in range(2):
        changed = await world.round()
        assert changed.outcome == APPLIED
    assert changed.reading is not None
    assert len(changed.reading.unreadable) == 8
    found = await findings(world, "CHANGED_FORM")
    told = {f.differences[0].field: f for f in found}
    assert sorted(told) == ["result[].status", "result[].tick_size"]
    gone = told["result[].tick_size"]
    assert gone.records[0].sha256 == good.reading.sources[0].sha256
    where = gone.evidence[0].detail
    file, _, line = where.partition(":")
    text = Path(__file__).parents[3].joinpath(file).read_text().splitlines()[int(line) - 1]
    assert text.strip().startswith("tick_size:")
    with KeptRounds.opened(tmp_path / "r") as kept:
        assert json.loads(kept.content(gone.records[0].sha256))["error"] == []
    kraken.pairs = whole
    assert (await world.round()).outcome == APPLIED
    states = {f.state for f in await findings(world, "CHANGED_FORM")}
    assert states == {finding_pb2.FINDING_STATE_SUPERSEDED}


async def test_records_that_lie_elsewhere_are_a_change_of_form_though_nothing_was_read(
    world: World, kraken: SimulatedKraken
) -> None:
    await world.round()
    pairs = {pair["altname"]: pair for pair in kraken.pairs}
    kraken.said[PAIRS] = Said(json.dumps({"error": [], "pairs": pairs}).encode())
    for _ in range(2):
        assert (await world.round()).outcome == "UNUSABLE"
    (found,) = await findings(world, "CHANGED_FORM")
    assert found.differences[0].field == "result"
    assert "cqar/importer/readers/kraken.py:" in found.evidence[0].detail


async def test_the_answers_of_a_round_are_kept_and_read_again_to_the_same_markets(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken = SimulatedKraken(*some_pairs())
    async with reconciling(engine, utc_now, tmp_path / "r", kraken) as world:
        report = await world.round()
    with KeptRounds.opened(tmp_path / "r") as kept:
        (one,) = kept.rounds("kraken", 10)
        requests = [answer.request for answer in kept.answers(one.round_id)]
        files = kept.export(one, tmp_path / "files")
    assert (one.outcome, requests) == (APPLIED, ["public/AssetPairs", "public/Assets"])
    assert report.reading is not None
    assert json.loads(files[0][1].read_bytes())["result"].keys() == {
        f"{code}USD" for code in ("XXBT", "XETH", "SOL", "ADA", "DOT", "LINK", "ATOM", "XTZ")
    }
