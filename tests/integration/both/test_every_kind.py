"""Every kind from creation to removal, through Apply: what an independent subscriber is told of
it, what its history says, and what the tables hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import nats
import pytest
import sqlalchemy as sa
from cqc.events.v1 import events_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.message_factory import GetMessageClass
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import InUse
from cqar_shared.runtime.tasks import raise_if_cancelled
from cqar_shared.sql.schema import current
from cqar_writer.mutations import Mutations
from cqar_writer.relays.event_relay import EventRelay
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, running, upsert
from tests.support.entity_builders import NOW, a_venue
from tests.support.kind_lifecycles import LIVES
from tests.support.memory_registry_view import changed, completed
from tests.support.table_checks import require_tables_equal_current
from tests.support.writer_server import Client, serving

PREFIX = "cqc.events.v1."
SENTINEL = a_venue("sentinel")
#: What others may state; the rest is the writer's own.
STATED = [kind for kind in KINDS if kind.client_writable]


@pytest.fixture
async def writer(engine: AsyncEngine) -> AsyncIterator[Client]:
    async with serving(engine, NOW) as client:
        yield client


@pytest.fixture
async def subscription(
    servers: EmbeddedServers,
    engine: AsyncEngine,
    client: NatsClient,
    js: JetStreamContext,
    mutations: Mutations,
) -> AsyncIterator[Subscription]:
    """Somebody else's plain subscription, while the event relay runs."""
    relay = EventRelay(engine, client, mutations.bump_epoch)
    stranger = await nats.connect(servers.nats)
    found = await stranger.subscribe(f"{PREFIX}>")
    await stranger.flush()
    async with running(_relay(relay)):
        yield found
    await stranger.close()


async def _relay(relay: EventRelay) -> None:
    while True:
        while await relay.step():
            pass
        raise_if_cancelled()
        await asyncio.sleep(0.02)


async def apply(writer: Client, item: pb.ApplyItem, reason: str) -> pb.ApplyResponse:
    metadata = (("x-api-key", writer.keys[Role.ADMIN]), ("reason", reason))
    answer: pb.ApplyResponse = await writer.admin.Apply(
        pb.ApplyRequest(items=[item]), metadata=metadata, timeout=30
    )
    assert [v.reason for o in answer.outcomes for v in o.violations] == []
    assert answer.committed
    return answer


async def payload_of(engine: AsyncEngine, kind: AnyKind, key: str) -> bytes:
    """What was committed of an entity; empty where it is no more."""
    query = sa.select(current.c.payload).where(
        current.c.kind == kind.name, current.c.key == key, ~current.c.deleted
    )
    async with engine.connect() as tx:
        return (await tx.execute(query)).scalar_one_or_none() or b""


class Lived:
    """A life as it was committed, one entry for each change.

    Attributes:
        payloads: The entity after each, empty before the first and after the last.
        revisions: Of each change.
        events: The name each is to be announced by.
        changes: What each altered.
    """

    def __init__(self) -> None:
        self.payloads: list[bytes] = [b""]
        self.revisions: list[int] = []
        self.events: list[str] = []
        self.changes: list[set[str]] = []


async def live(kind: AnyKind, writer: Client, engine: AsyncEngine) -> Lived:
    """Create it, update it and remove it, and see that each was done as stated."""
    life, lived = LIVES[kind.name], Lived()
    key = kind.key_of(life.born)
    named = {name: getattr(life.born, name) for name in kind.key}

    async def commit_one(item: pb.ApplyItem, event: str, changes: dict[str, Any]) -> None:
        answer = await apply(writer, item, f"step {len(lived.revisions)}")
        lived.revisions.append(answer.revision)
        lived.payloads.append(await payload_of(engine, kind, key))
        lived.events.append(event)
        lived.changes.append(set(changes))
        await require_tables_equal_current(engine)

    def item_of(entity: Entity) -> pb.ApplyItem:
        message: Any = entity_codec.to_message(kind, entity)
        return pb.ApplyItem(**{kind.name: message})

    await commit_one(item_of(life.born), life.told[0], named)
    for changes, event in life.steps:
        before = entity_codec.decode(kind, lived.payloads[-1])
        await commit_one(item_of(changed(before, **changes)), event, changes)
        after = entity_codec.decode(kind, lived.payloads[-1])
        assert {n: said(getattr(after, n)) for n in changes} == {
            name: said(value) for name, value in changes.items()
        }
    tombstone = pb.ApplyItem(tombstone=pb.EntityRef(kind=kind.name, key=key))
    if not life.stays:
        await commit_one(tombstone, life.told[1], named)
    assert [bool(payload) for payload in lived.payloads] == [
        *(False, *(True for _ in range(1 + len(life.steps))), *([] if life.stays else [False]))
    ]
    return lived


def said(value: Any) -> Any:
    """A member's ids and time are the registry's to give."""
    if isinstance(value, tuple) and value and hasattr(value[0], "member_id"):
        return sorted((member.asset_id, member.weight) for member in value)
    return value


