"""Assets are merged, taken apart and found to be alike, and listings renamed, by command."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran
from tests.support.commits import eventually

REASON = ("--reason", "the same contract")


class Desk(NamedTuple):
    """A stack, two people's keys, and the ids of two assets that are one."""

    stack: Stack
    keys: dict[str, str]
    old: str
    new: str

    async def ok(self, who: str, *arguments: str) -> Ran:
        ran = await self.stack.cqar(*arguments, "--key", self.keys[who])
        assert ran.code == 0, ran.err
        return ran


@pytest.fixture(scope="module")
async def desk(stack: Stack) -> Desk:
    keys = {}
    for actor in ("zoe", "yan"):
        made = await stack.ok("keys", "make", actor, "--role", "write", "--json")
        keys[actor] = str(made.document["key"])
    ids = []
    for ticker in ("USDM", "LITX", "LITY"):
        name = ("--name", "Litentry") if ticker != "USDM" else ("--name", "Dollar")
        added = await stack.ok("asset", "add", ticker, *name, "--type", "native", "-y", "--json")
        ids.append(str(added.document["asset"]["asset_id"]))
        if ticker != "USDM":
            await stack.ok("symbol", "add", ticker, "USDM", "--type", "spot")
    await stack.ok("venue", "add", "mergex", "--name", "Mergex", "--type", "cex")
    steps = ("--tick-size", "0.1", "--lot-size", "1")
    await stack.ok("listing", "add", "mergex", "LITX-M", "LITX/USDM", *steps)
    return Desk(stack, keys, ids[1], ids[2])


async def test_a_listing_is_renamed_with_its_terms_and_its_past(desk: Desk) -> None:
    plan = await desk.ok(
        "zoe", "listing", "rename", "mergex", "LITX-M", "LITX_M", *REASON, "--plan"
    )
    assert "LITX_M" in plan.out
    assert "this is a plan" in plan.out
    await desk.ok("zoe", "listing", "rename", "mergex", "LITX-M", "LITX_M", *REASON, "--yes")
    resolve = ("resolve", "mergex", "LITX_M", "--json")

    async def is_published() -> bool:
        """The stack has only just begun: its relay may still be on its way."""
        return (await desk.stack.cqar(*resolve, "--key", desk.keys["zoe"])).code == 0

    await eventually(is_published, 30)
    text = str((await desk.ok("zoe", *resolve)).document)
    assert "LITX/USDM" in text
    assert "0.1" in text
    periods = await desk.ok("zoe", "listing", "list", "mergex", "--include-delisted", "--json")
    assert {"LITX-M", "LITX_M"} <= {str(each["venue_symbol"]) for each in periods.document}


async def test_two_people_merge_and_one_takes_it_back(desk: Desk) -> None:
    plan = await desk.ok("zoe", "asset", "merge", desk.old, desk.new, *REASON, "--plan")
    assert "2 venue_symbol" in plan.out
    asked = await desk.ok("zoe", "asset", "merge", desk.old, desk.new, *REASON, "--yes", "--json")
    finding_id = str(asked.document["finding"]["finding_id"])
    await desk.ok("yan", "findings", "approve", finding_id, *REASON, "--yes")
    shown = await desk.ok("zoe", "asset", "show", desk.old, "--json")
    assert desk.new in shown.out
    await desk.ok("zoe", "asset", "unmerge", desk.old, *REASON, "--yes")
    shown = await desk.ok("zoe", "asset", "show", desk.old, "--json")
    assert desk.new not in shown.out


async def test_assets_that_are_alike_are_listed(desk: Desk) -> None:
    await desk.stack.ok("asset", "add", "LITY", "--name", "litentry", "--type", "native", "-y")
    found = await desk.ok("zoe", "asset", "duplicates", "--ticker", "LITY", "--json")
    (row,) = found.document
    assert desk.new in row["asset"] + row["may be"]
    assert row["for"].startswith("NAME: ")


async def test_what_cannot_be_merged_says_why(desk: Desk) -> None:
    ran = await desk.stack.cqar("asset", "merge", desk.new, desk.new, *REASON, "--plan")
    assert ran.code == 1
    assert "is not merged into itself" in ran.err
