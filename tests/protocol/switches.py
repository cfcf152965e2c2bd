"""Each takes one protection out of the protocol; only tests turn them on.

They replace a function that the simulated world calls. Production has no such switch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest
import zstandard
from google.protobuf.message import DecodeError

from resolver import decoding, follower_core, kept
from resolver.freshness import Freshness
from shared import frames, history
from shared.cache import CURSOR_KEY
from shared.history import Position
from shared.integrity import Seals
from tests.integrity import FORMAT
from tests.protocol.database import Database
from tests.protocol.image_server import ImageServer
from tests.protocol.pausing import pause
from tests.protocol.redis_server import Redis
from tests.protocol.relay import Relay
from tests.protocol.resolver import Resolver
from tests.protocol.stream import Stream
from tests.protocol.world import World
from writer import epoch_core, relay_core, revisions

Patch = pytest.MonkeyPatch
Do = follower_core.Do
Judge = Callable[[Position, Position], Do]


def no_chain(patch: Patch) -> None:
    """The resolver looks at no chain: not at those of messages, heads or rows."""
    core = follower_core
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
        core, "on_head", lambda mine, found, most: head(mine, _on_chain_of(mine, found), most)
    )
    _decode_without_chain(patch)


def _without_chain(judge: Judge) -> Judge:
    return lambda mine, theirs: judge(mine, _on_chain_of(mine, theirs))


def _on_chain_of(mine: Position, theirs: Position) -> Position:
    return theirs._replace(chain=mine.chain) if theirs.revision == mine.revision else theirs


def _decode_without_chain(patch: Patch) -> None:
    def decode(mine: Position, head: Any, commit: Any) -> Any:
        try:
            packed = commit.change_set
            return decoding.replication_pb2.ChangeSet.FromString(history.unpack(packed))
        except (DecodeError, zstandard.ZstdError) as error:
            raise decoding.Poison from error

    patch.setattr(decoding, "decode", decode)


def content_unchecked(patch: Patch) -> None:
    """A message counts for what it says that its chain is, whatever it holds."""
    _decode_without_chain(patch)


def no_gap_check(patch: Patch) -> None:
    commit = follower_core.on_commit

    def on_commit(mine: Position, theirs: Position, prev_chain: bytes) -> Do:
        ahead = theirs.epoch == mine.epoch and theirs.revision > mine.revision
        return Do.APPLY if ahead else commit(mine, theirs, prev_chain)

    patch.setattr(follower_core, "on_commit", on_commit)


def no_probe(patch: Patch) -> None:
    async def never(_: Resolver) -> None:
        while True:
            await pause()

    patch.setattr(Resolver, "_probe", never)


def older_snapshots(patch: Patch) -> None:
    patch.setattr(follower_core, "on_snapshot", lambda _, __: Do.APPLY)


def redis_without_compare(patch: Patch) -> None:
    def set_anyway(self: Redis, _: object, moved: Any, values: Any) -> bool:
        self.values |= {key: FORMAT.seal(moved, key, value) for key, value in values.items()}
        self.values[CURSOR_KEY] = FORMAT.seal_cursor(moved)
        return True

    patch.setattr(Redis, "compare_and_set", set_anyway)


def database_before_tail(patch: Patch) -> None:
    async def look(self: Any) -> Any:
        head, rows = self._database.head(), list(self._database._outbox)
        await pause()
        last, tail = self._known or await self._read_tail()
        after = [row for row in rows if tail and row.revision > tail.revision]
        return last, tail, head, after[:2]

    patch.setattr(Relay, "_look", look)


def any_tail_believed(patch: Patch) -> None:
    """As it was: a relay begins an epoch beyond whatever the stream's newest message says."""
    patch.setattr(relay_core, "believed", lambda _, tail: tail)


def publish_without_compare(patch: Patch) -> None:
    arrive = Stream.arrive

    def arrive_anyway(self: Stream, publish: Any) -> None:
        publish.expected_last = self.last
        arrive(self, publish)

    patch.setattr(Stream, "arrive", arrive_anyway)


