"""A stream that somebody made otherwise is repaired by the writer that starts; limits stay."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.messaging import jetstream, streams
from cqar_shared.messaging.jetstream import CHANGES, EVENTS, PUBLISHED_SUBJECT
from cqar_writer.config import WriterConfig
from cqar_writer.relays import event_relay
from tests.conftest import without_streams
from tests.support.commits import commit, eventually
from tests.support.entity_builders import a_venue
from tests.support.follower_setup import writing

#: What an operator may set, other than writers make it.
LIMITS: dict[str, Any] = {
    "max_age": 3600.0,
    "max_bytes": 64 * 1024**2,
    "max_msgs": 10_000,
    "max_consumers": 50,
    "description": "kept by the desk",
    "metadata": {"owner": "desk"},
    "compression": api.StoreCompression.S2,
}
WRONG: dict[str, Mapping[str, Any]] = {
    "subjects": {"subjects": ["cqar.other"]},
    "retention": {"retention": api.RetentionPolicy.INTEREST},
    "discard": {"discard": api.DiscardPolicy.NEW},
    "discard of each subject": {
        "discard": api.DiscardPolicy.NEW,
        "max_msgs_per_subject": 5,
        "discard_new_per_subject": True,
    },
    "largest message": {"max_msg_size": 100},
    "no acknowledgements": {"no_ack": True},
    "transformed subjects": {
        "subject_transform": api.SubjectTransform(src="cqar.changes", dest="cqar.renamed")
    },
    "no direct reads": {"allow_direct": False},
    "no ends of messages": {"allow_msg_ttl": False},
    "republished elsewhere": {"republish": api.RePublish(src="cqar.changes", dest="cqar.stray")},
    "republished without its body": {
        "republish": api.RePublish(src="cqar.changes", dest=PUBLISHED_SUBJECT, headers_only=True)
    },
    "not republished": {"republish": None},
}
UNFIT: dict[str, tuple[Mapping[str, Any], str]] = {
    "a mirror": (
        {"mirror": api.StreamSource(name="ELSEWHERE"), "subjects": None, "republish": None},
        "is a mirror",
    ),
    "a work queue": ({"retention": api.RetentionPolicy.WORK_QUEUE}, "is a work queue"),
    "sealed": ({"sealed": True}, "is sealed"),
}


def healed(found: api.StreamConfig, wanted: api.StreamConfig) -> bool:
    return not (streams.repairs(found, wanted) or streams.extras(found, wanted))


@pytest.mark.parametrize("how", WRONG)
async def test_what_readers_and_relays_rely_on_is_repaired_and_limits_stay(
    client: Client, how: str
) -> None:
    js, wanted = client.jetstream(), streams.changes_config()
    await js.add_stream(wanted.evolve(**{**LIMITS, **WRONG[how]}))
    assert not healed((await js.stream_info(CHANGES)).config, wanted)
    await streams.ensure_stream(js, wanted)
    found = (await js.stream_info(CHANGES)).config
    assert healed(found, wanted)
    assert {name: getattr(found, name) for name in LIMITS if name != "metadata"} == {
        name: value for name, value in LIMITS.items() if name != "metadata"
    }
    assert (found.metadata or {})["owner"] == "desk"
    assert (await jetstream.publish_expecting(js, CHANGES, jetstream.CHANGES_SUBJECT, b"x", 0)) == 1


async def test_a_stream_as_it_is_made_needs_no_repair(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    js = client.jetstream()
    for config in (streams.changes_config(), streams.events_config(event_relay.subjects())):
        await streams.ensure_stream(js, config)
        found = (await js.stream_info(str(config.name))).config
        assert (streams.repairs(found, config), streams.extras(found, config)) == ({}, {})
        await streams.ensure_stream(js, config)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_subjects_of_a_later_release_stay_and_a_wildcard_covers_ours(client: Client) -> None:
    js, wanted = client.jetstream(), streams.events_config(event_relay.subjects())
    subjects = ["cqc.events.later", *event_relay.subjects()[1:]]
    await js.add_stream(wanted.evolve(subjects=subjects))
    await streams.ensure_stream(js, wanted)
    found = (await js.stream_info(EVENTS)).config
    assert set(found.subjects or ()) == {"cqc.events.later", *event_relay.subjects()}
    prefix = event_relay.subjects()[0].rpartition(".")[0]
    await js.update_stream(found, subjects=[f"{prefix}.>"])
    await streams.ensure_stream(js, wanted)
    assert (await js.stream_info(EVENTS)).config.subjects == [f"{prefix}.>"]


@pytest.mark.parametrize(
    ("subject", "patterns", "covered"),
    [
        ("a.b", ["a.b"], True),
        ("a.b", ["a.*"], True),
        ("a.b", ["*.b"], True),
        ("a.b", ["a.>"], True),
        ("a.b", [">"], True),
        ("a.b.c", ["a.>"], True),
        ("a", ["a.>"], False),
        ("a.b.c", ["a.*"], False),
        ("a.b", ["a.c", "b.*"], False),
        ("a.b", [], False),
    ],
)
def test_a_subject_is_covered_as_nats_says(
    subject: str, patterns: list[str], *, covered: bool
) -> None:
    assert streams.is_covered(subject, patterns) is covered


@pytest.mark.parametrize("how", UNFIT)
async def test_what_cannot_be_changed_is_refused_with_what_to_do(client: Client, how: str) -> None:
    js, (wrong, said) = client.jetstream(), UNFIT[how]
    made = streams.changes_config().evolve(
        **{name: v for name, v in wrong.items() if name != "sealed"}
    )
    await js.add_stream(made)
    if "sealed" in wrong:
        await js.update_stream((await js.stream_info(CHANGES)).config, sealed=True)
    with pytest.raises(
        streams.UnusableStream, match=f"{said}.*delete it, and writers make it anew"
    ):
        await streams.ensure_stream(js, streams.changes_config())


async def test_what_nats_refuses_is_said_with_its_reason(client: Client) -> None:
    js = client.jetstream()
    await js.add_stream(streams.changes_config().evolve(subjects=["cqar.other"], republish=None))
    await js.add_stream(api.StreamConfig(name="STRAY", subjects=[jetstream.CHANGES_SUBJECT]))
    try:
        with pytest.raises(
            streams.UnusableStream, match=r"\(subjects\), which NATS refuses .*overlap"
        ):
            await streams.ensure_stream(js, streams.changes_config())
    finally:
        await js.delete_stream("STRAY")


async def test_a_stream_in_memory_is_used_and_said_to_be_lost_when_nats_ends(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    js, wanted = client.jetstream(), streams.changes_config()
    in_memory = {"storage": api.StorageType.MEMORY, "max_bytes": 64 * 1024**2}
    await js.add_stream(wanted.evolve(**in_memory))
    await streams.ensure_stream(js, wanted)
    assert "it is kept in memory" in caplog.text


async def test_a_writer_repairs_its_streams_as_it_starts_and_relays(
    servers: EmbeddedServers, database: str
) -> None:
    async with without_streams(servers.nats) as client:
        js = client.jetstream()
        wrong = {**WRONG["largest message"], **WRONG["discard"], **WRONG["no ends of messages"]}
        await js.add_stream(streams.changes_config().evolve(**wrong))
        async with writing(WriterConfig(database_url=database, nats_url=servers.nats)) as writer:
            await commit(writer.mutations, a_venue())
            await eventually(lambda: writer.publisher.stuck == [])
            await _relayed(js, 1)


async def test_a_writer_whose_stream_is_of_no_use_says_so_in_its_health(
    servers: EmbeddedServers, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqar_writer.relays.publisher.STUCK_S", 0.5)
    async with without_streams(servers.nats) as client:
        js = client.jetstream()
        await js.add_stream(
            streams.changes_config().evolve(retention=api.RetentionPolicy.WORK_QUEUE)
        )
        async with writing(WriterConfig(database_url=database, nats_url=servers.nats)) as writer:
            await eventually(lambda: writer.publisher.stuck == ["relay", "event relay"])
            await commit(writer.mutations, a_venue())
            await js.delete_stream(CHANGES)
            await _relayed(js, 1)
            await eventually(lambda: writer.publisher.stuck == [])


async def _relayed(js: JetStreamContext, revision: int) -> None:
    """Until the stream's newest message is of a revision."""

    async def is_there() -> bool:
        with suppress(NotFoundError):
            raw = await js.get_last_msg(CHANGES, jetstream.CHANGES_SUBJECT)
            newest = replication_pb2.StreamMessage.FromString(raw.data or b"")
            return newest.head.revision == revision
        return False

    await eventually(is_there)
