"""What is loaded column by column is what is loaded entity by entity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from cqc.replication.v1 import replication_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar_resolver.checkpoint import checkpoint_format
from cqar_resolver.snapshot import columns, indexes
from cqar_resolver.snapshot.builder import TUPLE_KEYS_MAX, SnapshotBuilder
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KINDS
from cqar_shared.replication import image, positions
from tests.support.change_set_builders import State, encoded, head_of, hydrated
from tests.support.entity_builders import a_venue_symbol, an_id
from tests.support.entity_strategies import entities

SYMBOLS = [an_id(f"symbol{n}") for n in range(3)]
#: Few, so that several entities are found under one value.
FIXED = {
    "symbol_id": st.sampled_from(SYMBOLS),
    "asset_id": st.sampled_from(SYMBOLS),
    "venue_id": st.sampled_from(["binance", "kraken"]),
    "venue_symbol": st.sampled_from(["BTCUSDT", "币"]),
}


def read_back(chunks: Iterable[bytes]) -> SnapshotBuilder:
    held = list(chunks)
    manifest = replication_pb2.Image(chunk_hashes=map(image.hash_of_chunk, held))
    builder = SnapshotBuilder()
    for each in columns.columns_of(manifest, held):
        builder.add_columns(each)
    return builder


def found_in(builder: SnapshotBuilder) -> dict[tuple[str, str], list[str]]:
    """Index and value -> the keys found there, each once."""
    return {
        (index, value): sorted({keys} if isinstance(keys, str) else set(keys))
        for index, found in builder.index.items()
        for value, keys in found.items()
    }


def require_same(state: State) -> None:
    """Entity by entity, column by column, in a snapshot's order and in any: one and the same."""
    rows = [(kind, key, payload) for (kind, key), payload in state.items()]
    plain = SnapshotBuilder()
    plain.add(rows)
    for order in (rows, list(hydrated(state).iter_entities())):
        read = read_back(columns.chunks_of(order))
        assert read.entities == plain.entities
        assert found_in(read) == found_in(plain)


@st.composite
def states(draw: st.DrawFn) -> State:
    found: list[Entity] = []
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=12)):
        names = kind.entity.__struct_fields__
        found.append(draw(entities(kind, **{n: FIXED[n] for n in FIXED if n in names})))
    return encoded(*found)


@settings(max_examples=80, deadline=None)
@given(states())
def test_any_entities_are_found_as_they_were(state: State) -> None:
    require_same(state)


@pytest.mark.parametrize("chunk_bytes", [1, 500, image.CHUNK_BYTES])
def test_many_of_one_symbol_are_found_wherever_chunks_are_cut(
    chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "CHUNK_BYTES", chunk_bytes)
    many = [
        a_venue_symbol(listing_id=an_id(f"{n}"), venue_symbol=f"S{n}", symbol_id=SYMBOLS[n % 2])
        for n in range(TUPLE_KEYS_MAX * 3)
    ]
    alone = a_venue_symbol(listing_id=an_id("alone"), venue_symbol="A", symbol_id=SYMBOLS[2])
    require_same(encoded(*many, alone))


def test_a_key_and_the_value_that_names_it_are_one_object() -> None:
    """A million listings name 300,000 symbols: each text is held once."""
    symbol_id = SYMBOLS[0]
    listing = a_venue_symbol(symbol_id=symbol_id)
    rows = [("symbol", str(symbol_id), b""), *((*r, p) for r, p in encoded(listing).items())]
    plain = SnapshotBuilder()
    plain.add(rows)
    for builder in (plain, read_back(columns.chunks_of(rows))):
        (key,) = builder.entities["symbol"]
        (value,) = builder.index["venue_symbol.symbol"]
        assert value is key


@pytest.mark.parametrize(
    "wrong",
    [
        {"begins": [7], "counts": [1]},
        {"begins": [0], "counts": []},
        {"values": ["a\0b", "c\0d"]},
    ],
    ids=["beyond", "uneven", "too many"],
)
def test_a_chunk_that_is_whole_and_wrong_is_damage(wrong: dict[str, Any]) -> None:
    """Its checksum was made of what was wrong already."""
    state = encoded(a_venue_symbol())
    (chunk,) = columns.chunks_of((*ref, payload) for ref, payload in state.items())
    read = msgspec.msgpack.decode(positions.unpack(chunk), type=columns.Columns)
    for name, value in wrong.items():
        setattr(read.indexes[0], name, value)
    spoilt = positions.pack(msgspec.msgpack.encode(read))
    manifest = replication_pb2.Image(
        head=head_of(state, 1), chunk_hashes=[image.hash_of_chunk(spoilt)]
    )
    with pytest.raises(image.DamagedImage):
        checkpoint_format.Checkpoint(
            manifest, [spoilt], [], None, appendable=True, tag=b""
        ).snapshot()


def test_a_file_of_a_release_with_other_indexes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(*ref, payload) for ref, payload in encoded(a_venue_symbol()).items()]
    written = list(columns.chunks_of(rows))
    readers: dict[str, Any] = {
        **indexes._READERS,
        "venue_symbol": indexes._READERS["venue_symbol"][:1],
    }
    monkeypatch.setattr(indexes, "_READERS", readers)
    with pytest.raises(image.DamagedImage, match="with other indexes"):
        read_back(written)