def bump_without_compare(patch: Patch) -> None:
    bump = Database.bump
    patch.setattr(Database, "bump", lambda self, _, seen: bump(self, self.head().epoch, seen))


def foreseeable_epochs(patch: Patch) -> None:
    """An epoch's chain names its numbers only, and neither a nonce nor what was before."""
    first = revisions.first_of_epoch

    def first_of_epoch(*arguments: Any) -> Any:
        row = first(*arguments)
        chain = hashlib.sha256(f"{row.epoch}:{row.revision}".encode()).digest()
        return row._replace(chain=chain)

    patch.setattr(revisions, "first_of_epoch", first_of_epoch)


def claims_of_ended_epochs_refused(patch: Patch) -> None:
    """As it was: a resolver that a new epoch is not beyond can go nowhere."""
    is_lost = epoch_core.is_lost
    patch.setattr(
        epoch_core,
        "is_lost",
        lambda head, held, row: held.epoch >= head.epoch and is_lost(head, held, row),
    )


def overtaken_answers_doubted(patch: Patch) -> None:
    """As it was: a head read before a change set came is taken for lost commits."""
    probe = follower_core.on_probe
    patch.setattr(
        follower_core, "on_probe", lambda _, mine, head, **how: probe(mine, mine, head, **how)
    )


def older_images(patch: Patch) -> None:
    """An image or a file takes the place of what is served, whatever it holds."""
    patch.setattr(follower_core, "is_onward", lambda _, __: True)


def file_ignored(patch: Patch) -> None:
    """PostgreSQL is loaded from though the last process was further."""
    patch.setattr(follower_core, "is_ahead", lambda *_, **__: False)


def newer_epoch_first(patch: Patch) -> None:
    """As it was: the image of a newer epoch comes before a file of later revision."""

    def choices(held: Any, *found: Any, **_: Any) -> Any:
        onward = [one for one in found if one and follower_core.is_onward(held, one.head)]
        return sorted(onward, key=lambda one: (-one.head.epoch, -one.head.revision))

    patch.setattr(follower_core, "choices", choices)


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
    patch.setattr(kept, "_follows", lambda _, since: bool(since.commits))


def images_confirmed_unasked(patch: Patch) -> None:
    """What was loaded from a file or from Redis counts as read from PostgreSQL."""
    load = Resolver._load

    async def load_as_of_now(self: Resolver) -> Any:
        loaded = await load(self)
        return loaded._replace(as_of_s=loaded.as_of_s or self._clock())

    patch.setattr(Resolver, "_load", load_as_of_now)


def confirmed_by_what_was(patch: Patch) -> None:
    """As it was: what was served before an image was loaded vouches for it."""
    patch.setattr(Freshness, "unconfirm", lambda _: None)


class Switch(NamedTuple):
    """What is turned off, and the invariants of which one shows it."""

    turn_off: Callable[[Patch], None]
    shown_by: tuple[int, ...]


SWITCHES: Final = (
    Switch(no_chain, (0, 1, 9)),
    Switch(content_unchecked, (1,)),
    Switch(no_gap_check, (0,)),
    Switch(no_probe, (7, 9)),
    Switch(older_snapshots, (2,)),
    Switch(redis_without_compare, (10,)),
    Switch(database_before_tail, (0,)),
    Switch(any_tail_believed, (9,)),
    Switch(publish_without_compare, (3,)),
    Switch(bump_without_compare, (0,)),
    Switch(foreseeable_epochs, (1,)),
    Switch(overtaken_answers_doubted, (0,)),
    Switch(claims_of_ended_epochs_refused, (9,)),
    Switch(older_images, (2,)),
    Switch(file_ignored, (2,)),
    Switch(newer_epoch_first, (2,)),
    Switch(images_without_compare, (10,)),
    Switch(chunks_in_place, (10,)),
    Switch(torn_tails_believed, (1, 2, 10)),
    Switch(images_confirmed_unasked, (7,)),
    Switch(confirmed_by_what_was, (7,)),
)
