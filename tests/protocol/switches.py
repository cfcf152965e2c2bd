"""Each takes one protection out of the protocol; only tests turn them on.

They replace a function that the simulated world calls. Production has no such switch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import pytest
import zstandard
from google.protobuf.message import DecodeError

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.replication import known_terms as follower_terms
from cqar_resolver.replication import protocol
from cqar_resolver.replication.bootstrap import BootstrapLoader
from cqar_resolver.replication.catch_up import CatchUp
from cqar_resolver.replication.freshness import StalenessBound
from cqar_resolver.replication.head_probe import HeadProbe
from cqar_resolver.replication.known_terms import KnownTerms
from cqar_resolver.snapshot import change_sets
from cqar_shared.redis_store.cache import CURSOR_KEY
from cqar_shared.replication import frames, positions
from cqar_shared.replication.positions import NO_TERM, LogPosition
from cqar_shared.trust.seals import Seals
from cqar_writer.protocol import epoch_rules, relay, revision_rows, terms
from cqar_writer.protocol.log_rows import HeadRow
from tests.protocol import epochs, events, fencing, writer_database
from tests.protocol.asking import Asking
from tests.protocol.cluster import Connection, Pool
from tests.protocol.epochs import Epochs
from tests.protocol.fencing import Fencing
from tests.protocol.image_server import ImageServer
from tests.protocol.pausing import Away, pause
from tests.protocol.redis_server import Redis
from tests.protocol.relay import ChangeRelay, Observation
from tests.protocol.resolver import WatchedFreshness
from tests.protocol.stream import Stream
from tests.protocol.world import World
from tests.protocol.writer_database import WriterDatabase
from tests.support.integrity_keys import FORMAT

Patch = pytest.MonkeyPatch
Do = protocol.Action
Judge = Callable[[LogPosition, LogPosition], Do]


def no_chain(patch: Patch) -> None:
    """The resolver looks at no chain: not at those of messages, heads or rows."""
    core = protocol
    commit, row, probe = core.on_commit, core.on_row, core.on_probe
    for name in ("on_heartbeat", "on_reset"):
        patch.setattr(core, name, _without_chain(getattr(core, name)))
    patch.setattr(core, "on_commit", lambda mine, at, _: commit(mine, at, mine.chain))
    patch.setattr(core, "on_row", lambda mine, at, _, **how: row(mine, at, mine.chain, **how))
    patch.setattr(
        core,
        "on_probe",
        lambda asked, mine, head, **how: probe(
            asked, mine, _on_chain_of(mine, _on_chain_of(asked, head)), **how
        ),
    )
    head = core.on_head
    patch.setattr(
        core,
        "on_head",
        lambda mine, found, most, *_, **how: head(mine, _on_chain_of(mine, found), most, **how),
    )
    patch.setattr(core, "is_other", lambda *_: False)
    _decode_without_chain(patch)


def _without_chain(judge: Judge) -> Judge:
    return lambda mine, theirs: judge(mine, _on_chain_of(mine, theirs))


def _on_chain_of(mine: LogPosition, theirs: LogPosition) -> LogPosition:
    return theirs._replace(chain=mine.chain) if theirs.revision == mine.revision else theirs


def _decode_without_chain(patch: Patch) -> None:
    def decode(mine: LogPosition, head: Any, commit: Any) -> Any:
        try:
            packed = commit.change_set
            return change_sets.replication_pb2.ChangeSet.FromString(positions.unpack(packed))
        except (DecodeError, zstandard.ZstdError) as error:
            raise change_sets.UndecodableChangeSet from error

    patch.setattr(change_sets, "decode", decode)


def content_unchecked(patch: Patch) -> None:
    """A message counts for what it says that its chain is, whatever it holds."""
    _decode_without_chain(patch)


def no_gap_check(patch: Patch) -> None:
    commit = protocol.on_commit

    def on_commit(mine: LogPosition, theirs: LogPosition, prev_chain: bytes) -> Do:
        ahead = theirs.epoch == mine.epoch and theirs.revision > mine.revision
        return Do.APPLY if ahead else commit(mine, theirs, prev_chain)

    patch.setattr(protocol, "on_commit", on_commit)


def no_probe(patch: Patch) -> None:
    async def never(_: HeadProbe) -> None:
        while True:
            await pause()

    patch.setattr(HeadProbe, "run", never)


def older_snapshots(patch: Patch) -> None:
    patch.setattr(protocol, "on_snapshot", lambda _, __: Do.APPLY)


def redis_without_compare(patch: Patch) -> None:
    def set_anyway(self: Redis, _: object, moved: Any, values: Any) -> bool:
        self.values |= {key: FORMAT.seal(moved, key, value) for key, value in values.items()}
        self.values[CURSOR_KEY] = FORMAT.seal_cursor(moved)
        return True

    patch.setattr(Redis, "compare_and_set", set_anyway)


def database_before_tail(patch: Patch) -> None:
    async def look(self: ChangeRelay) -> Observation:
        connection = self._database.take()
        head, remedy = self._database.look(connection)
        rows = list(connection.server._outbox)
        await pause()
        last, stated = self._known or await self._read_tail()
        after = [row for row in rows if stated and row.revision > stated.revision]
        return Observation(last, stated, head, remedy, after[:2])

    patch.setattr(ChangeRelay, "_look", look)


def any_tail_believed(patch: Patch) -> None:
    """As it was: a relay begins an epoch beyond whatever the stream's newest message says."""
    patch.setattr(relay, "believable_tail", lambda _, tail: tail)


