"""Entities column by column, with the places where they are found: loaded without reading them.

What a million entities take to load is what Python does for each: here nothing but its entry in a
dict. So what a last good file says of places is believed, as its checksums are, and its hash is
computed later (`cqar_resolver.replication.follower`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

import msgspec
from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.indexes import REFERRED, REFERRING, index_entries, indexes_of
from cqar_resolver.snapshot.uuid_packing import pack
from cqar_shared.replication import image, positions


class Filed(msgspec.Struct, array_like=True):
    """Under which values an index finds entities of a chunk.

    Attributes:
        values: As text; where all are keys of other entities, which stand before in the file, as
            their places among the keys of that kind.
        begins, counts: For each value the first entity that is found there, by its place in the
            chunk, and how many with those behind it are. Empty: each entity has one, in order.
    """

    index: str
    values: list[str | int]
    begins: list[int]
    counts: list[int]


class Columns(msgspec.Struct, array_like=True):
    """Some entities of one kind.

    Attributes:
        held: What a snapshot holds of them (`cqar_resolver.snapshot.uuid_packing`).
    """

    kind: str
    keys: tuple[str, ...]
    held: list[bytes]
    filed: list[Filed]


#: Kind -> key -> its place among that kind's keys, so far.
Places = dict[str, dict[str | int, int]]
_DECODER: Final = msgspec.msgpack.Decoder(Columns)


def chunks_of(entities: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    """Yield the chunks of (kind, key, payload), compressed; each is of one kind."""
    some: list[tuple[str, bytes]] = []
    current, size = "", 0
    places: Places = {kind: {} for kind in REFERRED}
    for kind, key, payload in entities:
        if some and (kind != current or size >= image.CHUNK_BYTES):
            yield _packed(current, some, places)
            some, size = [], 0
        current = kind
        some.append((key, payload))
        size += len(payload)
    if some:
        yield _packed(current, some, places)


def _packed(kind: str, some: Sequence[tuple[str, bytes]], places: Places) -> bytes:
    filed = {index: Filed(index, [], [], []) for index in indexes_of(kind)}
    for place, (_, payload) in enumerate(some):
        for index, value in index_entries(kind, payload):
            _add(filed[index], value, place)
    for each in filed.values():
        if each.begins == list(range(len(some))):
            each.begins, each.counts = [], []
        known = places.get(REFERRING.get(each.index, ""), {})
        if all(value in known for value in each.values):
            each.values = [known[value] for value in each.values]
    keys, held = zip(*((key, pack(key, payload)) for key, payload in some), strict=True)
    if kind in places:
        places[kind].update(zip(keys, count(len(places[kind])), strict=False))
    columns = Columns(kind, keys, list(held), list(filed.values()))
    return positions.pack(msgspec.msgpack.encode(columns))


def _add(filed: Filed, value: str, place: int) -> None:
    values, begins, counts = filed.values, filed.begins, filed.counts
    if values and values[-1] == value and begins[-1] + counts[-1] == place:
        counts[-1] += 1
        return
    values.append(value)
    begins.append(place)
    counts.append(1)


def columns_of(manifest: replication_pb2.Image, chunks: Sequence[bytes]) -> Iterator[Columns]:
    """Yield what is in all chunks.

    Raises:
        Damaged: A chunk is missing, is not what the manifest says, or of a release that finds
            entities otherwise.
    """
    for unpacked in image.unpacked_chunks(manifest, chunks):
        try:
            columns = _DECODER.decode(unpacked)
        except msgspec.MsgspecError as error:
            raise image.DamagedImage(f"a chunk cannot be read: {error}") from error
        if [each.index for each in columns.filed] != list(indexes_of(columns.kind)):
            raise image.DamagedImage("it is of a release that finds entities by other values")
        yield columns
