"""The whole registry at one head, as bytes for Redis and for a resolver's file. Pure.

An image is a manifest, which names head and stream, and chunks of entities. Every part is verified:
the manifest by its tag, each chunk by its hash in the manifest, and the loaded snapshot by the
count and set hash of the head.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import zstandard
from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_shared.replication import frames, positions
from cqar_shared.replication.positions import StreamMark
from cqar_shared.trust.seals import Seals

#: Bytes of entities in a chunk before compression; some 5,000 listings.
CHUNK_BYTES: Final = 1024 * 1024
#: A million entities are about 250 chunks.
CHUNKS_MAX: Final = 10_000
#: Chunks that are unpacked before the reader asks for them.
CHUNKS_AHEAD: Final = 4


class DamagedImage(Exception):
    """An image cannot be used."""


class ForgedImage(DamagedImage):
    """An image is not made under our integrity key."""


def chunks_of(entities: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    """Pack (kind, key, payload) into compressed chunks."""
    chunk, size = replication_pb2.ImageChunk(), 0
    for kind, key, payload in entities:
        chunk.entities.add(kind=kind, key=key, entity=payload)
        size += len(payload)
        if size >= CHUNK_BYTES:
            yield positions.pack(chunk.SerializeToString())
            chunk, size = replication_pb2.ImageChunk(), 0
    if chunk.entities:
        yield positions.pack(chunk.SerializeToString())


def entities_of(
    manifest: replication_pb2.Image, chunks: Sequence[bytes]
) -> Iterator[tuple[str, str, bytes]]:
    """Yield (kind, key, payload) of all chunks.

    Raises:
        DamagedImage: a chunk is missing, or is not what the manifest says.
    """
    for unpacked in unpacked_chunks(manifest, chunks):
        try:
            parsed = replication_pb2.ImageChunk.FromString(unpacked)
        except DecodeError as error:
            raise DamagedImage(f"a chunk cannot be read: {error}") from error
        for entity in parsed.entities:
            yield entity.kind, entity.key, entity.entity


def unpacked_chunks(manifest: replication_pb2.Image, chunks: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the chunks, checked and unpacked, in order.

    A thread works ahead of the reader: zstandard and hashlib release the interpreter lock.

    Raises:
        DamagedImage: a chunk is missing, or is not what the manifest says.
    """
    if len(chunks) != len(manifest.chunk_hashes):
        raise DamagedImage(f"{len(chunks)} chunks of {len(manifest.chunk_hashes)} are there")
    begun: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(1, "unpack") as thread:
        for chunk, expected in zip(chunks, manifest.chunk_hashes, strict=True):
            begun.append(thread.submit(_unpacked, chunk, expected))
            if len(begun) > CHUNKS_AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _unpacked(chunk: bytes, expected: bytes) -> bytes:
    if hash_of_chunk(chunk) != expected:
        raise ForgedImage("a chunk is not the one that its manifest speaks of")
    try:
        return positions.unpack(chunk)
    except zstandard.ZstdError as error:
        raise DamagedImage(f"a chunk cannot be read: {error}") from error


def hash_of_chunk(chunk: bytes) -> bytes:
    return hashlib.sha256(chunk).digest()


def sealed(manifest: replication_pb2.Image, seals: Seals) -> bytes:
    """Encode a manifest for storage, followed by its tag."""
    payload = manifest.SerializeToString()
    return frames.frame(payload) + frames.frame(seals.tag(payload))


def manifest_of(stored: bytes, seals: Seals) -> replication_pb2.Image:
    """Read a stored manifest.

    Raises:
        ForgedImage: the tag is not ours.
        DamagedImage: the bytes are not a manifest.
    """
    try:
        payload, *rest = frames.payloads(stored)
    except (frames.TornFrame, ValueError) as error:
        raise DamagedImage(f"the manifest cannot be read: {error}") from error
    return opened_manifest(payload, b"".join(rest), seals)


def opened_manifest(payload: bytes, tag: bytes, seals: Seals) -> replication_pb2.Image:
    """Read a manifest and verify its tag.

    Raises:
        ForgedImage: the tag is not ours.
        DamagedImage: the payload is not a manifest.
    """
    if not seals.verifies(tag, payload):
        raise ForgedImage("the manifest's tag is not ours")
    return parse_manifest(payload)


def untagged_manifest(stored: bytes) -> replication_pb2.Image:
    """Read a manifest without verifying its tag, also of a former release.

    Raises:
        DamagedImage: the bytes are not a manifest.
    """
    try:
        return parse_manifest(next(frames.payloads(stored), b""))
    except frames.TornFrame as error:
        raise DamagedImage(f"the manifest cannot be read: {error}") from error


def parse_manifest(payload: bytes) -> replication_pb2.Image:
    """Parse the payload of a manifest.

    Raises:
        DamagedImage: the payload is not a manifest.
    """
    try:
        manifest = replication_pb2.Image.FromString(payload)
    except DecodeError as error:
        raise DamagedImage(f"the manifest cannot be read: {error}") from error
    if len(manifest.chunk_hashes) > CHUNKS_MAX or not manifest.head.registry_id:
        raise DamagedImage("the manifest is not of our making")
    return manifest


def place_of(mark: StreamMark | None) -> replication_pb2.StreamPlace | None:
    """Convert a mark to a message field; None leaves it unset."""
    if mark is None:
        return None
    return replication_pb2.StreamPlace(created=mark.created, first=mark.first, last=mark.last)


def mark_of(place: replication_pb2.StreamPlace) -> StreamMark | None:
    """The mark from which to follow the stream; None if it was not known."""
    return StreamMark(place.created, place.first, place.last) if place.created else None