def require_told(kind: AnyKind, event: Any, before: bytes, after: bytes) -> None:
    """The event carries the state that was committed; of a removal, the last one."""
    was, becomes = kind.message.FromString(before), kind.message.FromString(after)
    newest = becomes if after else was
    told = 0
    for field in event.DESCRIPTOR.fields:
        value = getattr(event, field.name)
        if field.message_type is kind.message.DESCRIPTOR:
            assert value == newest
            told += 1
        elif field.name == "member":
            assert (value in was.members) != (value in becomes.members)
            told += 1
        elif field.name.endswith("_id") and field.name in kind.message.DESCRIPTOR.fields_by_name:
            assert value == getattr(newest, field.name)
            told += 1
    assert told, "it says nothing of the entity"


def parsed(message: Msg) -> Any:
    """By its subject alone: venue_symbol_listed is VenueSymbolListed."""
    name = message.subject.removeprefix(PREFIX).title().replace("_", "")
    return GetMessageClass(events_pb2.DESCRIPTOR.message_types_by_name[name]).FromString(
        message.data
    )


def test_every_kind_that_apply_takes_has_a_life() -> None:
    assert list(LIVES) == [kind.name for kind in STATED]


@pytest.mark.parametrize("kind", STATED, ids=lambda kind: kind.name)
async def test_a_subscriber_is_told_each_change_once_in_order_and_so_is_the_history(
    kind: AnyKind,
    writer: Client,
    engine: AsyncEngine,
    mutations: Mutations,
    subscription: Subscription,
) -> None:
    if LIVES[kind.name].needs:
        await commit(mutations, *LIVES[kind.name].needs)
    for _ in LIVES[kind.name].needs:
        await subscription.next_msg(timeout=30)
    lived = await live(kind, writer, engine)
    # Were there one event more than expected, it would come before the sentinel's.
    revision = await commit(mutations, SENTINEL)
    expected = [
        *(
            (name, revision, place)
            for place, (name, revision) in enumerate(
                zip(lived.events, lived.revisions, strict=True)
            )
            if name
        ),
        ("venue_registered", revision, len(lived.revisions)),
    ]
    found = [await subscription.next_msg(timeout=30) for _ in expected]
    assert [message.subject for message in found] == [PREFIX + name for name, *_ in expected]
    events = [parsed(message) for message in found]
    assert [event.revision for event in events] == [revision for _, revision, _ in expected]
    assert len({event.event_id for event in events}) == len(events)
    for event, (_, _, place) in list(zip(events, expected, strict=True))[:-1]:
        assert (event.actor_id, event.timestamp.ToDatetime(NOW.tzinfo)) == ("admin", NOW)
        require_told(kind, event, lived.payloads[place], lived.payloads[place + 1])
    await require_history(kind, writer, lived)


async def require_history(kind: AnyKind, writer: Client, lived: Lived) -> None:
    """It has each change with its actor, reason, and the entity before and after."""
    key = kind.key_of(LIVES[kind.name].born)
    request = pb.HistoryRequest(entity=pb.EntityRef(kind=kind.name, key=key))
    role = Role.READ if kind.exported else Role.ADMIN
    if not kind.exported:
        found = await refusal(writer.call(writer.admin.History, request, Role.WRITE))
        assert (found.code, found.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    answer = await writer.call(writer.admin.History, request, role)
    entries = list(reversed(answer.entries))
    assert [entry.revision for entry in entries] == lived.revisions
    assert [(entry.actor, entry.reason) for entry in entries] == [
        ("admin", f"step {place}") for place in range(len(lived.revisions))
    ]
    assert [entry.before for entry in entries] == lived.payloads[:-1]
    assert [entry.after for entry in entries] == lived.payloads[1:]
    for entry, changes in zip(entries, lived.changes, strict=True):
        assert changes <= {difference.field for difference in entry.differences}


#: An asset points at another one only once it was merged into it.
POINTING = [k for k in KINDS if k.name in LIVES and dict(k.refs_of(LIVES[k.name].born))]


@pytest.mark.parametrize("kind", POINTING, ids=lambda kind: kind.name)
async def test_whom_an_entity_points_at_must_be_there_and_stays_while_it_does(
    kind: AnyKind, mutations: Mutations
) -> None:
    life = LIVES[kind.name]
    refused = await mutations.apply([upsert(life.born)], CAUSE)
    missing = [v.field for v in refused.outcomes[0].violations if v.reason == "NOT_FOUND"]
    refs = dict(kind.refs_of(completed(life.born)))
    assert refs
    assert missing == list(refs)
    await commit(mutations, *life.needs)
    await commit(mutations, life.born)
    for name, key in refs.values():
        removal = Item(kind=KIND_BY_NAME[name], intent=ChangeIntent.REMOVE, key=key)
        with pytest.raises(InUse):
            await mutations.change(removal, CAUSE)
    await mutations.change(
        Item(kind=kind, intent=ChangeIntent.REMOVE, key=kind.key_of(life.born)), CAUSE
    )
