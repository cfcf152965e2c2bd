"""Entities of a checkpoint, column by column, with their index entries.

The time to load a million entities is what Python does for each of them. With columns that is one
dict entry: no entity is parsed. So the index entries in the file are trusted, as its checksums
are, and the set hash is verified after the load (`cqar_resolver.replication.follower`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Final

import msgspec
from cqc.replication.v1 import replication_pb2

from cqar_resolver.snapshot.indexes import (
    REFERENCE_INDEXES,
    REFERENCED_KINDS,
    index_entries,
    indexes_of,
)
from cqar_resolver.snapshot.uuid_packing import pack
from cqar_shared.replication import image, positions


class IndexColumn(msgspec.Struct, array_like=True):
    """The entries of one index for the entities of a chunk.

    Attributes:
        values: As text. If all are keys of entities earlier in the file, their numbers among the
            keys of that kind.
        begins, counts: For each value the number in the chunk of the first entity under it, and
            how many consecutive entities are. Empty: one value per entity, in order.
    """

    index: str
    values: list[str | int]
    begins: list[int]
    counts: list[int]


class Columns(msgspec.Struct, array_like=True):
    """Entities of one kind.

    Attributes:
        held: The entities as a snapshot holds them (`cqar_resolver.snapshot.uuid_packing`).
    """

    kind: str
    keys: tuple[str, ...]
    held: list[bytes]
    indexes: list[IndexColumn]


#: Kind -> key -> its number among the keys of that kind so far.
KeyNumbers = dict[str, dict[str | int, int]]
_DECODER: Final = msgspec.msgpack.Decoder(Columns)


def chunks_of(entities: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    """Yield (kind, key, payload) tuples as compressed chunks, each of one kind."""
    batch: list[tuple[str, bytes]] = []
    current, size = "", 0
    numbers: KeyNumbers = {kind: {} for kind in REFERENCED_KINDS}
    for kind, key, payload in entities:
        if batch and (kind != current or size >= image.CHUNK_BYTES):
            yield _packed(current, batch, numbers)
            batch, size = [], 0
        current = kind
        batch.append((key, payload))
        size += len(payload)
    if batch:
        yield _packed(current, batch, numbers)


def _packed(kind: str, batch: Sequence[tuple[str, bytes]], numbers: KeyNumbers) -> bytes:
    columns = {index: IndexColumn(index, [], [], []) for index in indexes_of(kind)}
    for number, (_, payload) in enumerate(batch):
        for index, value in index_entries(kind, payload):
            _add(columns[index], value, number)
    for column in columns.values():
        if column.begins == list(range(len(batch))):
            column.begins, column.counts = [], []
        known = numbers.get(REFERENCE_INDEXES.get(column.index, ""), {})
        if all(value in known for value in column.values):
            column.values = [known[value] for value in column.values]
    keys, held = zip(*((key, pack(key, payload)) for key, payload in batch), strict=True)
    if kind in numbers:
        numbers[kind].update(zip(keys, count(len(numbers[kind])), strict=False))
    chunk = Columns(kind, keys, list(held), list(columns.values()))
    return positions.pack(msgspec.msgpack.encode(chunk))


def _add(column: IndexColumn, value: str, number: int) -> None:
    values, begins, counts = column.values, column.begins, column.counts
    if values and values[-1] == value and begins[-1] + counts[-1] == number:
        counts[-1] += 1
        return
    values.append(value)
    begins.append(number)
    counts.append(1)


def columns_of(manifest: replication_pb2.Image, chunks: Sequence[bytes]) -> Iterator[Columns]:
    """Yield the content of all chunks.

    Raises:
        DamagedImage: A chunk is missing, does not match the manifest, or was written by a release
            with other indexes.
    """
    for unpacked in image.unpacked_chunks(manifest, chunks):
        try:
            columns = _DECODER.decode(unpacked)
        except msgspec.MsgspecError as error:
            raise image.DamagedImage(f"a chunk cannot be read: {error}") from error
        if [column.index for column in columns.indexes] != list(indexes_of(columns.kind)):
            raise image.DamagedImage("it was written by a release with other indexes")
        yield columns
