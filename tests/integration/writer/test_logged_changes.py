"""The log of all changes: in both directions, in bounded pages, and nothing of the keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from cqar_writer.reads import logged_changes
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, removal
from tests.support.entity_builders import (
    MARKET,
    NOW,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.writer_server import Client, serving


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    async with serving(engine, NOW + dt.timedelta(hours=1)) as client:
        yield client


async def told(client: Client, role: Role = Role.READ, **request: Any) -> pb.ListChangesResponse:
    given = pb.ListChangesRequest(**request)
    answer: pb.ListChangesResponse = await client.call(client.admin.ListChanges, given, role)
    return answer


async def every_page(client: Client, **request: Any) -> list[pb.ListChangesResponse]:
    pages, token = [], ""
    while not pages or token:
        pages.append(await told(client, page_token=token, **request))
        token = pages[-1].next_page_token
        assert len(pages) < 100
    return pages


def keys(*pages: pb.ListChangesResponse) -> list[tuple[int, str, str]]:
    return [(c.entry.revision, c.entity.kind, c.label) for page in pages for c in page.changes]


async def test_the_newest_come_first_each_with_what_it_changed(
    client_: Client, mutations: Mutations
) -> None:
    for name in ("One", "Two"):
        await commit(mutations, a_venue(name=name))
    await mutations.apply([removal("venue", "binance")], CAUSE)
    answer = await told(client_, kinds=["venue"])
    assert [
        (c.entity.key, c.venue_id, c.label, bool(c.entry.before), bool(c.entry.after))
        for c in answer.changes
    ] == [
        ("binance", "binance", "binance", True, False),
        ("binance", "binance", "binance", True, True),
        ("binance", "binance", "binance", False, True),
    ]
    changed = answer.changes[1].entry
    assert [(d.field, d.before, d.after) for d in changed.differences if d.field == "name"] == [
        ("name", "One", "Two")
    ]
    assert (changed.actor, changed.reason) == ("tester", "because")


async def test_who_follows_is_told_every_change_once_in_its_order(
    client_: Client, mutations: Mutations
) -> None:
    start = (await told(client_, page_size=1)).changes
    after = start[0].entry.revision if start else 0
    for number in range(7):
        await commit(mutations, *(an_asset(f"C{number}{n}") for n in range(3)))
    pages = await every_page(client_, after_revision=after, page_size=4)
    labels = [label for _, _, label in keys(*pages)]
    assert labels == [f"C{number}{n}" for number in range(7) for n in sorted_as(pages, number)]
    last = pages[-1].revision
    assert last == max(c.entry.revision for page in pages for c in page.changes)
    assert not (await told(client_, after_revision=last)).changes
    await commit(mutations, an_asset("LATER"))
    more = await told(client_, after_revision=last, without_before=True)
    assert ([k[2] for k in keys(more)], more.revision) == (["LATER"], last + 1)
    assert not more.changes[0].entry.before


def sorted_as(pages: list[pb.ListChangesResponse], number: int) -> list[str]:
    """The order of one revision's changes is the registry's own."""
    labels = [label for _, _, label in keys(*pages) if label.startswith(f"C{number}")]
    assert sorted(labels) == [f"C{number}{n}" for n in range(3)]
    return [label[2:] for label in labels]


async def test_both_directions_tell_the_same(client_: Client, mutations: Mutations) -> None:
    for number in range(12):
        await commit(mutations, a_venue(name=f"{number}"), an_asset(f"A{number}"))
    forward = keys(*await every_page(client_, after_revision=0, page_size=5))
    backward = keys(*await every_page(client_, page_size=5))
    assert sorted(forward) == sorted(backward)
    assert [k[0] for k in forward] == sorted(k[0] for k in forward)
    assert [k[0] for k in backward] == sorted((k[0] for k in backward), reverse=True)


async def test_a_venues_log_has_its_listings_and_those_that_are_gone(
    client_: Client, mutations: Mutations
) -> None:
    listing = a_venue_symbol(listing_id=an_id("listing"))
    await commit(mutations, *MARKET[:-1], listing)
    await commit(mutations, a_venue(venue_id="kraken", name="Kraken"))
    await mutations.apply([removal("venue_symbol", an_id("listing"))], CAUSE)
    answer = await told(client_, venue_ids=["binance"], kinds=["venue_symbol"])
    assert [(c.label, bool(c.entry.after)) for c in answer.changes] == [
        ("BTCUSDT", False),
        ("BTCUSDT", True),
    ]
    assert {c.venue_id for c in (await told(client_, venue_ids=["kraken"])).changes} == {"kraken"}


async def test_filters_by_actor_and_time(client_: Client, mutations: Mutations) -> None:
    await commit(mutations, a_venue(name="One"))
    assert (await told(client_, actors=["tester"], kinds=["venue"])).changes
    assert not (await told(client_, actors=["somebody"])).changes
    early = stamp(NOW - dt.timedelta(days=1))
    assert not (await told(client_, until=early)).changes
    assert (await told(client_, since=early, kinds=["venue"])).changes
    late = stamp(dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    assert not (await told(client_, since=late)).changes
    assert not (await told(client_, since=late, after_revision=0)).changes


def stamp(moment: dt.datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


async def test_only_an_admin_is_told_of_keys(client_: Client) -> None:
    assert "api_key" not in {k for _, k, _ in keys(*await every_page(client_, after_revision=0))}
    found = await refusal(
        client_.call(client_.admin.ListChanges, pb.ListChangesRequest(kinds=["api_key"]), Role.READ)
    )
    assert found.code is grpc.StatusCode.PERMISSION_DENIED
    admins = await told(client_, Role.ADMIN, kinds=["api_key"])
    assert admins.changes


async def test_what_is_not_there_is_an_error_that_says_so(client_: Client) -> None:
    for request, code in (
        ({"venue_ids": ["nowhere"]}, grpc.StatusCode.NOT_FOUND),
        ({"kinds": ["venue_symbo"]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"page_size": 501}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"page_token": "x"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"after_revision": 2**64 - 1}, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        asked = pb.ListChangesRequest(**request)
        found = await refusal(client_.call(client_.admin.ListChanges, asked, Role.READ))
        assert found.code is code, request


async def test_a_page_reads_a_bounded_part_of_the_log(
    client_: Client, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        await commit(mutations, an_asset(f"A{number}", metadata={"note": "x" * 9_000}))
    monkeypatch.setattr(logged_changes, "ROWS_MAX", 4)
    pages = await every_page(client_, actors=["somebody"], after_revision=0)
    assert len(pages) > 2
    assert not keys(*pages)
    monkeypatch.setattr(logged_changes, "PAGE_BYTES_MAX", 20_000)
    pages = await every_page(client_, kinds=["asset"], after_revision=0)
    assert [k[2] for k in keys(*pages)] == [f"A{number}" for number in range(9)]
    assert max(page.ByteSize() for page in pages) < 60_000
