"""What one request's rules may look at, and who refers to what within it."""

from __future__ import annotations

import pytest

from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.domain.working_set import LookupKey, Stored, WorkingSet
from cqar_shared.errors import TooLarge
from tests.support.entity_builders import BTC, ETH, NOW, a_group, a_symbol, a_venue_symbol, an_id


def test_lookups_that_come_upon_too_many_entities_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqar_shared.domain.working_set.LOOKED_AT_MAX", 1_000)
    seen = WorkingSet(NOW)
    find = LookupKey(VENUE_SYMBOL.name, "spelling", ("binance", "BTCUSDT"))
    keys = [an_id(f"period {number}") for number in range(100)]
    for key in keys:
        period = a_venue_symbol(listing_id=key)
        seen.know((VENUE_SYMBOL.name, key), Stored(lambda _, it=period: it, 1, b""))
    seen.know_found(find, keys)
    for _ in range(10):
        assert len(list(seen.find(*find[:2], *find.values))) == 100
    with pytest.raises(TooLarge, match="more than 1000 entities are looked at: split"):
        next(seen.find(*find[:2], *find.values))
    # Nor does another round begin anew.
    seen.begin_round()
    with pytest.raises(TooLarge):
        next(seen.find(*find[:2], *find.values))


def test_what_a_request_stages_refers_once_to_each_that_it_names() -> None:
    seen = WorkingSet(NOW)
    symbol, group = a_symbol(settlement_asset_id=BTC), a_group(BTC, ETH)
    seen.stage(SYMBOL, symbol.symbol_id, symbol)
    seen.stage(ASSET_GROUP, group.group_id, group)
    both = [("symbol", symbol.symbol_id), ("asset_group", group.group_id)]
    assert seen.referrers(("asset", BTC)).refs == both
    assert seen.referrers(("asset", ETH)).refs == both[1:]
    seen.begin_round()
    assert seen.referrers(("asset", BTC)).refs == []