def publish_without_compare(patch: Patch) -> None:
    arrive = Stream.arrive

    def arrive_anyway(self: Stream, publish: Any) -> None:
        publish.expected_last = self.last
        arrive(self, publish)

    patch.setattr(Stream, "arrive", arrive_anyway)


def bump_without_compare(patch: Patch) -> None:
    begin = Epochs.begin

    async def begin_anyway(self: Epochs, _: int, seen: LogPosition, **how: Any) -> bool:
        return await begin(self, self._database.take().server.head().epoch, seen, **how)

    patch.setattr(Epochs, "begin", begin_anyway)


def foreseeable_epochs(patch: Patch) -> None:
    """An epoch's chain names its numbers only, and neither a nonce nor what was before."""
    first = revision_rows.build_epoch_start

    def build_epoch_start(*arguments: Any) -> Any:
        row = first(*arguments)
        chain = hashlib.sha256(f"{row.epoch}:{row.revision}".encode()).digest()
        return row._replace(chain=chain)

    patch.setattr(revision_rows, "build_epoch_start", build_epoch_start)


def claims_of_ended_epochs_refused(patch: Patch) -> None:
    """As it was: a resolver that a new epoch is not beyond can go nowhere."""
    is_lost = epoch_rules.is_lost
    patch.setattr(
        epoch_rules,
        "is_lost",
        lambda head, held, row: held.epoch >= head.epoch and is_lost(head, held, row),
    )


def overtaken_answers_doubted(patch: Patch) -> None:
    """As it was: a head read before a change set came is taken for lost commits."""
    probe = protocol.on_probe
    patch.setattr(protocol, "on_probe", lambda _, mine, head, **how: probe(mine, mine, head, **how))


def older_images(patch: Patch) -> None:
    """An image or a file takes the place of what is served, whatever it holds."""
    patch.setattr(protocol, "may_replace", lambda _, __: True)


def images_compared_by_number(patch: Patch) -> None:
    """As it was: an image of the same epoch counts as onward, whatever its history lost."""

    def may_replace(held: Any, found: Any) -> bool:
        return held is None or protocol.is_onward(held, found)

    patch.setattr(protocol, "may_replace", may_replace)


def file_ignored(patch: Patch) -> None:
    """PostgreSQL is loaded from though the last process was further."""
    patch.setattr(protocol, "is_ahead", lambda *_, **__: False)


def newer_epoch_first(patch: Patch) -> None:
    """As it was: the image of a newer epoch comes before a file of later revision."""

    def choices(held: Any, *found: Any, **_: Any) -> Any:
        onward = [one for one in found if one and protocol.may_replace(held, one.head)]
        return sorted(onward, key=lambda one: (-one.head.epoch, -one.head.revision))

    patch.setattr(protocol, "bootstrap_candidates", choices)


def images_without_compare(patch: Patch) -> None:
    switch = ImageServer.compare_and_switch

    def switch_anyway(self: ImageServer, keys: Any, args: Any) -> int:
        return switch(self, keys, [self.value(keys[0]) or b"", *args[1:]])

    patch.setattr(ImageServer, "compare_and_switch", switch_anyway)


def chunks_in_place(patch: Patch) -> None:
    """A publication writes over the chunks of the one before."""
    patch.setattr(World, "_fresh_publication", lambda _: "the only one")


