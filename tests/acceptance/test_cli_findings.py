"""What waits for people is listed, shown with what speaks for and against, and decided by them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingDifference,
    FindingEvidence,
    FindingRecord,
    with_id,
)
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran
from tests.support.finding_calls import message_of

REASON = ("--reason", "looked it up")


class Desk:
    """A stack, and people with keys of their own."""

    def __init__(self, stack: Stack, keys: dict[str, str], listing_id: str, asset_id: str) -> None:
        self.stack = stack
        self.keys = keys
        self.listing_id = listing_id
        self.asset_id = asset_id

    async def propose(self, *findings: Finding) -> None:
        def call() -> None:
            with Connection(self.stack.endpoints.writer, self.keys["importer"]) as connection:
                request = pb.ProposeRequest(findings=map(message_of, findings))
                connection.call(connection.admin.Propose, request)

        await asyncio.to_thread(call)

    async def run(self, who: str, *arguments: str) -> Ran:
        return await self.stack.cqar("findings", *arguments, "--key", self.keys[who])

    async def ok(self, who: str, *arguments: str) -> Ran:
        ran = await self.run(who, *arguments)
        assert ran.code == 0, ran.err
        return ran

    def change(self, kind: str, field: str, after: str, **changes: Any) -> Finding:
        difference = FindingDifference(field=field, before=changes.pop("before", "1"), after=after)
        about = {"venue_id": "okx", "venue_symbol": "FOO-USDT", "listing_id": self.listing_id}
        return with_id(Finding(kind=kind, differences=(difference,), **about, **changes))


@pytest.fixture(scope="module")
async def desk(stack: Stack) -> Desk:
    keys = {}
    for actor in ("importer", "ann", "ben"):
        made = await stack.ok("keys", "make", actor, "--role", "write", "--json")
        keys[actor] = str(made.document["key"])
    for ticker in ("FOO", "USDT"):
        await stack.ok("asset", "add", ticker, "--name", ticker, "--type", "native")
    await stack.ok("symbol", "add", "FOO", "USDT", "--type", "spot")
    await stack.ok("venue", "add", "okx", "--name", "OKX", "--type", "cex")
    steps = ("--tick-size", "0.1", "--lot-size", "1", "--contract-size", "1")
    added = await stack.ok("listing", "add", "okx", "FOO-USDT", "FOO/USDT", *steps, "--json")
    found = await stack.ok("asset", "show", "FOO", "--json")
    asset_id = str(found.document["asset_id"])
    return Desk(stack, keys, str(added.document["venue_symbol"]["listing_id"]), asset_id)


async def test_findings_are_listed_shown_and_decided_by_two_people(desk: Desk) -> None:
    finding = desk.change(
        "CONTRACT_SIZE",
        "contract_size",
        "10",
        evidence=(
            FindingEvidence(kind="NAME", asset_id=desk.asset_id, detail="Foo Protocol"),
            FindingEvidence(kind="PRICE", asset_id=desk.asset_id, is_against=True, detail="40 %"),
        ),
        records=(
            FindingRecord(is_before=True, raw='{"ctVal":"1","state":"live"}'),
            FindingRecord(raw='{"ctVal":"10","state":"live"}', request="GET /instruments"),
        ),
        summary="one contract is ten coins now",
    )
    await desk.propose(finding)
    key = finding.finding_id
    listed = await desk.ok("ann", "list", "--venue", "okx", "--kind", "contract_size")
    assert all(word in listed.out for word in (key, "contract_size: 1 → 10", "TWO_PEOPLE"))
    shown = await desk.ok("ann", "show", key)
    for words in ("NAME: Foo Protocol", "PRICE: 40 %", "ctVal", "Approving it changes"):
        assert words in shown.out
    assert "state" not in shown.out.split("Raw records")[1].split("Stated by")[0]

    refused = await desk.run("importer", "approve", key, *REASON, "--yes")
    assert refused.code == 1
    assert "another person decides" in refused.err
    planned = await desk.ok("ann", "approve", key, *REASON, "--plan")
    assert "Nothing was changed" in planned.out
    unanswered = await desk.run("ann", "approve", key, *REASON)
    assert "give --yes or --plan" in unanswered.err
    first = await desk.ok("ann", "approve", key, *REASON, "--yes")
    assert "1 more must approve it" in first.out
    second = (await desk.ok("ben", "approve", key, *REASON, "--yes", "--json")).document
    assert [each["state"] for each in second] == ["FINDING_STATE_APPROVED"]
    again = await desk.run("ben", "approve", key, *REASON, "--yes")
    assert f"cqar findings show {key}" in again.err
    after = await desk.stack.ok("listing", "show", "okx", "FOO-USDT", "--json")
    assert after.document["venue_symbol"]["exact"]["contract_size"] == "10"
    decided = (await desk.ok("ann", "show", key, "--json")).document
    assert [d["reason"] for d in decided["finding"]["decisions"]] == ["looked it up"] * 2


async def test_many_are_decided_by_a_filter_after_a_preview(desk: Desk) -> None:
    steps = [
        desk.change("STEPS_COARSER", "tick_size", "0.5", before="0.1"),
        desk.change("STEPS_COARSER", "lot_size", "5"),
        desk.change("STEPS_COARSER", "min_order_size", "5", before="9"),
    ]
    await desk.propose(*steps)
    where = ("--venue", "okx", "--kind", "STEPS_COARSER")
    planned = await desk.ok("ann", "approve", *where, *REASON, "--plan")
    assert "To approve: 3 findings" in planned.out
    assert "changed since this was found" in planned.out
    done = await desk.run("ann", "approve", *where, *REASON, "--yes", "--json")
    assert (done.code, len(done.document)) == (1, 2)
    assert "import the venue again" in done.err
    left = (await desk.ok("ann", "list", *where, "--json")).document
    assert left["counts"] == {"STEPS_COARSER": 1}
    assert left["findings"][0]["finding_id"] == steps[2].finding_id
    held = await desk.ok("ann", "hold", steps[2].finding_id, *REASON, "--yes")
    assert "HELD" in held.out
    rejected = await desk.ok("ann", "reject", *where, *REASON, "--yes")
    assert "REJECTED" in rejected.out
    none = await desk.ok("ann", "reject", *where, *REASON, "--yes")
    assert "No finding that waits" in none.out
    everything = await desk.run("ann", "reject", *REASON, "--yes")
    assert everything.code == 2


async def test_a_choice_is_named_by_its_ticker(desk: Desk) -> None:
    await desk.stack.ok("asset", "add", "FOOX", "--name", "Foo", "--type", "erc20")
    found = await desk.stack.ok("asset", "show", "FOOX", "--json")
    own = str(found.document["asset_id"])
    finding = with_id(
        Finding(kind="SAME_TICKER", venue_id="okx", code="FOOX", asset_id=own, units=Decimal(1))
    )
    await desk.propose(finding)
    unsaid = await desk.run("ann", "approve", finding.finding_id, *REASON, "--yes")
    assert "--as" in unsaid.err
    await desk.ok("ann", "approve", finding.finding_id, "--as", "FOO", *REASON, "--yes")
    nothing = await desk.ok("ann", "list", "--asset", "FOO", "--kind", "SAME_TICKER")
    assert "no findings." in nothing.err


async def test_the_policy_is_shown_and_what_is_not_there_is_explained(desk: Desk) -> None:
    policy = await desk.ok("ann", "policy")
    assert all(word in policy.out for word in ("two people", "QUARANTINE", "otherwise"))
    missing = await desk.run("ann", "show", "3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11")
    assert "cqar findings list --all" in missing.err
    spelled = await desk.run("ann", "list", "--spelling", "FOO-USDT")
    assert "give --venue" in spelled.err
