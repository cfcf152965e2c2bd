"""An option that expires and is archived, with its market, at a clock that is moved by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import (
    USDT,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.spelling_histories import BEGIN, HOUR

DAY: Final = dt.timedelta(days=1)
EXPIRY: Final = BEGIN + 90 * DAY
AFTER: Final = 30 * DAY
OPTION: Final = a_symbol(
    symbol_type=SymbolTypeCode.OPTION,
    expiry=EXPIRY,
    strike_price=Decimal(60_000),
    option_type=OptionTypeCode.CALL,
    settlement_asset_id=USDT,
)
SPELLING: Final = "BTC-240329-60000-C"
SPELLED: Final = {"venue_id": "deribit", "venue_symbol": SPELLING}
LISTED: Final = a_venue_symbol(
    listing_id=an_id("option at deribit"),
    **SPELLED,
    symbol_id=OPTION.symbol_id,
    listed_at=BEGIN + DAY,
)
MARKET: Final = (an_asset(), an_asset("USDT"), a_venue(), a_venue("deribit"), a_symbol())


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> dt.datetime:
        return self.now


async def tell(mutations: Mutations, *entities: Entity) -> int:
    applied = await mutations.apply([upsert(one) for one in entities], CAUSE, historical=True)
    assert [str(o.error) for o in applied.outcomes if o.error] == []
    return applied.revision


async def archive_option(mutations: Mutations, archiving: Archiver, clock: Clock) -> None:
    """Create the market, and let the option and its listing expire and be archived."""
    await commit(mutations, *MARKET, OPTION)
    await commit(mutations, LISTED)
    clock.now = EXPIRY + AFTER + HOUR
    assert await archiving.step() == 2