def torn_tails_believed(patch: Patch) -> None:
    """No checksum and no tag is looked at: what a file ends with counts as it is."""

    def payloads(data: Any) -> Any:
        at = 0
        while len(data) - at >= frames._HEADER.size:
            size, _ = frames._HEADER.unpack_from(data, at)
            at += frames._HEADER.size
            yield bytes(data[at : at + size])
            at += size

    patch.setattr(frames, "payloads", payloads)
    patch.setattr(Seals, "verifies", lambda *_: True)
    patch.setattr(checkpoint_format, "_follows", lambda _, since: bool(since.commits))


def images_confirmed_unasked(patch: Patch) -> None:
    """What was loaded from a file or from Redis counts as the newest."""
    load = BootstrapLoader.load

    async def load_as_of_now(self: BootstrapLoader) -> Any:
        loaded = await load(self)
        if loaded is not None and loaded.source != "postgres":
            self._view.freshness.confirm(self._view.freshness._clock())
        return loaded

    patch.setattr(BootstrapLoader, "load", load_as_of_now)


def confirmed_by_what_was(patch: Patch) -> None:
    """As it was: what was served before an image was loaded vouches for it."""
    patch.setattr(StalenessBound, "unconfirm", lambda _: None)


def replays_unconfirmed(patch: Patch) -> None:
    """As it was: what was committed before is acknowledged though no standby may have it."""

    async def at_once(_: Connection) -> None:
        return

    patch.setattr(epochs, "confirm_replay", at_once)


def probes_unproven(patch: Patch) -> None:
    """As it was: a head counts though a standby may have taken over before it was asked for."""

    async def at_once(*_: Any) -> None:
        return

    # What is acknowledged is still confirmed.
    patch.setattr(epochs, "confirm_replay", writer_database.confirm)
    patch.setattr(writer_database, "confirm", at_once)


def older_databases_used(patch: Patch) -> None:
    """As it was: what answers over a connection is the registry's, whatever was promoted since."""
    judge = terms.judge
    patch.setattr(terms, "judge", lambda seen, head: judge(seen._replace(term=NO_TERM), head))
    patch.setattr(epochs, "require_latest", lambda *_: None)


def databases_behind_used(patch: Patch) -> None:
    """As it was: a head counts though it is behind what this process knows."""
    judge, nothing = terms.judge, terms.ObservedTerm()
    patch.setattr(terms, "judge", lambda seen, head: judge(nothing._replace(term=seen.term), head))
    patch.setattr(terms, "needs_chain_check", lambda *_: False)


def histories_compared_by_number(patch: Patch) -> None:
    """As it was: a database that passed what it lost is not found out."""
    patch.setattr(terms, "needs_chain_check", lambda *_: False)


def epochs_begin_at_the_head(patch: Patch) -> None:
    """As it was: what this process and the stream know is not gone beyond."""
    patch.setattr(epoch_rules, "max_position", lambda seen, *_: seen)


def connections_kept(patch: Patch) -> None:
    """Only the connection that led to an older database is closed, and no other."""
    patch.setattr(Pool, "drop", lambda _: None)


def epochs_begin_where_none_leads(patch: Patch) -> None:
    """As it was: an epoch begins over a kept connection, in a server that may be replaced."""
    patch.setattr(epochs, "connect_anew", WriterDatabase.take)


def never_fenced(patch: Patch) -> None:
    """As it was: nobody steps back for a later database, and each relay begins epochs."""
    patch.setattr(fencing, "is_later", lambda *_: False)


def fenced_unasked(patch: Patch) -> None:
    """A message that speaks for a later database is believed, though no writer answers from it."""

    async def heed(self: Fencing, own: HeadRow, *others: Any) -> bool:
        for other in others:
            if fencing.is_later(own, other):
                self._database.note_replaced(other)
                raise Away
        return False

    patch.setattr(Fencing, "heed", heed)


def terms_never_forgotten(patch: Patch) -> None:
    """A term that was heard once counts for ever."""
    patch.setattr(KnownTerms, "latest", property(lambda self: self._latest))


def earlier_terms_taken(patch: Patch) -> None:
    """As it was: an old primary's head counts though a later database was heard of."""
    for module in (protocol, follower_terms):
        patch.setattr(module, "is_earlier", lambda *_: False)


def loads_confirm(patch: Patch) -> None:
    """As it was: what was read from PostgreSQL counts as the newest when it was read."""
    load = BootstrapLoader.load

    async def load_as_of_now(self: BootstrapLoader) -> Any:
        as_of_s = self._view.freshness._clock()
        loaded = await load(self)
        if loaded is not None and loaded.source == "postgres":
            self._view.freshness.confirm(as_of_s)
            cast("WatchedFreshness", self._view.freshness).has_heard = True
        return loaded

    patch.setattr(BootstrapLoader, "load", load_as_of_now)


