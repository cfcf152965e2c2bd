"""How the cursor and values stand in Redis: what is not ours, or not there, does not count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar_shared.redis_store.cache_format import (
    NOTED_KEYS_MAX,
    CacheCursor,
    CacheFormat,
    ForgedValue,
    Value,
    WriteProgress,
)
from cqar_shared.replication.positions import LogPosition
from cqar_shared.trust.seals import Keyring
from tests.support.integrity_keys import KEY, KEYRING, OTHER_KEY

KEY_OF_IT = "venue:binance"
AT = LogPosition(1, 7, b"c" * 32)
CURSOR = CacheCursor.fresh(b"r" * 16, AT)
VALUE = Value(b"what it holds", 60)
NOW_S = 1_000.0
FORMAT = CacheFormat(KEYRING, lambda: NOW_S)
STORED = FORMAT.seal(CURSOR, KEY_OF_IT, VALUE)
STORED_CURSOR = FORMAT.seal_cursor(CURSOR)


def test_both_are_read_back() -> None:
    assert FORMAT.open(CURSOR, KEY_OF_IT, STORED) == VALUE.payload
    assert FORMAT.open_cursor(STORED_CURSOR) == CURSOR._replace(stored=STORED_CURSOR)
    assert FORMAT.open_cursor(None) is None
    assert FORMAT.open(CURSOR, KEY_OF_IT, None) is None


def test_what_is_known_no_more_is_found_no_more() -> None:
    assert FORMAT.open(CURSOR, KEY_OF_IT, FORMAT.seal(CURSOR, KEY_OF_IT, Value(None, 60))) is None


@given(at=st.integers(0, len(STORED) - 1), bit=st.integers(0, 7))
def test_a_value_with_any_bit_changed_is_not_believed(at: int, bit: int) -> None:
    forged = STORED[:at] + bytes([STORED[at] ^ 1 << bit]) + STORED[at + 1 :]
    try:
        assert FORMAT.open(CURSOR, KEY_OF_IT, forged) is None, "of another generation"
    except ForgedValue:
        assert at >= len(CURSOR.generation)


@given(at=st.integers(0, len(STORED_CURSOR) - 1), bit=st.integers(0, 7))
def test_a_cursor_with_any_bit_changed_is_not_believed(at: int, bit: int) -> None:
    flipped = STORED_CURSOR[at] ^ 1 << bit
    if chr(flipped).lower() == chr(STORED_CURSOR[at]):
        return  # a digit of hex in capitals says the same
    with pytest.raises(ForgedValue):
        FORMAT.open_cursor(STORED_CURSOR[:at] + bytes([flipped]) + STORED_CURSOR[at + 1 :])


def test_a_value_does_not_count_under_another_key() -> None:
    with pytest.raises(ForgedValue, match="venue:kraken"):
        FORMAT.open(CURSOR, "venue:kraken", STORED)


def test_a_value_of_another_registry_does_not_count() -> None:
    with pytest.raises(ForgedValue):
        FORMAT.open(CURSOR._replace(registry_id=b"o" * 16), KEY_OF_IT, STORED)


def test_a_value_of_a_former_generation_is_none() -> None:
    assert FORMAT.open(CacheCursor.fresh(CURSOR.registry_id, AT), KEY_OF_IT, STORED) is None


def test_behind_a_cursor_that_was_put_back_a_later_value_does_not_count() -> None:
    for at in (AT._replace(revision=6), AT._replace(epoch=2)):
        with pytest.raises(ForgedValue, match="after the cursor"):
            FORMAT.open(CURSOR.moved(at), KEY_OF_IT, STORED)


def test_a_value_that_was_put_back_counts_until_its_own_time_is_over() -> None:
    for after_s, counts in ((59, True), (60, False)):
        later = CacheFormat(KEYRING, lambda after_s=after_s: NOW_S + after_s)  # type: ignore[misc]
        assert (later.open(CURSOR, KEY_OF_IT, STORED) is not None) is counts


def test_under_another_key_nothing_counts_and_under_both_all_does() -> None:
    other = CacheFormat(Keyring.parse(OTHER_KEY), lambda: NOW_S)
    both = CacheFormat(Keyring.parse(f"{OTHER_KEY}\n{KEY}"), lambda: NOW_S)
    with pytest.raises(ForgedValue):
        other.open_cursor(STORED_CURSOR)
    with pytest.raises(ForgedValue):
        other.open(CURSOR, KEY_OF_IT, STORED)
    found = both.open_cursor(STORED_CURSOR)
    assert found is not None
    assert both.open(found, KEY_OF_IT, STORED) == VALUE.payload
    # What is compared on the server is what stands there, also under the key that goes.
    assert both.seal_cursor(found) == STORED_CURSOR
    moved = both.seal_cursor(found.moved(AT._replace(revision=8)))
    assert other.open_cursor(moved) is not None


@pytest.mark.parametrize(
    "stored",
    [b"", b"1:2:3", b":::::", b"00:1:1:00:00", b"\xff", STORED_CURSOR.rpartition(b":")[0]],
    ids=["empty", "short", "colons", "former release's", "no text", "without its tag"],
)
def test_what_is_no_cursor_of_ours_is_refused(stored: bytes) -> None:
    with pytest.raises(ForgedValue):
        FORMAT.open_cursor(stored)


def test_what_this_process_wrote_is_not_older_afterwards() -> None:
    written = WriteProgress()
    assert written.least(CURSOR, KEY_OF_IT) == 0
    written.note(CURSOR, [KEY_OF_IT])
    written.note(CURSOR.moved(AT._replace(revision=6)), [KEY_OF_IT])
    assert written.least(CURSOR, KEY_OF_IT) == AT.revision
    assert FORMAT.open(CURSOR, KEY_OF_IT, STORED, AT.revision) == VALUE.payload
    assert FORMAT.open(CURSOR, KEY_OF_IT, STORED, AT.revision + 1) is None
    other = CacheCursor.fresh(CURSOR.registry_id, AT)
    assert written.least(other, KEY_OF_IT) == 0, "another generation's revisions are its own"
    written.note(CURSOR, map(str, range(NOTED_KEYS_MAX)))
    assert written.least(CURSOR, KEY_OF_IT) == 0, "the one that was written longest ago goes"
    assert written.least(CURSOR, "0") == AT.revision
