"""Taking a merge back restores what it changed, and leaves alone what changed or came since."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any, Final

import msgspec
import pytest

from cqar_shared.domain.asset_merge import merge_items
from cqar_shared.domain.asset_unmerge import unmerge_items
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.relinking import Moved
from cqar_shared.errors import Invalid
from tests.support.entity_builders import (
    ETH,
    NOW,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_asset_price,
    an_id,
    an_identifier,
)
from tests.support.memory_registry import MemoryRegistry

A, B, C = an_id("lit"), an_id("litentry"), an_id("lighter")
DAY: Final = dt.timedelta(days=1)
ASSETS: Final = (
    *(an_asset("LIT", asset_id=A), an_asset("HEI", asset_id=B), an_asset("LITER", asset_id=C)),
    *(an_asset("USDT"), an_asset("ETH"), a_venue(), a_venue("gate")),
)


class Merged:
    """A registry in which one asset was merged into another, and what that changed."""

    def __init__(self, *entities: Entity) -> None:
        self.registry = MemoryRegistry(*ASSETS)
        self.registry.create(*entities)
        self.before = dict(self.registry.entities)
        self.moved = self.merge(A, B)

    def merge(self, source: str, target: str) -> list[Moved]:
        outcomes = self._planned(partial(merge_items, source, target))
        return [Moved(o.kind.name, o.key, o.before, o.after) for o in outcomes if o.changes]

    def unmerge(self) -> None:
        self._planned(partial(unmerge_items, A, self.moved))

    def _planned(self, plan: Any) -> Any:
        self.registry.now += DAY
        outcomes = self.registry.apply_planned(plan)
        assert not [(o.kind.name, o.violations) for o in outcomes if o.error]
        self.registry.now += DAY
        return outcomes

    def changed(self, kind: str, key: str, **changes: Any) -> None:
        entity = self.registry.entities[kind, key]
        self.registry.entities[kind, key] = msgspec.structs.replace(entity, **changes)

    def of(self, kind: str, key: str) -> Any:
        return self.registry.entities[kind, key]


def bare(entities: dict[Any, Any]) -> dict[Any, Any]:
    return {
        ref: msgspec.structs.replace(entity, updated_at=None)
        if hasattr(entity, "updated_at")
        else entity
        for ref, entity in entities.items()
    }


def test_everything_is_as_it_was() -> None:
    symbol, twin = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    merged = Merged(
        a_chain(native_asset_id=A),
        a_deployment(asset_id=A),
        an_identifier(asset_id=A, is_primary=True),
        *(a_relationship(A, ETH), a_relationship(B, ETH)),
        a_group(A, B, ETH),
        a_flag(asset_id=A),
        *(symbol, twin),
        a_venue_asset(asset_id=A, venue_asset_symbol="LIT"),
        a_venue_asset(asset_id=B, venue_asset_symbol="HEI"),
        a_venue_asset(venue_id="gate", asset_id=A, venue_asset_symbol="LIT"),
        an_asset_price(asset_id=A),
        a_venue_symbol(symbol_id=symbol.symbol_id, venue_symbol="LITUSDT", listing_id=an_id("l")),
        a_venue_symbol(symbol_id=twin.symbol_id, venue_symbol="HEIUSDT", listing_id=an_id("h")),
    )
    assert bare(merged.registry.entities) != bare(merged.before)
    merged.unmerge()
    assert bare(merged.registry.entities) == bare(merged.before)


def test_what_changed_since_stays() -> None:
    symbol, twin = a_symbol(base_asset_id=A), a_symbol(base_asset_id=B)
    merged = Merged(
        *(symbol, twin),
        a_flag(asset_id=A),
        a_venue_asset(venue_id="gate", asset_id=A, venue_asset_symbol="LIT"),
        a_venue_symbol(symbol_id=symbol.symbol_id, venue_symbol="LITUSDT", listing_id=an_id("l")),
    )
    merged.changed("quality_flag", an_id("flag"), resolved_by="ops", resolution_notes="refunded")
    merged.changed("venue_asset", f"gate/{B}", deposit_enabled=False)
    merged.changed("venue_symbol", an_id("l"), delisted_at=NOW + DAY)
    merged.unmerge()
    assert merged.of("quality_flag", an_id("flag")).resolved_by == "ops"
    assert merged.of("venue_asset", f"gate/{A}").deposit_enabled is False
    listing = merged.of("venue_symbol", an_id("l"))
    assert (listing.symbol_id, listing.delisted_at) == (symbol.symbol_id, NOW + DAY)


def test_what_came_since_stays_with_the_target() -> None:
    symbol = a_symbol(base_asset_id=A)
    merged = Merged(
        symbol,
        a_venue_symbol(symbol_id=symbol.symbol_id, venue_symbol="LITUSDT", listing_id=an_id("l")),
    )
    new = a_venue_symbol(
        venue_id="gate",
        symbol_id=symbol.symbol_id,
        venue_symbol="HEI_USDT",
        listing_id=an_id("h"),
    )
    merged.registry.create(new, an_identifier(asset_id=B, external_id="heima"))
    merged.unmerge()
    assert merged.of("venue_symbol", an_id("l")).symbol_id == symbol.symbol_id
    assert merged.of("symbol", symbol.symbol_id).base_asset_id == A
    own = merged.of("symbol", merged.of("venue_symbol", an_id("h")).symbol_id)
    assert own.base_asset_id == B
    assert merged.of("asset_identifier", an_id("identifier")).asset_id == B


def test_what_was_merged_further_is_unmerged_first() -> None:
    merged = Merged()
    merged.merge(B, C)
    with pytest.raises(Invalid, match="unmerge .* first"):
        merged.unmerge()