def replicas_believed(patch: Patch) -> None:
    """As it was: PostgreSQL is asked again and again for what a replica has not."""

    def on_head(mine: LogPosition, head: LogPosition, compacted: int, *_: Any, **__: Any) -> Do:
        if head == mine:
            return Do.NOTHING
        behind = mine.revision < compacted or mine.revision >= head.revision
        return Do.BOOTSTRAP if head.epoch != mine.epoch or behind else Do.APPLY

    async def never(*_: Any) -> bool:
        return False

    patch.setattr(protocol, "on_head", on_head)
    patch.setattr(CatchUp, "_from_stream", never)


def outbox_only(patch: Patch) -> None:
    """As it was: what is lacked is read from PostgreSQL, though that may be a replica."""

    async def never(*_: Any) -> bool:
        return False

    patch.setattr(CatchUp, "_from_stream", never)


def asked_once(patch: Patch) -> None:
    """As it was: a probe goes to one writer, and waits for that one."""

    async def nobody(*_: Any) -> None:
        return

    patch.setattr(Asking, "everybody", nobody)


def snapshots_compared_by_number(patch: Patch) -> None:
    """As it was: a database that passed what it lost takes the place of what it lost."""
    patch.setattr(protocol, "is_other", lambda *_: False)


def events_by_number(patch: Patch) -> None:
    """As it was: what was told last counts as told, though it is of a history that was lost."""
    nothing = LogPosition(0, 0, b"")
    patch.setattr(events, "newest_of", lambda told, _: told[-1] if told else nothing)


class Switch(NamedTuple):
    """What is turned off, and the invariants of which one shows it.

    Attributes:
        profile: Of the schedules that look for it.
    """

    turn_off: Callable[[Patch], None]
    shown_by: tuple[int, ...]
    profile: str = "mixed"


SWITCHES: Final = (
    Switch(no_chain, (0, 1, 9), "forgeries"),
    Switch(content_unchecked, (1,), "forgeries"),
    Switch(no_gap_check, (0,)),
    Switch(no_probe, (7, 9)),
    Switch(older_snapshots, (2,)),
    Switch(redis_without_compare, (10,)),
    Switch(database_before_tail, (0,)),
    Switch(any_tail_believed, (9,)),
    Switch(publish_without_compare, (3,)),
    Switch(bump_without_compare, (0,), "rollbacks"),
    Switch(foreseeable_epochs, (1,)),
    Switch(overtaken_answers_doubted, (0,)),
    Switch(claims_of_ended_epochs_refused, (9,)),
    Switch(older_images, (2,), "fallbacks"),
    Switch(images_compared_by_number, (2,), "rollbacks"),
    Switch(file_ignored, (2,), "fallbacks"),
    Switch(newer_epoch_first, (2,), "fallbacks"),
    Switch(images_without_compare, (10,)),
    Switch(chunks_in_place, (10,)),
    Switch(torn_tails_believed, (1, 2, 10), "starts"),
    Switch(images_confirmed_unasked, (7,)),
    Switch(confirmed_by_what_was, (7,), "replicas"),
    Switch(replays_unconfirmed, (5,), "confirmations"),
    Switch(probes_unproven, (0, 7), "failovers"),
    Switch(older_databases_used, (5,), "returns"),
    Switch(databases_behind_used, (3, 5, 7, 9), "failovers"),
    Switch(histories_compared_by_number, (5, 7, 9), "rollbacks"),
    Switch(epochs_begin_at_the_head, (3,), "failovers"),
    Switch(connections_kept, (5, 7, 9), "failovers"),
    Switch(epochs_begin_where_none_leads, (0, 9), "returns"),
    Switch(never_fenced, (0, 9), "failovers"),
    Switch(fenced_unasked, (7, 9), "replicas"),
    Switch(terms_never_forgotten, (7, 9), "replicas"),
    Switch(earlier_terms_taken, (7,), "failovers"),
    Switch(loads_confirm, (7,), "replicas"),
    Switch(replicas_believed, (9,), "lags"),
    Switch(outbox_only, (9,), "lags"),
    Switch(asked_once, (7, 9), "replicas"),
    Switch(events_by_number, (5,), "failovers"),
    Switch(snapshots_compared_by_number, (1, 2, 9), "rollbacks"),
)
