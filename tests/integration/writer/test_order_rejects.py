"""Orders that venues refuse are counted by actor; enough of them put a listing in doubt."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.services.v1 import asset_registry_pb2 as rpb
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.finding_policy import DEFAULT_RULES
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.rejects import counting
from cqar_writer.rejects.counting import RejectCounter, RejectThreshold
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import MARKET, NOW, a_venue_symbol, an_id
from tests.support.writer_server import Client, serving

LISTING = an_id("listing")
ACTORS = ("one", "two", "three", "four", "boss")
LOT: dict[str, Any] = {"code": "-1013", "message": "Filter failure: LOT_SIZE"}


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    listing = a_venue_symbol(listing_id=LISTING, listed_at=NOW - dt.timedelta(days=9))
    await commit(mutations, *MARKET[:-1], listing)
    async with serving(engine, NOW, actors=ACTORS) as client:
        yield client


async def report(client: Client, actor: str, **request: Any) -> pb.ReportRejectResponse:
    given = pb.ReportRejectRequest(
        **{"venue_id": "binance", "venue_symbol": "BTCUSDT", **LOT, **request}
    )
    answer: pb.ReportRejectResponse = await client.call_as(actor, client.admin.ReportReject, given)
    return answer


async def doubts(client: Client) -> list[str]:
    request = rpb.GetVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT")
    answer = await client.call(client.registry.GetVenueSymbol, request, Role.READ)
    return list(answer.venue_symbol.doubts)


async def findings(client: Client) -> list[finding_pb2.Finding]:
    request = pb.ListProposalsRequest(kinds=["ORDER_REJECTED"])
    answer = await client.call(client.admin.ListProposals, request, Role.READ)
    return list(answer.findings)


async def enough(client: Client, **request: Any) -> pb.ReportRejectResponse:
    """Five reports of three actors."""
    for actor in ("one", "one", "two", "two"):
        answer = await report(client, actor, **request)
        assert answer.finding_id == ""
    return await report(client, "three", **request)


async def test_enough_reports_of_several_actors_put_a_listing_in_doubt(client_: Client) -> None:
    before = await client_.call(
        client_.registry.GetVenueSymbol,
        rpb.GetVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT"),
        Role.READ,
    )
    answer = await enough(client_)
    assert (answer.reports, answer.actors, answer.reason) == (5, 3, pb.REJECT_REASON_LOT)
    (finding,) = await findings(client_)
    assert answer.finding_id == finding.finding_id
    assert (finding.listing_id, finding.opened_by) == (LISTING, "cqar")
    assert sorted(e.detail.split(":")[0] for e in finding.evidence) == ["one", "three", "two"]
    assert await doubts(client_) == ["DOUBTED_BY_REJECTS"]
    after = await client_.call(
        client_.registry.GetVenueSymbol,
        rpb.GetVenueSymbolRequest(venue_id="binance", venue_symbol="BTCUSDT"),
        Role.READ,
    )
    assert after.venue_symbol.exact == before.venue_symbol.exact
    # The same again makes nothing more.
    assert (await report(client_, "four")).finding_id == finding.finding_id
    assert len(await findings(client_)) == 1


async def test_one_actor_alone_doubts_nothing_however_often(client_: Client) -> None:
    for _ in range(30):
        answer = await report(client_, "one")
    assert (answer.reports, answer.actors, answer.finding_id) == (30, 1, "")
    assert await doubts(client_) == []


async def test_what_the_registry_does_not_state_doubts_nothing(client_: Client) -> None:
    answer = await enough(client_, code="-2010", message="Account has insufficient balance")
    assert (answer.reason, answer.finding_id) == (pb.REJECT_REASON_OTHER, "")
    assert await findings(client_) == []


async def test_other_reasons_and_spellings_are_counted_by_themselves(client_: Client) -> None:
    for actor in ("one", "two", "three"):
        for code, message in (("-4014", ""), ("-4023", ""), ("-4164", "")):
            answer = await report(client_, actor, code=code, message=message)
            assert answer.finding_id == ""
    unknown = await enough(client_, venue_symbol="NOBODY", code="-1121", message="Invalid symbol.")
    (finding,) = await findings(client_)
    assert (finding.finding_id, finding.listing_id) == (unknown.finding_id, "")
    assert await doubts(client_) == []


async def decide(client: Client, finding_id: str, verdict: int) -> None:
    request = pb.DecideProposalRequest(finding_id=finding_id, verdict=verdict, reason="seen")
    await client.call_as("boss", client.admin.DecideProposal, request)


async def test_a_decision_lifts_the_doubt_and_what_was_rejected_stays_so(client_: Client) -> None:
    answer = await enough(client_)
    await decide(client_, answer.finding_id, finding_pb2.FINDING_VERDICT_REJECT)
    assert await doubts(client_) == []
    for actor in ACTORS * 2:
        await report(client_, actor)
    assert await doubts(client_) == []
    (finding,) = await findings(client_)
    assert finding.state == finding_pb2.FINDING_STATE_REJECTED


async def test_a_doubt_for_another_reason_stays(client_: Client) -> None:
    first = await enough(client_)
    await enough(client_, code="-4164", message="")
    await decide(client_, first.finding_id, finding_pb2.FINDING_VERDICT_APPROVE)
    assert await doubts(client_) == ["DOUBTED_BY_REJECTS"]
    (other,) = [f for f in await findings(client_) if f.finding_id != first.finding_id]
    await decide(client_, other.finding_id, finding_pb2.FINDING_VERDICT_APPROVE)
    assert await doubts(client_) == []


async def test_reports_at_once_make_one_finding(client_: Client) -> None:
    calls = [report(client_, actor) for actor in ("one", "two", "three") for _ in range(6)]
    answers = await asyncio.gather(*calls)
    assert {a.finding_id for a in answers} - {""} == {(await findings(client_))[0].finding_id}
    assert len(await findings(client_)) == 1
    assert await doubts(client_) == ["DOUBTED_BY_REJECTS"]


async def test_a_key_to_read_may_report_and_nobody_without_one(client_: Client) -> None:
    request = pb.ReportRejectRequest(venue_id="binance", venue_symbol="BTCUSDT", **LOT)
    answer = await client_.call(client_.admin.ReportReject, request, Role.READ)
    assert answer.reports == 1
    found = await refusal(client_.call(client_.admin.ReportReject, request, None))
    assert found.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"venue_id": "binanse"}, grpc.StatusCode.NOT_FOUND),
        ({"venue_symbol": ""}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"venue_symbol": "x" * 1_000}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"code": "", "message": ""}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"price": "1e400"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"quantity": "NaN"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"reason": 99}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"message": "a\0b"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"occurred_at": {"seconds": 1}}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"occurred_at": {"seconds": 2**33}}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_cannot_be_is_refused(
    client_: Client, request_: dict[str, Any], code: grpc.StatusCode
) -> None:
    found = await refusal(report(client_, "one", **request_))
    assert found.code is code


async def test_reports_have_a_rate_and_a_room_of_their_own(
    client_: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = await asyncio.gather(
        *(report(client_, "one") for _ in range(80)), return_exceptions=True
    )
    codes = {a.code() for a in answers if isinstance(a, grpc.aio.AioRpcError)}
    assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    # Others are not kept from reporting.
    assert (await report(client_, "two")).actors == 2
    monkeypatch.setattr(counting, "ROWS_EACH", 3)
    for number in range(2):
        await report(client_, "three", venue_symbol=f"S{number}")
    await report(client_, "three", venue_symbol="S2")
    found = await refusal(report(client_, "three", venue_symbol="S3"))
    assert found.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_what_was_reported_is_listed_in_pages_and_forgotten_after_a_week(
    client_: Client, engine: AsyncEngine, mutations: Mutations
) -> None:
    for actor in ("one", "two"):
        await report(client_, actor, price="1.5", quantity="2")
        await report(client_, actor, venue_symbol="OTHER")
    told, token = [], ""
    while not told or token:
        request = pb.ListRejectsRequest(venue_id="binance", page_size=1, page_token=token)
        answer = await client_.call(client_.admin.ListRejects, request, Role.READ)
        told += answer.rejects
        token = answer.next_page_token
    assert [(r.venue_symbol, r.actor, r.reports) for r in told] == [
        ("BTCUSDT", "one", 1),
        ("BTCUSDT", "two", 1),
        ("OTHER", "one", 1),
        ("OTHER", "two", 1),
    ]
    assert (told[0].price, told[0].quantity, told[0].code) == ("1.5", "2", "-1013")
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE order_rejects SET hour = hour - interval '8 days'"))
    counter = RejectCounter(
        *(engine, PrimaryDatabase(NewestPosition(), engine), mutations, DEFAULT_RULES),
        RejectThreshold(),
    )
    purging = asyncio.create_task(counter.purge())
    try:
        async with asyncio.timeout(10):
            while True:
                async with engine.connect() as tx:
                    rows = await tx.execute(sa.text("SELECT count(*) FROM order_rejects"))
                    if rows.scalar_one() == 0:
                        break
                await asyncio.sleep(0.02)
    finally:
        purging.cancel()
