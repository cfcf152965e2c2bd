"""Findings are opened by the policy, listed, and decided by the right people, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import grpc
import pytest
from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from cqc.venues.v1 import venue_asset_pb2, venue_symbol_pb2
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingAction,
    FindingDifference,
    FindingEvidence,
    FindingState,
    FindingVerdict,
    with_id,
)
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.replication import positions
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import commit, outbox_rows
from tests.support.entity_builders import (
    BTC,
    ETH,
    MARKET,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.finding_calls import People, message_of
from tests.support.memory_registry_view import changed
from tests.support.writer_server import Client, serving

DAY = dt.timedelta(days=1)
LISTING = an_id("listing")
Code = grpc.StatusCode


def a_listing(**changes: Any) -> Any:
    given = {"contract_size": Decimal(1), "doubts": ("CHANGE_UNDECIDED",), **changes}
    return a_venue_symbol(listing_id=LISTING, listed_at=NOW - 9 * DAY, **given)


def a_change(kind: str = "CONTRACT_SIZE", after: str = "10", **changes: Any) -> Finding:
    difference = FindingDifference(field="contract_size", before="1", after=after)
    given: dict[str, Any] = {"listing_id": LISTING, "differences": (difference,), **changes}
    return with_id(Finding(kind=kind, venue_id="binance", venue_symbol="BTCUSDT", **given))


@pytest.fixture
async def people(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[People]:
    await commit(mutations, *MARKET[:-1], a_listing())
    async with serving(engine, NOW + DAY) as client:
        yield People(client, mutations)


async def listing(client: Client) -> venue_symbol_pb2.VenueSymbol:
    request = pb.HistoryRequest(entity=pb.EntityRef(kind="venue_symbol", key=LISTING), page_size=1)
    answer = await client.call(client.admin.History, request, Role.READ)
    return venue_symbol_pb2.VenueSymbol.FromString(answer.entries[0].after)


async def test_a_finding_is_opened_by_the_policy_and_what_is_stated_of_it_counts_for_nothing(
    people: People,
) -> None:
    forged = {
        "state": FindingState.APPROVED,
        "action": FindingAction.APPLY,
        "policy": "mine",
        "opened_by": "ann",
        "decided_at": NOW,
    }
    (found,) = await people.propose("importer", a_change(**forged))
    assert found.finding_id == a_change().finding_id
    assert (found.state, found.action, found.policy, found.opened_by) == (
        FindingState.OPEN,
        FindingAction.TWO_PEOPLE,
        "two people",
        "importer",
    )
    assert not found.HasField("decided_at")


async def test_the_same_finding_made_twice_is_one_and_stays_as_it_is(people: People) -> None:
    (first,) = await people.propose("importer", a_change())
    again = await people.propose("another", a_change(summary="told otherwise"), a_change())
    assert again == [first, first]
    item = pb.ApplyItem(finding=message_of(a_change()))
    answer = await people.call("third", "Apply", pb.ApplyRequest(items=[item]))
    assert (answer.committed, answer.outcomes[0].status) == (False, pb.OUTCOME_STATUS_UNCHANGED)
    await people.decide("ann", first.finding_id, FindingVerdict.REJECT)
    (rejected,) = await people.propose("importer", a_change())
    assert rejected.state == FindingState.REJECTED


async def test_findings_of_the_policys_apply_are_applied_at_once(people: People) -> None:
    (found,) = await people.propose("importer", a_change("END_ANNOUNCED"))
    assert (found.state, found.action) == (FindingState.APPLIED, FindingAction.APPLY)
    refused = await refusal(people.decide("ann", found.finding_id))
    assert (refused.code, refused.reason) == (Code.ABORTED, "ALREADY_DECIDED")


@pytest.mark.parametrize(
    ("given", "violation"),
    [
        (changed(a_change(), finding_id=an_id("other")), ("finding_id", "NOT_ITS_CONTENT")),
        (with_id(Finding(kind="REUSE")), ("venue_id", "REQUIRED")),
        (with_id(Finding(kind="REUSE", venue_id="binance", chain_id="x")), ("address", "REQUIRED")),
        (a_change(units=Decimal(0)), ("units", "NOT_POSITIVE")),
        (a_change(kind=""), ("kind", "NOT_A_WORD")),
    ],
)
async def test_what_is_no_finding_is_refused_by_its_place(
    people: People, given: Finding, violation: tuple[str, str]
) -> None:
    refused = await refusal(people.propose("importer", a_change(), given))
    assert (f"findings[1].{violation[0]}", violation[1]) in refused.violations


async def test_two_people_approve_and_neither_opened_it(people: People) -> None:
    (found,) = await people.propose("importer", a_change())
    key = found.finding_id
    refused = await refusal(people.decide("importer", key))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "FORBIDDEN")
    first = await people.decide("ann", key, reason="the venue says so")
    assert (first.finding.state, first.approvals_missing) == (FindingState.OPEN, 1)
    assert dict(first.preview.counts) == {"finding": 1}
    assert (await listing(people.client)).exact.contract_size == "1"
    refused = await refusal(people.decide("ann", key))
    assert "another actor must agree" in refused.text
    second = await people.decide("ben", key, reason="its announcement, too")
    assert (second.finding.state, second.approvals_missing) == (FindingState.APPROVED, 0)
    now = await listing(people.client)
    assert (now.exact.contract_size, list(now.doubts)) == ("10", [])
    assert dict(second.preview.counts) == {"finding": 1, "venue_symbol": 1}
    (turned,) = second.preview.verdicts
    assert (turned.allowed_before, turned.allowed_after) == (False, True)
    assert list(turned.reasons_before) == ["CHANGE_UNDECIDED"]
    assert [(d.actor, d.reason) for d in second.finding.decisions] == [
        ("ann", "the venue says so"),
        ("ben", "its announcement, too"),
    ]


async def test_a_decision_is_one_revision_with_who_and_why_and_two_events(
    people: People, engine: AsyncEngine
) -> None:
    (found,) = await people.propose("importer", a_change("STEPS_COARSER"))
    answer = await people.decide("ann", found.finding_id, reason="looked it up")
    rows = await outbox_rows(engine)
    last = next(row for row in rows if row.revision == answer.revision)
    change_set = replication_pb2.ChangeSet.FromString(positions.unpack(last.payload))
    assert {change.kind for change in change_set.changes} == {"finding", "venue_symbol"}
    events = replication_pb2.DomainEvents.FromString(positions.unpack(last.events))
    names = {event.subject.rpartition(".")[2]: event.payload for event in events.events}
    assert names.keys() == {"finding_decided", "venue_symbol_updated"}
    decided = events_pb2.FindingDecided.FromString(names["finding_decided"])
    assert (decided.actor_id, decided.finding) == ("ann", answer.finding)
    ref = pb.EntityRef(kind="finding", key=found.finding_id)
    history = await people.call("ann", "History", pb.HistoryRequest(entity=ref))
    assert [(e.actor, e.reason) for e in history.entries] == [
        ("ann", "looked it up"),
        ("importer", ""),
    ]
    opened = [
        event.subject
        for row in rows
        for event in replication_pb2.DomainEvents.FromString(positions.unpack(row.events)).events
        if "finding" in event.subject
    ]
    assert opened == ["cqc.events.v1.finding_opened", "cqc.events.v1.finding_decided"]


async def test_what_has_moved_on_is_refused_and_nothing_is_changed(
    people: People, mutations: Mutations
) -> None:
    (found,) = await people.propose("importer", a_change("STEPS_COARSER"))
    await commit(mutations, a_listing(contract_size=Decimal(5)))
    preview = (await people.get(found.finding_id)).preview
    assert [v.reason for v in preview.violations] == ["MOVED_ON"]
    refused = await refusal(people.decide("ann", found.finding_id))
    assert (refused.code, refused.reason) == (Code.ABORTED, "MOVED_ON")
    assert (await people.get(found.finding_id)).finding.state == FindingState.OPEN
    rejected = await people.decide("ann", found.finding_id, FindingVerdict.REJECT)
    assert rejected.finding.state == FindingState.REJECTED
    assert (await listing(people.client)).exact.contract_size == "5"


async def test_a_preview_changes_nothing_and_says_what_would_turn(people: People) -> None:
    (found,) = await people.propose("importer", a_change())
    preview = (await people.get(found.finding_id)).preview
    assert [(t.venue_symbol, t.allowed_after) for t in preview.verdicts] == [("BTCUSDT", True)]
    (updated,) = (o for o in preview.outcomes if o.entity.kind == "venue_symbol")
    differences = {d.field: (d.before, d.after) for d in updated.differences}
    assert differences["contract_size"] == ("1", "10")
    dry = await people.decide("ann", found.finding_id, dry_run=True)
    assert (dry.finding.state, dry.approvals_missing) == (FindingState.OPEN, 1)
    assert (await people.get(found.finding_id)).finding == found
    assert (await listing(people.client)).exact.contract_size == "1"


async def test_who_decides_holds_rejects_and_says_why(people: People) -> None:
    (found,) = await people.propose("importer", a_change())
    key = found.finding_id
    refused = await refusal(people.decide("ann", key, reason=" "))
    assert refused.violations == {("reason", "REQUIRED")}
    held = await people.decide("ann", key, FindingVerdict.HOLD, reason="asked the venue")
    assert (held.finding.state, held.approvals_missing) == (FindingState.HELD, 2)
    rejected = await people.decide("ben", key, FindingVerdict.REJECT, reason="a misprint")
    assert rejected.finding.state == FindingState.REJECTED
    now = await listing(people.client)
    assert (now.exact.contract_size, list(now.doubts)) == ("1", [])


async def test_approving_one_leaves_nothing_to_decide_of_its_rivals(people: People) -> None:
    (ten, hundred, other) = await people.propose(
        "importer",
        a_change("STEPS_COARSER"),
        a_change("STEPS_COARSER", after="100"),
        a_change("ORDER_UNIT", differences=(FindingDifference(field="order_unit", after="BASE"),)),
    )
    await people.decide("ann", ten.finding_id)
    assert (await people.get(hundred.finding_id)).finding.state == FindingState.SUPERSEDED
    assert (await people.get(other.finding_id)).finding.state == FindingState.OPEN
    # Another finding still keeps the listing in doubt.
    assert list((await listing(people.client)).doubts) == ["CHANGE_UNDECIDED"]


async def test_what_is_gone_is_superseded_and_opened_again_when_it_is_back(people: People) -> None:
    (found,) = await people.propose("importer", a_change())
    gone = message_of(a_change())
    gone.state = finding_pb2.FINDING_STATE_SUPERSEDED
    request = pb.ApplyRequest(items=[pb.ApplyItem(finding=gone)])
    answer = await people.call("importer", "Apply", request)
    assert answer.outcomes[0].status == pb.OUTCOME_STATUS_UPDATED
    closed = (await people.get(found.finding_id)).finding
    assert (closed.state, closed.opened_by) == (FindingState.SUPERSEDED, "importer")
    assert not (await people.call("importer", "Apply", request)).committed
    (again,) = await people.propose("second", a_change())
    assert (again.state, again.opened_by) == (FindingState.OPEN, "second")
    await people.decide("ann", found.finding_id, FindingVerdict.REJECT)
    assert not (await people.call("importer", "Apply", request)).committed


async def test_what_was_approved_is_opened_again_where_the_values_of_before_are_back(
    people: People, mutations: Mutations
) -> None:
    (found,) = await people.propose("importer", a_change("STEPS_COARSER"))
    await people.decide("ann", found.finding_id)
    (same,) = await people.propose("importer", a_change("STEPS_COARSER"))
    assert same.state == FindingState.APPROVED
    await commit(mutations, a_listing())
    (again,) = await people.propose("importer", a_change("STEPS_COARSER"))
    assert (again.state, len(again.decisions)) == (FindingState.OPEN, 0)


async def test_a_decision_sent_twice_is_made_once(people: People) -> None:
    (found,) = await people.propose("importer", a_change("STEPS_COARSER"))
    key = ("idempotency-key", "k1")
    first = await people.decide("ann", found.finding_id, FindingVerdict.APPROVE, key)
    assert await people.decide("ann", found.finding_id, FindingVerdict.APPROVE, key) == first
    refused = await refusal(people.decide("ann", found.finding_id))
    assert refused.reason == "ALREADY_DECIDED"


@pytest.mark.parametrize(
    ("method", "request_", "is_reading"),
    [
        ("Propose", pb.ProposeRequest(findings=[message_of(a_change())]), False),
        ("DecideProposal", pb.DecideProposalRequest(finding_id=an_id("x"), reason="x"), False),
        ("ListProposals", pb.ListProposalsRequest(), True),
        ("GetFindingPolicy", pb.GetFindingPolicyRequest(), True),
    ],
)
async def test_who_only_reads_proposes_and_decides_nothing(
    people: People, method: str, request_: Any, is_reading: bool
) -> None:
    client = people.client
    call = client.call(getattr(client.admin, method), request_, Role.READ)
    if is_reading:
        assert await call
    else:
        assert (await refusal(call)).code is Code.PERMISSION_DENIED


async def test_what_does_not_exist_is_said_so(people: People) -> None:
    refused = await refusal(people.decide("ann", an_id("nothing")))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "FINDING_NOT_FOUND")
    refused = await refusal(people.get(an_id("nothing")))
    assert refused.reason == "FINDING_NOT_FOUND"
    refused = await refusal(people.decide("ann", "x", FindingVerdict.APPROVE, units="ten"))
    assert refused.violations == {("finding_id", "NOT_A_UUID"), ("units", "NOT_A_DECIMAL")}


async def test_a_finding_is_never_removed(people: People) -> None:
    (found,) = await people.propose("importer", a_change())
    ref = pb.EntityRef(kind="finding", key=found.finding_id)
    answer = await people.call("ann", "Apply", pb.ApplyRequest(items=[pb.ApplyItem(tombstone=ref)]))
    assert [v.reason for v in answer.outcomes[0].violations] == ["STAYS"]


async def test_lists_are_filtered_paged_and_counted(people: People) -> None:
    made = [a_change(after=str(size)) for size in range(2, 7)]
    reuse = with_id(
        Finding(
            kind="REUSE",
            venue_id="kraken",
            code="LIT",
            evidence=(FindingEvidence(kind="NAME", asset_id=ETH),),
            proposed_asset_id=USDT,
        )
    )
    about = with_id(Finding(kind="ASSET_MERGE", asset_id=BTC))
    await people.propose("importer", *made, reuse, about)
    await people.decide("ann", made[0].finding_id, FindingVerdict.REJECT)
    whole = await people.listed()
    assert dict(whole.counts) == {"CONTRACT_SIZE": 5, "REUSE": 1, "ASSET_MERGE": 1}
    assert len(whole.findings) == 7
    keys: list[str] = []
    token = ""
    while not keys or token:
        page = await people.listed(page_size=3, page_token=token)
        assert bool(page.counts) == (not token)
        keys += [found.finding_id for found in page.findings]
        token = page.next_page_token
    assert keys == [found.finding_id for found in whole.findings]

    async def told(**filters: Any) -> set[str]:
        return {found.finding_id for found in (await people.listed(**filters)).findings}

    assert await told(states=[FindingState.REJECTED]) == {made[0].finding_id}
    assert await told(kinds=["REUSE"]) == await told(code="LIT") == {reuse.finding_id}
    assert await told(venue_id="kraken") == {reuse.finding_id}
    assert len(await told(venue_id="binance", venue_symbol="BTCUSDT")) == 5
    assert await told(asset_id=ETH) == await told(asset_id=USDT) == {reuse.finding_id}
    assert await told(asset_id=BTC) == {about.finding_id}
    assert await told(actions=[FindingAction.HOLD]) == {reuse.finding_id}
    refused = await refusal(people.listed(page_size=2_000, states=[99], venue_id="X"))
    assert {field for field, _ in refused.violations} == {"page_size", "states", "venue_id"}
    token = (await people.listed(page_size=3)).next_page_token
    refused = await refusal(people.listed(page_token=token, kinds=["REUSE"]))
    assert refused.violations == {("page_token", "OTHER_QUERY")}


async def test_they_are_listed_by_when_they_were_opened(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, *MARKET[:-1], a_listing())
    instants = iter([NOW + DAY * n for n in range(1, 4)])
    now = [NOW]
    async with serving(engine, lambda: now[0]) as client:
        people = People(client, mutations)
        for size in ("2", "3", "4"):
            now[0] = next(instants)
            await people.propose("importer", a_change(after=size))
        whole = await people.listed()
        afters = [found.differences[0].after for found in whole.findings]
        assert afters == ["4", "3", "2"]
        begin, end = NOW + DAY * 2, NOW + DAY * 3
        (one,) = (await people.listed(opened_from=begin, opened_until=end)).findings
        assert one.differences[0].after == "3"


async def test_the_policy_is_told_in_order(people: People) -> None:
    policy = await people.call("ann", "GetFindingPolicy", pb.GetFindingPolicyRequest())
    names = [rule.name for rule in policy.rules]
    assert names == ["apply", "review", "two people", "hold", "quarantine"]
    assert policy.rules[2].action == finding_pb2.FINDING_ACTION_TWO_PEOPLE


async def test_decimals_in_quarantine_are_settled_by_a_decision(
    people: People, mutations: Mutations
) -> None:
    held = a_deployment(doubts=("DECIMALS_DISAGREE",))
    await commit(mutations, a_chain(), held)
    finding = with_id(
        Finding(
            kind="DECIMALS_DISAGREE",
            chain_id="ethereum",
            address=held.address,
            differences=(FindingDifference(field="decimals", before="6", after="8"),),
        )
    )
    (found,) = await people.propose("importer", finding)
    answer = await people.decide("ann", found.finding_id)
    (updated,) = (o for o in answer.preview.outcomes if o.entity.kind == "asset_deployment")
    assert {d.field: d.after for d in updated.differences} == {"decimals": "8", "doubts": ""}


async def test_what_is_gone_ends_when_it_is_approved(people: People, mutations: Mutations) -> None:
    await commit(mutations, a_listing(doubts=("SOURCE_MISSING",), status=MarketStatusCode.HALTED))
    finding = a_change("SOURCE_MISSING", differences=None, effective_at=NOW - DAY)
    (found,) = await people.propose("importer", finding)
    await people.decide("ann", found.finding_id)
    now = await listing(people.client)
    assert now.HasField("delisted_at")
    assert now.delisted_at.ToDatetime(dt.UTC) == NOW - DAY


async def test_a_code_means_the_asset_that_was_approved_in_one_revision(
    people: People, mutations: Mutations
) -> None:
    own, symbol = an_id("own"), a_symbol(base_asset_id=an_id("own"))
    await commit(
        mutations,
        an_asset("BTC", asset_id=own, asset_type=None, unverified=True),
        a_venue("kraken"),
        symbol,
        a_venue_asset(venue_id="kraken", asset_id=own, venue_asset_symbol="XBT"),
        a_venue_symbol(
            venue_id="kraken",
            venue_symbol="XBTUSDT",
            symbol_id=symbol.symbol_id,
            doubts=("MEANING_UNDECIDED",),
        ),
    )
    about = {"venue_id": "kraken", "code": "XBT", "asset_id": own}
    same = with_id(Finding(kind="SAME_TICKER", proposed_asset_id=BTC, **about))
    reuse = with_id(Finding(kind="REUSE", **about))
    (found, other) = await people.propose("importer", same, reuse)
    refused = await refusal(people.decide("ann", found.finding_id, asset_id=an_id("no")))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "ASSET_NOT_FOUND")
    preview = (await people.get(found.finding_id)).preview
    answer = await people.decide("ann", found.finding_id, reason="its contract is the same")
    assert answer.preview == preview_with_finding(preview, answer.preview)
    (turned,) = answer.preview.verdicts
    assert (turned.venue_symbol, turned.allowed_after) == ("XBTUSDT", True)
    assert (await people.get(other.finding_id)).finding.state == FindingState.SUPERSEDED
    ref = pb.EntityRef(kind="venue_asset", key=f"kraken/{BTC}")
    history = await people.call("ann", "History", pb.HistoryRequest(entity=ref))
    row = venue_asset_pb2.VenueAsset.FromString(history.entries[0].after)
    assert [(e.kind, e.code) for e in row.evidence] == [("REVIEWED", "XBT")]
    assert (history.entries[0].revision, history.entries[0].reason) == (
        answer.revision,
        "its contract is the same",
    )


def preview_with_finding(preview: pb.DecisionPreview, told: pb.DecisionPreview) -> Any:
    """A preview, and the decided finding itself, which a decision changes, too."""
    whole = pb.DecisionPreview()
    whole.CopyFrom(preview)
    whole.outcomes.insert(0, told.outcomes[0])
    whole.counts["finding"] += 1
    return whole


async def test_two_people_merge_assets_and_the_same_choice_is_theirs(people: People) -> None:
    finding = with_id(Finding(kind="ASSET_MERGE", asset_id=USDT))
    (found,) = await people.propose("importer", finding)
    await people.decide("ann", found.finding_id, asset_id=ETH, dry_run=True)
    first = await people.decide("ann", found.finding_id, asset_id=BTC)
    assert first.approvals_missing == 1
    refused = await refusal(people.decide("ben", found.finding_id, asset_id=ETH))
    assert refused.violations == {("asset_id", "OTHER_CHOICE")}
    refused = await refusal(people.decide("ben", found.finding_id))
    # They are traded against one another, so they are two.
    assert ("to_asset_id", "TRADED_AGAINST") in refused.violations
    assert (await people.get(found.finding_id)).finding.state == FindingState.OPEN
