"""`cqar reconcile` and how it ends, beside a real writer."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.cli_runner import Ran, run_here
from tests.support.commits import commit
from tests.support.entity_builders import a_venue
from tests.support.reconciling import SimulatedKraken, World, a_pair, reconciling
from tests.support.venue_http import Asked

CODES = ("XXBT", "XETH", "SOL", "ADA", "DOT", "LINK")


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def saved(folder: Path, kraken: SimulatedKraken) -> list[str]:
    words = []
    for name in ("AssetPairs", "Assets"):
        path = folder / f"{name}.json"
        path.write_bytes(kraken.answer(Asked("GET", f"/0/public/{name}", b"")).content)
        words += ["--file", f"{name}={path}"]
    return words


async def cqar(world: World, *words: str | Path, key: str | None = None) -> Ran:
    key = world.writer.keys[Role.WRITE] if key is None else key
    target = ("--writer", world.writer.address, "--key", key)
    return await run_here("reconcile", *words, *target, state=Path("/nonexistent"))


async def test_a_plan_that_would_change_ends_with_6_and_what_is_done_with_0(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken = SimulatedKraken(*(a_pair(code) for code in CODES))
    files = saved(tmp_path, kraken)
    async with reconciling(engine, utc_now, tmp_path / "r", kraken) as world:
        planned = await cqar(world, "kraken", *files, "--plan")
        assert planned.code == 6, planned.err
        assert "12 listed" in planned.out  # each with its alias
        done = await cqar(world, "kraken", *files, "--json")
        assert done.code == 0, done.err
        (document,) = done.document
        assert document["applied"]["rejected"] == []
        assert document["reader"]["outcomes"]["MARKET"] == 6
        assert (await cqar(world, "kraken", *files, "--plan")).code == 0


async def test_what_a_reconciler_kept_is_reconciled_again_from_its_folder(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken = SimulatedKraken(*(a_pair(code) for code in CODES))
    folder = tmp_path / "r"
    async with reconciling(engine, utc_now, folder, kraken) as world:
        await world.round()
        again = await cqar(world, "kraken", "--from-answers", folder, "--plan", "--json")
        assert again.code == 0, again.out
        (document,) = again.document
        assert document["counts"]["listed"] == 0
        none = await cqar(world, "okx", "--from-answers", folder, "--plan")
        assert (none.code, "no answers of okx are kept" in none.err) == (1, True)


async def test_each_failure_ends_with_its_own_code_and_says_why(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken = SimulatedKraken(*(a_pair(code) for code in CODES))
    files = saved(tmp_path, kraken)
    page = tmp_path / "page.json"
    page.write_text("<html>")
    async with reconciling(engine, utc_now, tmp_path / "r", kraken) as world:
        ends: list[tuple[list[Any], dict[str, Any], int, str]] = [
            (["okx", "--file", f"x={page}"], {}, 3, "cqar catalogue load brings it"),
            (["kraken", *files], {"key": "cqar_" + "0" * 40}, 5, ""),
            (["kraken", *files], {"key": world.writer.keys[Role.READ]}, 5, ""),
            (["kraken", "--file", f"AssetPairs={page}"], {}, 1, "web page"),
            (["kraken"], {}, 2, "give one of"),
            (["kraken", "okx", *files], {}, 2, "--file is of one venue"),
            (["kraken", "kraken", "--live"], {}, 2, "named twice"),
            (["kraken", *files, "--round", "1"], {}, 2, "--round"),
        ]
        for words, options, code, says in ends:
            ran = await cqar(world, *words, **options)
            assert (ran.code, says in ran.err) == (code, True), (words, ran)
        gone = ("--writer", "127.0.0.1:1", "--key", world.writer.keys[Role.WRITE])
        ran = await run_here("reconcile", "kraken", *files, *gone, state=tmp_path)
        assert (ran.code, "does not answer" in ran.err) == (4, True), ran
        assert json.loads((tmp_path / "Assets.json").read_bytes())["error"] == []


async def test_live_asks_what_stands_in_the_place_of_the_venue(
    engine: AsyncEngine, mutations: Mutations, tmp_path: Path
) -> None:
    await commit(mutations, a_venue("kraken"))
    kraken = SimulatedKraken(*(a_pair(code) for code in CODES))
    async with reconciling(engine, utc_now, tmp_path / "r", kraken) as world:
        there = ("--live", "--base-url", world.venue.url)
        done = await cqar(world, "kraken", *there)
        assert (done.code, "12 listed" in done.out) == (0, True), done
        target = ("--writer", world.writer.address, "--key", world.writer.keys[Role.WRITE])
        again = await run_here("import", "kraken", *there, *target, state=tmp_path)
        assert (again.code, "public/Ticker" in again.out + again.err) == (0, True), again
        wrong = await cqar(world, "kraken", "--live", "--base-url", "ftp://x")
        assert (wrong.code, "a base URL is http" in wrong.err) == (2, True)
