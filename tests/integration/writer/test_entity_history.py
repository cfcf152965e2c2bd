"""History and export: the past as it was committed, and nothing of the keys."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from cqc.assets.v1 import asset_pb2
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.venues.v1 import venue_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.replication import positions as change_sets
from cqar_writer.database.primary import NewestPosition, PrimaryDatabase
from cqar_writer.mutations import Mutations
from cqar_writer.reads import entity_history
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import BTC, NOW, a_venue, an_asset, an_id
from tests.support.writer_server import Client, serving

Code = grpc.StatusCode


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    async with serving(engine, NOW + dt.timedelta(hours=1)) as client:
        yield client


def ref(kind: str, key: str) -> pb.EntityRef:
    return pb.EntityRef(kind=kind, key=key)


async def history(client: Client, kind: str, key: str, **options: Any) -> pb.HistoryResponse:
    request = pb.HistoryRequest(entity=ref(kind, key), **options)
    answer: pb.HistoryResponse = await client.call(client.admin.History, request, Role.READ)
    return answer


async def test_history_tells_every_change_newest_first(
    client_: Client, mutations: Mutations
) -> None:
    for name in ("One", "Two", "Three"):
        await commit(mutations, a_venue(name=name), an_asset(name, asset_id=an_id(name)))
    found = await history(client_, "venue", "binance")
    names = [venue_pb2.Venue.FromString(entry.after).name for entry in found.entries]
    assert names == ["Three", "Two", "One"]
    changes = [
        (d.before, d.after) for e in found.entries for d in e.differences if d.field == "name"
    ]
    assert changes == [("Two", "Three"), ("One", "Two"), ("", "One")]
    assert found.entries[2].before == b""

    first = await history(client_, "venue", "binance", page_size=2)
    rest = await history(client_, "venue", "binance", page_token=first.next_page_token)
    assert [*first.entries, *rest.entries] == list(found.entries)


async def test_a_history_of_large_entities_comes_in_pages_that_a_client_receives(
    client_: Client, mutations: Mutations
) -> None:
    for number in range(150):
        await commit(mutations, an_asset(metadata={"note": f"{number:<15000}"}))
    token, pages = "", []
    while not pages or token:
        pages.append(await history(client_, "asset", BTC, page_token=token))
        token = pages[-1].next_page_token
    entries = [entry for page in pages for entry in page.entries]
    told = [int(asset_pb2.Asset.FromString(e.after).metadata["note"]) for e in entries]
    assert (len(pages), told) == (2, list(reversed(range(150))))
    assert [entry.before for entry in entries] == [*(e.after for e in entries[1:]), b""]


async def test_large_change_sets_are_read_one_by_one_beside_the_event_loop(
    client_: Client, mutations: Mutations, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops_thread, unpacked_in, unpack = threading.get_ident(), [], change_sets.unpack

    def noted(packed: bytes) -> bytes:
        # The caller's key is read from its own change set, which is small.
        if change_sets.unpacked_bytes(packed) > entity_history.SMALL_BYTES_MAX:
            unpacked_in.append(threading.get_ident())
        return unpack(packed)

    for letter in "abcd":
        assets = [an_asset(f"A{n}", metadata={"note": letter * 15_000}) for n in range(50)]
        await commit(mutations, *assets)
    monkeypatch.setattr(change_sets, "unpack", noted)
    assert len((await history(client_, "asset", assets[0].asset_id)).entries) == 4
    assert (len(unpacked_in), loops_thread in unpacked_in) == (4, False)
    unpacked_in.clear()
    async with engine.connect() as tx:
        async for entry in entity_history.entries_of(tx, ("asset", assets[0].asset_id), None):
            assert (entry.change_set.actor, len(entry.change_set.changes)) == ("tester", 0)
            assert len(unpacked_in) == 2
            break


async def test_a_page_token_is_of_one_entitys_history_only(
    client_: Client, mutations: Mutations
) -> None:
    for name in ("One", "Two", "Three"):
        await commit(mutations, a_venue(name=name), a_venue("kraken", name=name))
    token = (await history(client_, "venue", "binance", page_size=1)).next_page_token
    assert not token.isdigit()
    assert len((await history(client_, "venue", "binance", page_token=token)).entries) == 2
    head = (await client_.call(client_.admin.GetHead, pb.GetHeadRequest())).head
    listed = await client_.call(
        client_.registry.ListVenues, registry_pb.ListVenuesRequest(page_size=1)
    )
    other = await history(client_, "venue", "kraken", page_size=1)
    for text in (str(head.revision), other.next_page_token, listed.next_page_token, token[:-4]):
        found = await refusal(history(client_, "venue", "binance", page_token=text))
        assert (found.code, found.violations) == (
            Code.INVALID_ARGUMENT,
            {("page_token", "OTHER_QUERY")},
        )


async def test_a_reason_may_be_written_in_any_script(client_: Client, mutations: Mutations) -> None:
    await commit(mutations, a_venue())
    said = "geprüft von Zoë\n（確認済み）"
    request = registry_pb.UpdateVenueRequest(venue_id="binance", name="Binance Spot")
    metadata = (
        ("authorization", f"Bearer {client_.keys[Role.WRITE]}"),
        ("cqar-reason-bin", said.encode()),
    )
    await client_.registry.UpdateVenue(request, metadata=metadata, timeout=10)
    found = await history(client_, "venue", "binance")
    assert found.entries[0].reason == said


async def test_a_removal_and_a_new_beginning_are_told(
    client_: Client, mutations: Mutations
) -> None:
    await commit(mutations, a_venue(name="One"))
    tombstone = pb.ApplyRequest(items=[pb.ApplyItem(tombstone=ref("venue", "binance"))])
    await client_.call(client_.admin.Apply, tombstone)
    await commit(mutations, a_venue(name="Again"))
    found = await history(client_, "venue", "binance")
    assert [(bool(e.before), bool(e.after)) for e in found.entries] == [
        (False, True),
        (True, False),
        (False, True),
    ]


async def test_what_never_was_and_what_is_not_told(client_: Client) -> None:
    for kind, key, code in (
        ("venue", "nope", Code.NOT_FOUND),
        ("nothing", "x", Code.INVALID_ARGUMENT),
        ("asset", "x", Code.INVALID_ARGUMENT),
        ("api_key", an_id("x"), Code.PERMISSION_DENIED),
    ):
        request = pb.HistoryRequest(entity=ref(kind, key))
        found = await refusal(client_.call(client_.admin.History, request))
        assert found.code == code, kind


async def test_an_export_is_the_registry_as_of_a_revision(
    client_: Client, mutations: Mutations, engine: AsyncEngine
) -> None:
    await commit(mutations, a_venue(name="One"))
    revision = (await client_.call(client_.admin.GetHead, pb.GetHeadRequest())).head.revision
    await commit(mutations, a_venue(name="Two"), an_asset())

    async def export(**options: Any) -> list[pb.ApplyItem]:
        key = (("x-api-key", client_.keys[Role.READ]),)
        stream = client_.admin.Export(pb.ExportRequest(**options), metadata=key)
        return [item async for answer in stream for item in answer.items]

    (then,) = await export(revision=revision)
    assert then.venue.name == "One"
    now = await export()
    assert [item.WhichOneof("change") for item in now] == ["asset", "venue"]
    assert [item.venue.name for item in await export(kinds=["venue"])] == ["Two"]
    assert {
        ref[0]
        for ref in await entity_history.state_at(
            engine, PrimaryDatabase(NewestPosition(), engine), revision
        )
    } == {"venue"}


async def test_so_many_exports_run_at_once_and_who_goes_away_makes_room(
    client_: Client, mutations: Mutations
) -> None:
    many = [an_asset(f"A{n}", metadata={"note": "x" * 15_000}) for n in range(1_000)]
    for start in range(0, len(many), 500):
        await commit(mutations, *many[start : start + 500])

    def export(role: Role = Role.READ) -> Any:
        key = (("x-api-key", client_.keys[role]),)
        return client_.admin.Export(pb.ExportRequest(), metadata=key)

    # One of each caller.
    calls = [export(), export(Role.WRITE)]
    begun = [aiter(call) for call in calls]
    for stream in begun:
        assert len((await anext(stream)).items) > 0
    found = await refusal(anext(aiter(export())))
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    calls[0].cancel()
    # Large entities come in messages that any client receives.
    exported = [len(answer.items) async for answer in _let_in(export)]
    assert (sum(exported), max(exported) < 150) == (len(many), True)
    assert sum([len(answer.items) async for answer in begun[1]]) > 0


async def _let_in(export: Callable[[], Any]) -> AsyncIterator[Any]:
    """The first export that there is room for."""
    for _ in range(200):
        stream = aiter(export())
        try:
            yield await anext(stream)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.05)
            continue
        async for answer in stream:
            yield answer
        return
    pytest.fail("there is no room")


async def test_an_export_names_the_registrys_position_in_its_metadata(
    client_: Client, mutations: Mutations
) -> None:
    await commit(mutations, a_venue())
    head = (await client_.call(client_.admin.GetHead, pb.GetHeadRequest())).head
    key = (("x-api-key", client_.keys[Role.READ]),)
    stream = client_.admin.Export(pb.ExportRequest(), metadata=key)
    assert [answer async for answer in stream]
    refused = client_.admin.Export(pb.ExportRequest(revision=999), metadata=key)
    with pytest.raises(grpc.aio.AioRpcError, match="999"):
        await anext(aiter(refused))
    for call in (stream, refused):
        told = dict(await call.trailing_metadata())
        assert told["cqar-revision"] == str(head.revision)
        assert told["cqar-epoch"] == str(head.epoch)
