"""Which messages go together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cqar_shared.messaging.atomic_batch import BYTES_MAX, MESSAGES_MAX, Message, batches_of

SIZES = st.lists(st.sampled_from([0, 1, 700, BYTES_MAX // 3, BYTES_MAX, BYTES_MAX + 1]))


@given(SIZES)
def test_all_come_in_order_and_no_batch_is_larger_than_may_be(sizes: list[int]) -> None:
    messages = [Message(str(number), bytes(size), {}) for number, size in enumerate(sizes)]
    batches = list(batches_of(messages))
    assert [message for batch in batches for message in batch] == messages
    for batch in batches:
        assert batch
        assert len(batch) == 1 or sum(len(m.payload) for m in batch) <= BYTES_MAX


def test_many_small_ones_are_cut_by_their_number() -> None:
    messages = [Message("", b"", {})] * (2 * MESSAGES_MAX + 1)
    assert [len(batch) for batch in batches_of(messages)] == [MESSAGES_MAX, MESSAGES_MAX, 1]
