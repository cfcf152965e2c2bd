"""The bytes of a checkpoint. Pure.

A checkpoint is an image, followed by parts with the change sets applied since. Each part has a
checksum, and a tag under the integrity key: the manifest's tag covers the hashes of the chunks, and
that of each later part also the tag before it. So no part can be left out, moved, or put into
another file. If the end of a file is torn, flipped or forged, the parts before it count: they were
the registry once. A file with a damaged image is refused.
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

#: The number rises whenever the packing of entities or the values of an index change.
_MAGIC: Final = b"cqar last good 5\n"
#: Change sets behind an image; with more, a start takes longer than a new image would.
SINCE_MAX: Final = 1_000


class Checkpoint(NamedTuple):
    """What was read from a checkpoint.

    Attributes:
        since: The change sets behind the image.
        mark: Where to follow the stream from.
        appendable: Change sets may be appended: all of the file was used, and it is not too long.
        tag: The tag of the last part.
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
            DamagedImage: The content does not match its checksums.
        """
        return self._replayed(self._trusting_indexes)

    def counted_snapshot(self) -> Snapshot:
        """Make the snapshot from the entities alone, with new indexes and a new set hash.

        That takes as long as loading from PostgreSQL.

        Raises:
            DamagedImage: The content does not match its checksums or its set hash.
        """
        return self._replayed(self._from_entities)

    def _trusting_indexes(self) -> Snapshot:
        builder = SnapshotBuilder()
        for columns in columns_of(self.manifest, self.chunks):
            builder.add_columns(columns)
        builder.set_hash = positions.set_hash_from(self.manifest.head.set_hash)
        return Snapshot.of(self.manifest.head, builder)

    def _from_entities(self) -> Snapshot:
        entities = (
            (columns.kind, key, unpack(key, held))
            for columns in columns_of(self.manifest, self.chunks)
            for key, held in zip(columns.keys, columns.held, strict=True)
        )
        return Snapshot(self.manifest.head, entities)

    def _replayed(self, load_image: Callable[[], Snapshot]) -> Snapshot:
        try:
            snapshot = load_image()
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
    """Read a checkpoint.

    Raises:
        ForgedImage: The image was not written under the integrity key.
        DamagedImage: The image is damaged.
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
    checkpoint = Checkpoint(
        manifest, chunks, [], image.mark_of(manifest.stream), appendable=True, tag=tag
    )
    try:
        for part, tag in _with_tags(parts):
            if not seals.verifies(tag, checkpoint.tag, part):
                refused_values.note("file", "a part of the last good file, and what is behind it")
                return checkpoint._replace(appendable=False)
            since = _since(part)
            if not _follows(checkpoint.head, since):
                log.warning("of the last good file, what does not follow is left out")
                return checkpoint._replace(appendable=False)
            checkpoint.since.extend(since.commits)
            checkpoint = checkpoint._replace(mark=image.mark_of(since.stream), tag=tag)
    except frames.TornFrame as error:
        log.warning("the last good file is used up to where it is torn: %s", error)
        return checkpoint._replace(appendable=False)
    return checkpoint._replace(appendable=len(checkpoint.since) <= SINCE_MAX)


def _with_tags(parts: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each part with the tag behind it.

    Raises:
        TornFrame: The last part has no tag.
    """
    for part in parts:
        tag = next(parts, b"")
        if not tag:  # zeros that a disk left for unwritten blocks read as empty frames
            raise frames.TornFrame("a part has no tag behind it")
        yield part, tag


def _since(part: bytes) -> replication_pb2.Since:
    """Parse an appended part; an unreadable one is empty."""
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
    """Yield the parts of an image; `tag_of` gives the second one's tag.

    Args:
        head: The registry's head with these entities.
        entities: (kind, key, payload).
        mark: How far the stream was read for them.
        publication: Unique to the file, so that its parts are refused in any other.
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
    """Make a part with change sets in order, and how far the stream was read for them.

    Args:
        after: The tag of the part before.
    """
    since = replication_pb2.Since(commits=commits, stream=image.place_of(mark))
    payload = since.SerializeToString()
    return frames.frame(payload) + frames.frame(seals.tag(after, payload))


def tag_of(part: bytes) -> bytes:
    """Return the tag at the end of a part that has one."""
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
