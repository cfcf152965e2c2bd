"""What is sent to the writer together: as much as one revision carries, and nothing lost."""

from __future__ import annotations

import pytest

from cqar.importer.apply import BATCH_BYTES_MAX, batches, item_of
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from tests.support.entity_builders import a_venue_asset, an_asset, an_id


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


def test_a_new_asset_is_in_one_batch_with_its_code_so_that_no_interruption_parts_them() -> None:
    items = []
    for number in range(1_500):
        asset = an_asset(f"A{number:04}")
        code = a_venue_asset(asset_id=an_id(f"a{number:04}"), venue_asset_symbol=asset.symbol)
        items += [item_of(ASSET, asset, None), item_of(VENUE_ASSET, code, None)]
    for batch in batches(items[1:]):
        held = {item.asset.asset_id for item in batch if item.HasField("asset")}
        codes = {item.venue_asset.asset_id for item in batch if item.HasField("venue_asset")}
        assert codes - {an_id("a0000")} == held
