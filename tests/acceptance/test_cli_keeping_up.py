"""Canaries, refused orders and how old facts are, as they are typed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import cqar
from tests.acceptance.conftest import Stack

START = ("canary", "start", "desk-venue", "AAABBB", "--group", "desk", "--for", "10m")
DECIDE = ("desk-venue", "AAABBB", "--group", "desk", "--reason", "r", "--yes")


@pytest.fixture(scope="module")
async def market(stack: Stack) -> Stack:
    for ticker in ("AAA", "BBB"):
        await stack.ok("asset", "add", ticker, "--name", ticker, "--type", "native")
    await stack.ok("symbol", "add", "AAA", "BBB", "--type", "spot")
    await stack.ok("venue", "add", "desk-venue", "--name", "Desk", "--type", "cex")
    terms = ("--tick-size", "0.1", "--lot-size", "0.001")
    await stack.ok("listing", "add", "desk-venue", "AAABBB", "AAA/BBB", *terms)
    return stack


async def tick(stack: Stack) -> str:
    shown = await stack.ok("listing", "show", "desk-venue", "AAABBB", "--json")
    return str(shown.document["venue_symbol"]["exact"]["tick_size"])


async def canaries(stack: Stack) -> list[Any]:
    return list((await stack.ok("canary", "list", "desk-venue", "--json")).document)


async def test_a_canary_is_started_listed_withdrawn_and_promoted(market: Stack) -> None:
    stack, change = market, ("--tick-size", "0.5", "--reason", "r")
    await stack.ok(*START, *change, "--plan")
    assert await canaries(stack) == []
    assert (await stack.cqar(*START, *change)).code == 2
    await stack.ok(*START, *change, "--yes")
    (one,) = await canaries(stack)
    assert (one["group"], one["field"], one["now"], one["canary"], one["state"]) == (
        *("desk", "tick_size", "0.1", "0.5", "HOLDS"),
    )
    assert await tick(stack) == "0.1"
    await stack.ok("canary", "withdraw", *DECIDE)
    assert await canaries(stack) == []
    missing = await stack.cqar("canary", "promote", *DECIDE)
    assert missing.code != 0
    assert "no canary" in missing.err
    await stack.ok(*START, *change, "--yes")
    await stack.ok("canary", "promote", *DECIDE)
    assert (await tick(stack), await canaries(stack)) == ("0.5", [])
    too_long = ("canary", "start", "desk-venue", "AAABBB", "--group", "desk", "--for", "8d")
    refused = await stack.cqar(*too_long, *change, "--yes")
    assert refused.code != 0
    assert "7 days" in refused.err


async def test_refused_orders_are_reported_and_listed(market: Stack) -> None:
    report = ("rejects", "report", "desk-venue", "AAABBB", "--code", "7", "--quantity", "0.01")
    told = await market.ok(*report, "--reason", "LOT", "--message", "not on the step")
    assert "LOT: 1 reports by 1 actors" in told.out
    (row,) = (await market.ok("rejects", "list", "desk-venue", "--json")).document
    assert (row["venue_symbol"], row["reason"], row["quantity"]) == (
        *("AAABBB", "REJECT_REASON_LOT", "0.01"),
    )
    assert (await market.cqar("rejects", "list", "desk-venu")).code != 0


async def test_a_program_reports_what_a_venue_refused(market: Stack) -> None:
    ends, key = market.endpoints, market.endpoints.keys.read
    about = ("desk-venue", "AAABBB", "7", "not on the step")
    async with cqar.AsyncClient(ends.resolvers[0], key, writer=ends.writer) as client:
        report = await client.report_reject(*about, quantity="0.01", reason="TICK")
        assert (report.reason, report.actors, report.finding_id) == ("TICK", 1, None)
        with pytest.raises(cqar.NotFound):
            await client.report_reject("desk-venu", "AAABBB", "7")
        with pytest.raises(cqar.InvalidRequest):
            await client.report_reject(*about, reason="NOTHING")

    def report_again() -> int:
        with cqar.Client(ends.resolvers[0], key, writer=ends.writer) as client:
            return client.report_reject(*about, reason="TICK").reports

    assert await asyncio.to_thread(report_again) == 2
    with cqar.Client(ends.resolvers[0]) as client, pytest.raises(cqar.NotReady, match="writer"):
        client.report_reject(*about)


async def test_a_venue_says_how_old_its_facts_are(market: Stack) -> None:
    await market.ok("venue", "set", "desk-venue", "--facts-stale-after-s", "60")
    (row,) = (await market.ok("venue", "status", "desk-venue", "--json")).document
    assert (row["state"], row["facts_stale_after_s"]) == ("NEVER READ", 60)
    resolved = await market.cqar("resolve", "desk-venue", "AAABBB", "--json")
    reasons = json.dumps(resolved.document["tradeable"])
    assert "FACTS_STALE" in reasons
    await market.ok("venue", "set", "desk-venue", "--facts-stale-after-s", "0")
    (row,) = (await market.ok("venue", "status", "desk-venue", "--json")).document
    assert row["facts_stale_after_s"] is None
    assert (await market.cqar("venue", "status", "desk-venu")).code != 0


async def test_the_registry_is_written_compared_and_changed_by_files(
    market: Stack, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    await market.ok("export", "--out", str(folder))
    listings = folder / "desk-venue" / "listings.yaml"
    text = listings.read_text()
    assert "# AAA/BBB" in text
    assert "venue_symbol: AAABBB" in text
    same = await market.cqar("diff", "-f", str(folder))
    assert (same.code, "Nothing would change." in same.out) == (0, True)
    # A comment stays, and what was changed is changed.
    new = text.replace("kind: venue_symbol", "# ours\nkind: venue_symbol", 1)
    listings.write_text(new.replace("lot_size: '0.001'", "lot_size: 0.01"))
    differs = await market.cqar("diff", "-f", str(listings), "--json")
    assert differs.code == 6
    (change,) = differs.document["changes"]
    assert change["differences"] == [{"field": "lot_size", "before": "0.001", "after": "0.01"}]
    plan = await market.cqar("apply", "-f", str(folder), "--plan")
    assert plan.code == 6
    applied = await market.cqar("apply", "-f", str(folder), "--yes")
    assert applied.code == 0, applied.err
    await market.ok("export", "--out", str(folder))
    assert "# ours" in listings.read_text()
    assert "lot_size: 0.01" in listings.read_text()
    # What no file states ends, where it is said to.
    listings.write_text("")
    kept = await market.cqar("diff", "-f", str(folder))
    assert kept.code == 0
    scope = ("--prune", "venue_symbol@desk-venue")
    pruned = await market.cqar("diff", "-f", str(folder), *scope, "--json")
    assert [c["outcome"] for c in pruned.document["changes"]] == ["UPDATED"]


async def test_what_files_change_holds_for_a_group_first(market: Stack, tmp_path: Path) -> None:
    await market.ok("listing", "add", "desk-venue", "AAA-BBB2", "AAA/BBB", "--tick-size", "0.1")
    text = (await market.ok("export", "--kind", "venue_symbol", "--venue", "desk-venue")).out
    file = tmp_path / "listings.yaml"
    file.write_text(text.replace("tick_size: '0.1'", "tick_size: 0.25"))
    first = ("apply", "-f", str(file), "--canary", "desk", "--for", "10m")
    assert (await market.cqar(*first[:-2], "--yes")).code == 2
    applied = await market.cqar(*first, "--yes")
    assert applied.code == 0, applied.err
    tried = {(c["spelling"], c["now"], c["canary"], c["group"]) for c in await canaries(market)}
    assert ("AAA-BBB2", "0.1", "0.25", "desk") in tried
    shown = await market.ok("resolve", "desk-venue", "AAA-BBB2")
    assert "tick_size 0.25 for group desk" in shown.out
    file.write_text(text.replace("venue_symbol: AAA-BBB2", "venue_symbol: AAA-BBB3"))
    other = await market.cqar(*first, "--yes")
    assert other.code == 1
    assert "cannot differ for a group" in other.err


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
async def test_every_form_says_the_same(market: Stack, tmp_path: Path, form: str) -> None:
    await market.ok("export", "-o", form, "--out", str(tmp_path))
    found = await market.cqar("diff", "-f", str(tmp_path))
    assert (found.code, "Nothing would change." in found.out) == (0, True), found.err


async def test_what_is_wrong_in_a_file_is_said_with_its_place(
    market: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        "kind: venue\nvenue_id: a\nname: A\nvenue_type: CEXX\ncreated_at: x\nnam: y\n"
        "---\nkind: ven\n"
    )
    found = await market.cqar("diff", "-f", str(file))
    assert found.code == 1
    for text in ("wrong.yaml:1: venue_type", "kept by the registry", "did you mean 'name'", ":8: "):
        assert text in found.err, found.err
    for content in ("a: &x [1]\nb: *x\n", "kind: venue\nkind: venue\n", "{", "\x00", "- [1, 2]\n"):
        file.write_text(content)
        assert (await market.cqar("diff", "-f", str(file))).code != 0
    (tmp_path / "wrong.txt").write_text("x")
    assert (await market.cqar("diff", "-f", str(tmp_path / "wrong.txt"))).code != 0
    assert (await market.cqar("diff", "-f", str(tmp_path / "none.yaml"))).code != 0
    schema = (await market.ok("export", "--schema")).document
    assert "venue_symbol" in schema["$defs"]
    as_of = await market.cqar("export", "-o", "jsonl", "--as-of", "2000-01-01")
    assert as_of.code != 0
    now = await market.ok("export", "-o", "jsonl", "--kind", "venue", "--revision", "2")
    assert now.out.count("\n") <= 1
