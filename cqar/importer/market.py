"""One market as a venue states it: our words, the venue's codes, and None where it is silent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    ExerciseStyleCode,
    OptionTypeCode,
    SettlementMethodCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_asset import AssetNetwork
from cqar_shared.domain.kinds.venue_symbol import (
    MarketStatusCode,
    OrderUnitCode,
    SpellingChannelCode,
)


class Code(msgspec.Struct, frozen=True):
    """What a venue calls an asset.

    Attributes:
        venue: The venue's own code, exactly: XXBT, kPEPE, USDT.
        ticker: How the venue's documentation reads it: BTC for Kraken's XXBT. The code itself
            where nothing says otherwise.
        name: The asset's full name, if the record states it.
    """

    venue: str
    ticker: str = ""
    name: str | None = None

    def __post_init__(self) -> None:
        if not self.ticker:
            msgspec.structs.force_setattr(self, "ticker", self.venue)


class Alias(msgspec.Struct, frozen=True):
    """Another spelling of the market at the venue; `channel` says where it is used, if known."""

    spelling: str
    channel: SpellingChannelCode | None = None


class Band(msgspec.Struct, frozen=True):
    """The tick of prices from `from_price` (inclusive) up to the next band."""

    from_price: Decimal
    tick_size: Decimal


class Phase(msgspec.Struct, frozen=True):
    """A phase of trading that the record states with its times."""

    status: MarketStatusCode
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None


class Leg(msgspec.Struct, frozen=True):
    """One leg of a combination: a spelling at the venue and its signed ratio."""

    spelling: str
    ratio: Decimal


class Scheduled(msgspec.Struct, frozen=True):
    """A change of one term that the venue announces.

    Attributes:
        field: A term of a listing, such as `tick_size`, or `status`.
        value: Its value from then on, as text: a plain decimal, or a status's name.
    """

    effective_at: dt.datetime
    field: str
    value: str


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """A market. Every field but the first four may be None: the record does not state it.

    Attributes:
        spelling: The spelling that orders name it by.
        base, quote, settlement: What it is of, what it is valued in, what a contract pays in.
            A spot market has no settlement of its own.
        price: What prices are in, where that is not the quote: an option on BTC/USD whose premium
            is in BTC.
        underlying_class: What the price is of, if the record says so in words (or the venue's
            documentation says it of the whole product line).
        underlying: The name of the index or the asset that the price follows, as stated.
        contract_kind: LINEAR pays in the quote, INVERSE in the base, QUANTO in a third asset.
        expiry: When a future or an option expires; never of a perpetual.
        last_trade_at: The last instant of trading, where it is stated beside the expiry.
        status: None if the record states none. A word that the reader does not know makes the
            record unreadable instead.
        delisted_at: Where the record says that the market is over, when it ended, if stated.
        ends_at: An announced end that is stated, past or to come. For a perpetual or spot market.
        listed_at: The venue's own date of the listing.
        trading_starts_at: When continuous trading starts or started, where stated beside it.
        is_secondary: It trades beside another listing of the same symbol that is the usual one.
        order_unit: What the quantity on an order counts: BASE, QUOTE or CONTRACT.
        contract_size: Base units in one contract (LINEAR), quote units (INVERSE), units of the
            settlement asset a unit of price (QUANTO). None of a market whose orders are in BASE
            or QUOTE, unless one lot is called a contract there.
        unit_multiplier: Canonical units of the coin in one unit of the base, where the record
            states it; `multiple_of` is then the coin's code.
        tick_size, lot_size, min_order_size, max_order_size: Of limit orders, in units of the
            price and of `order_unit`.
        market_lot_size, market_min_size, market_max_size: The same of market orders, where the
            record states them apart.
        min_notional, max_notional: Of limit orders, in the unit of price times quantity.
        market_min_notional, market_max_notional: Of market orders, where they apply to them.
        bid_multiplier_up … ask_multiplier_down: A limit order's price may be at most (up) and at
            least (down) this many times a reference price.
        price_significant_digits: The largest number of significant digits of a price.
        maker_fee, taker_fee: Fractions: 0.001 is 0.1 %; a rebate is negative.
        initial_margin_rate, maintenance_margin_rate: Of the first tier; fractions.
        permission_groups: An account needs one of each set.
        quote_alternatives: Codes of assets that the market may also be settled in.
        order_types, time_in_force: Words of the venue in upper case; `LIMIT` and `MARKET` are
            always called so. None: not stated.
    """

    spelling: str
    symbol_type: SymbolTypeCode
    base: Code
    quote: Code
    settlement: Code | None = None
    price: Code | None = None
    underlying_class: UnderlyingClassCode | None = None
    underlying: str | None = None
    contract_kind: ContractKindCode | None = None
    expiry: dt.datetime | None = None
    last_trade_at: dt.datetime | None = None
    strike: Decimal | None = None
    option_type: OptionTypeCode | None = None
    exercise_style: ExerciseStyleCode | None = None
    settlement_method: SettlementMethodCode | None = None
    status: MarketStatusCode | None = None
    listed_at: dt.datetime | None = None
    delisted_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    trading_starts_at: dt.datetime | None = None
    phases: tuple[Phase, ...] = ()
    scheduled: tuple[Scheduled, ...] = ()
    aliases: tuple[Alias, ...] = ()
    is_secondary: bool = False
    legs: tuple[Leg, ...] = ()
    order_unit: OrderUnitCode | None = None
    contract_size: Decimal | None = None
    unit_multiplier: Decimal | None = None
    multiple_of: Code | None = None
    tick_size: Decimal | None = None
    tick_bands: tuple[Band, ...] = ()
    price_significant_digits: int | None = None
    lot_size: Decimal | None = None
    min_order_size: Decimal | None = None
    max_order_size: Decimal | None = None
    market_lot_size: Decimal | None = None
    market_min_size: Decimal | None = None
    market_max_size: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    market_min_notional: Decimal | None = None
    market_max_notional: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    bid_multiplier_up: Decimal | None = None
    bid_multiplier_down: Decimal | None = None
    ask_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    max_leverage: Decimal | None = None
    initial_margin_rate: Decimal | None = None
    maintenance_margin_rate: Decimal | None = None
    funding_interval_s: int | None = None
    permission_groups: tuple[tuple[str, ...], ...] = ()
    quote_alternatives: tuple[str, ...] = ()
    order_types: tuple[str, ...] | None = None
    time_in_force: tuple[str, ...] | None = None


class Currency(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of a code in its list of currencies; None: it does not say.

    Attributes:
        code: The venue's own code, exactly.
        name: The full name.
        networks: On which it is moved, with the contract addresses as the venue writes them.
        contracts: Contract addresses that the venue states without a network. Only texts of the
            form of an address: a venue that states none writes a word in its place.
        units: Codes of small units that the venue counts it in, such as LAMp of SOL.
    """

    code: str
    name: str | None = None
    networks: tuple[AssetNetwork, ...] = ()
    contracts: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    deposit_enabled: bool | None = None
    withdraw_enabled: bool | None = None


class LastPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticker says of a spelling.

    Attributes:
        spelling: One of the market's spellings at the venue.
        price: The last price, in the venue's own units; None: zero, or not stated.
        at: The ticker's own instant, if it states one.
        is_idle: Whether it states that nothing was traded in its period, usually a day: its price
            is one of some other time.
    """

    spelling: str
    price: Decimal | None = None
    at: dt.datetime | None = None
    is_idle: bool = False


class UnsupportedRecord(msgspec.Struct, frozen=True):
    """A record that is understood and that the registry cannot express.

    Attributes:
        kind: A word for counting: INDEX, BORROWING, TEST, LEVERAGED_TOKEN, MOVE, BASKET…
        reason: For people.
    """

    spelling: str
    kind: str
    reason: str = ""


class UnreadableRecord(ValueError):
    """A record that does not say what it must, or says it in a word that is not known."""
