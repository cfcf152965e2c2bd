"""What a resolver's last good file is made of, as bytes. Pure.

An image, and behind it the change sets applied since, each part with its checksum, and with a tag
under the integrity key: of the manifest, which has the hashes of the chunks, and of each part
since together with the tag before it. So no part is left out, put elsewhere or into another file.
Of a file whose end is torn, flipped or forged the part before counts: that too was the registry
once. One whose image is damaged is none.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_resolver.snapshot.builder import SnapshotBuilder
from cqar_resolver.snapshot.change_sets import UndecodableChangeSet, decode, plan
from cqar_resolver.snapshot.columns import chunks_of, columns_of
from cqar_resolver.snapshot.snapshot import Diverged, Snapshot
from cqar_resolver.snapshot.uuid_packing import unpack
from cqar_shared.redis_store import refused_values
from cqar_shared.replication import frames, hash_chain, image, positions
from cqar_shared.replication.positions import StreamMark
from cqar_shared.trust.seals import TAG_BYTES, Seals

log = logging.getLogger(__name__)

#: Its number rises wherever what is held of an entity comes to be made otherwise, or the values
#: that an index finds it by.
_MAGIC: Final = b"cqar last good 5\n"
#: Commits behind an image: with more, a start would take long for what writing it anew costs.
SINCE_MAX: Final = 1_000


class Checkpoint(NamedTuple):
    """What is read back: the head it leads to, and where to follow the stream from.

    Attributes:
        appendable: Change sets may be appended: all of the file was used, and it is not too long.
        tag: Of the last part.
    """

    manifest: replication_pb2.Image
    chunks: list[bytes]
    since: list[replication_pb2.StreamMessage]
    mark: StreamMark | None
    appendable: bool
    tag: bytes

    @property
    def head(self) -> replication_pb2.Head:
        return self.since[-1].head if self.since else self.manifest.head

    def snapshot(self) -> Snapshot:
        """Make the snapshot; its set hash is taken from the head, and still to be verified.

        Raises:
            Damaged: It is not what its checksums say.
        """
        return self._made(self._believed)

    def counted_snapshot(self) -> Snapshot:
        """What was served, of whose entities alone the file is believed.

        What they are found under is made anew, and so is their hash: that takes as long as from
        PostgreSQL.

        Raises:
            Damaged: It is not what its checksums say, or not what its hash says.
        """
        return self._made(self._counted)

    def _believed(self) -> Snapshot:
        builder = SnapshotBuilder()
        for columns in columns_of(self.manifest, self.chunks):
            builder.add_columns(columns)
        builder.set_hash = positions.set_hash_from(self.manifest.head.set_hash)
        return Snapshot.of(self.manifest.head, builder)

    def _counted(self) -> Snapshot:
        entities = (
            (columns.kind, key, unpack(key, held))
            for columns in columns_of(self.manifest, self.chunks)
            for key, held in zip(columns.keys, columns.held, strict=True)
        )
        return Snapshot(self.manifest.head, entities)

    def _made(self, of_image: Callable[[], Snapshot]) -> Snapshot:
        try:
            snapshot = of_image()
            for message in self.since:
                change_set = decode(snapshot.position, message.head, message.commit)
                snapshot.apply(message.head, list(plan(snapshot, change_set)))
        except (
            Diverged,
            UndecodableChangeSet,
            DecodeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise image.DamagedImage(f"it is whole, and wrong: {error}") from error
        return snapshot


def read(data: bytes, seals: Seals) -> Checkpoint:
    """What a file holds.

    Raises:
        Forged: Its image was not made under our key.
        Damaged: Its image cannot be believed.
    """
    if not data.startswith(_MAGIC):
        raise image.DamagedImage("it is no file of a resolver's last good state")
    parts = frames.payloads(memoryview(data)[len(_MAGIC) :])
    try:
        payload, tag = next(_with_tags(parts), (b"", b""))
        manifest = image.opened_manifest(payload, tag, seals)
        chunks = list(itertools.islice(parts, len(manifest.chunk_hashes)))
    except frames.TornFrame as error:
        raise image.DamagedImage(f"its image is torn: {error}") from error
    kept = Checkpoint(
        manifest, chunks, [], image.mark_of(manifest.stream), appendable=True, tag=tag
    )
    try:
        for part, tag in _with_tags(parts):
            if not seals.verifies(tag, kept.tag, part):
                refused_values.note("file", "a part of the last good file, and what is behind it")
                return kept._replace(appendable=False)
            since = _since(part)
            if not _follows(kept.head, since):
                log.warning("of the last good file, what does not follow is left out")
                return kept._replace(appendable=False)
            kept.since.extend(since.commits)
            kept = kept._replace(mark=image.mark_of(since.stream), tag=tag)
    except frames.TornFrame as error:
        log.warning("the last good file is used up to where it is torn: %s", error)
        return kept._replace(appendable=False)
    return kept._replace(appendable=len(kept.since) <= SINCE_MAX)


def _with_tags(parts: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each part with the tag behind it.

    Raises:
        Torn: The last one has none.
    """
    for part in parts:
        tag = next(parts, b"")
        if not tag:  # also where a disk left zeros for what it had not written: empty frames
            raise frames.TornFrame("a part has no tag behind it")
        yield part, tag


def _since(part: bytes) -> replication_pb2.Since:
    """What was appended; nothing where it cannot be read."""
    try:
        return replication_pb2.Since.FromString(part)
    except DecodeError:
        return replication_pb2.Since()


def image_parts(
    head: replication_pb2.Head,
    entities: Iterable[tuple[str, str, bytes]],
    mark: StreamMark | None,
    seals: Seals,
    publication: str,
) -> Iterator[bytes]:
    """Yield the parts that a file begins with; `tag_of` tells the second one's.

    Args:
        head: The registry's, with these entities.
        entities: (kind, key, payload).
        mark: How far the stream was read for them.
        publication: No other file's, so that no part of this one is believed in another.
    """
    chunks = list(chunks_of(entities))
    manifest = replication_pb2.Image(
        head=head,
        stream=image.place_of(mark),
        publication=publication,
        chunk_hashes=[image.hash_of_chunk(chunk) for chunk in chunks],
    )
    yield _MAGIC
    yield image.sealed(manifest, seals)
    yield from map(frames.frame, chunks)


def since_part(
    commits: Sequence[replication_pb2.StreamMessage],
    mark: StreamMark | None,
    seals: Seals,
    after: bytes,
) -> bytes:
    """What is appended: change sets in their order, and how far the stream was read with them.

    Args:
        after: The tag of the part before.
    """
    since = replication_pb2.Since(commits=commits, stream=image.place_of(mark))
    payload = since.SerializeToString()
    return frames.frame(payload) + frames.frame(seals.tag(after, payload))


def tag_of(part: bytes) -> bytes:
    """The tag at the end of a part that has one."""
    return part[-TAG_BYTES:]


def _follows(head: replication_pb2.Head, since: replication_pb2.Since) -> bool:
    chain = head.chain
    for message in since.commits:
        link = hash_chain.link_of(message.head, message.commit)
        try:
            chain = hash_chain.chain_of(chain, link)
        except ValueError:
            return False
        if chain != message.head.chain:
            return False
    return bool(since.commits)
