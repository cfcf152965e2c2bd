"""What listings are of and where: assets, symbols, venues; and what a venue states of a listing.

Parts of the answers in `cqar.sdk.results`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from cqar.sdk.enums import (
    AssetClass,
    ContractKind,
    Environment,
    ExerciseStyle,
    MarketStatus,
    OptionType,
    SettlementMethod,
    SymbolType,
    UnderlyingClass,
)
from cqar.sdk.shown_result import ShownResult


class AssetRef(ShownResult, frozen=True):
    """An asset: compare `asset_id`; `symbol` and `name` are for people.

    Attributes:
        asset_class: What kind of thing it is; None: not known.
    """

    asset_id: str
    symbol: str
    name: str
    unverified: bool
    asset_class: AssetClass | None = None


class SymbolRef(ShownResult, frozen=True):
    """The canonical product: compare `symbol_id`; `symbol`, as BTC/USDT:USDT, is for people.

    Attributes:
        expiry: Of a FUTURE or an OPTION.
        strike_price, option_type, exercise_style: Of an OPTION.
        underlying_class: What its price is of; None: not known.
        underlying: The index or asset that its price follows, where that is told apart; of a COMBO
            its name.
        settlement_method: Of a contract; None: not known.
        last_trade_at: The last instant of trading, where that is stated beside the expiry.
        price_asset_id: What prices are in, where that is not the quote: the base of options that
            are priced in it.
    """

    symbol_id: str
    symbol: str
    symbol_type: SymbolType
    contract_kind: ContractKind
    expiry: dt.datetime | None
    strike_price: Decimal | None
    option_type: OptionType | None
    underlying_class: UnderlyingClass | None = None
    underlying: str | None = None
    settlement_method: SettlementMethod | None = None
    exercise_style: ExerciseStyle | None = None
    last_trade_at: dt.datetime | None = None
    price_asset_id: str | None = None


class TradingPhase(ShownResult, frozen=True):
    """A phase of trading as the venue states it; an instant that is None is not known."""

    status: MarketStatus
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None


class ScheduledChange(ShownResult, frozen=True):
    """A change that the venue announced: from this instant on, a term has this value.

    Attributes:
        field: A decimal of the listing, such as `tick_size`; or `status`.
        value: A plain decimal; of a status its word, such as HALTED.
    """

    effective_at: dt.datetime
    field: str
    value: str


class ComboLeg(ShownResult, frozen=True):
    """A leg of a combination: its spelling at the same venue, and how many are bought in one."""

    venue_symbol: str
    ratio: Decimal


class VenueRef(ShownResult, frozen=True, kw_only=True):
    """A venue: one namespace of spellings.

    Attributes:
        venue_type: The contract's word, such as CEX.
        operator: Groups the venues of one operator: binance for binance-usdm; empty: not known.
        environment: None: not known.
        region: A slug, such as eu: where its rules are of; None: not known.
        is_active: False: nothing there may be traded.
    """

    venue_id: str
    name: str
    venue_type: str
    operator: str
    environment: Environment | None
    region: str | None
    is_active: bool
