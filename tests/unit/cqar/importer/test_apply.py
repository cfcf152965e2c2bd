"""What is sent to the writer together: as much as one revision carries, and nothing lost."""

from __future__ import annotations

import pytest

from cqar.importer.apply import BATCH_BYTES_MAX, batches, item_of
from cqar_shared.domain.kinds.asset import ASSET
from tests.support.entity_builders import an_asset


@pytest.mark.parametrize(
    ("count", "note", "sizes"),
    [
        (2_500, "", [1_000, 1_000, 500]),
        (600, "x" * 16_000, [260, 260, 80]),
        (1, "x" * (BATCH_BYTES_MAX + 1), [1]),
        (0, "", []),
    ],
)
def test_a_batch_is_bounded_by_items_and_by_bytes(count: int, note: str, sizes: list[int]) -> None:
    entities = [an_asset(f"A{n:04}", metadata={"note": note}) for n in range(count)]
    items = [item_of(ASSET, entity, None) for entity in entities]
    found = list(batches(items))
    assert [len(batch) for batch in found] == sizes
    assert [item for batch in found for item in batch] == items
