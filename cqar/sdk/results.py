"""The registry's answers as values: frozen, comparable, and encodable by msgspec.

Nothing here does I/O; `cqar.sdk.decoding` makes the values from the contract's messages.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from cqar.sdk.enums import (
    ContractKind,
    MarketStatus,
    OptionType,
    Severity,
    State,
    Status,
    SymbolType,
)
from cqar.sdk.specs import Specs


class Freshness(msgspec.Struct, frozen=True):
    """How current an answer is.

    Attributes:
        staleness_ms: Upper bound of the age, whatever the wall clock says; None: no bound is known.
    """

    epoch: int
    revision: int
    state: State
    staleness_ms: int | None


class Reason(msgspec.Struct, frozen=True):
    """Why something is not allowed, and which entity is the cause; `code` is stable."""

    code: str
    kind: str
    key: str
    message: str


class Permission(msgspec.Struct, frozen=True):
    """Whether something is allowed, and if not, every reason why."""

    allowed: bool
    reasons: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed


class Tradeable(msgspec.Struct, frozen=True):
    """Whether orders may be sent now. It fails closed: a stale answer allows no opening.

    It is true, as in `if resolution.tradeable:`, only if opening is allowed.

    Attributes:
        open: Open or enlarge a position with any order.
        post_only: Open or enlarge a position with orders that only add liquidity.
        reduce: Reduce or close a position.
        cancel: Cancel an order.
    """

    open: Permission
    post_only: Permission
    reduce: Permission
    cancel: Permission

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def allowed(self) -> bool:
        return self.open.allowed

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why opening is not allowed."""
        return self.open.reasons


class AssetRef(msgspec.Struct, frozen=True):
    """An asset: compare `asset_id`; `symbol` and `name` are for people."""

    asset_id: str
    symbol: str
    name: str
    unverified: bool


class SymbolRef(msgspec.Struct, frozen=True):
    """The canonical product: compare `symbol_id`; `symbol`, as BTC/USDT:USDT, is for people.

    Attributes:
        expiry: Of a FUTURE or an OPTION.
        strike_price, option_type: Of an OPTION.
    """

    symbol_id: str
    symbol: str
    symbol_type: SymbolType
    contract_kind: ContractKind
    expiry: dt.datetime | None
    strike_price: Decimal | None
    option_type: OptionType | None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue's spelling means, how it trades, and how current that is.

    Attributes:
        status: FOUND, or DELISTED: the spelling meant this until `delisted_at`, and nothing now.
        alias_of: The primary spelling that this one stands for, and whose steps and status apply.
        maker_fee, taker_fee: Fractions: 0.001 is 0.1 %; rebates are negative. None: not known.
        reader: `ccxt, unreviewed` if an import took the listing from ccxt, and ccxt's reading of
            such markets was not compared with the venue's records; else None.
    """

    status: Status
    venue_id: str
    venue_symbol: str
    listing_id: str
    market_status: MarketStatus
    is_primary: bool
    alias_of: str | None
    listed_at: dt.datetime | None
    delisted_at: dt.datetime | None
    maker_fee: Decimal | None
    taker_fee: Decimal | None
    symbol: SymbolRef
    base: AssetRef
    quote: AssetRef
    settlement: AssetRef
    specs: Specs
    tradeable: Tradeable
    freshness: Freshness
    reader: str | None = None


class PastResolution(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue's spelling meant at an instant of the past; it has no trading verdict.

    Attributes:
        status: FOUND; DELISTED: this was its last meaning; NOT_YET_LISTED: this is its first one.
        market_status: None, like fees and `specs`, if the value at that time is not known.
        specs: The venue's own only: the symbol's defaults have no dates.
    """

    status: Status
    venue_id: str
    venue_symbol: str
    listing_id: str
    market_status: MarketStatus | None
    alias_of: str | None
    listed_at: dt.datetime | None
    delisted_at: dt.datetime | None
    terms_since: dt.datetime | None
    maker_fee: Decimal | None
    taker_fee: Decimal | None
    symbol: SymbolRef
    base: AssetRef
    quote: AssetRef
    settlement: AssetRef
    specs: Specs | None
    freshness: Freshness
    reader: str | None = None


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a batch whose spelling means nothing, and why."""

    venue_id: str
    venue_symbol: str
    reason: Reason
    freshness: Freshness

    @property
    def status(self) -> Literal[Status.NOT_FOUND]:
        return Status.NOT_FOUND


class Spelling(msgspec.Struct, frozen=True):
    """A venue's current spelling of a symbol."""

    venue_id: str
    venue_symbol: str
    listing_id: str
    symbol_id: str
    market_status: MarketStatus
    is_primary: bool
    alias_of: str | None


class Deployment(msgspec.Struct, frozen=True):
    """An asset on a chain.

    Attributes:
        address: None for the chain's native coin.
        decimals: One unit of the asset is 10 ** decimals of the chain's smallest unit.
    """

    chain_id: str
    chain_name: str
    address: str | None
    decimals: int
    is_canonical: bool
    is_native: bool


class Flag(msgspec.Struct, frozen=True):
    """An active warning about an asset. `flag_type` is the contract's word, such as SCAM."""

    flag_id: str
    flag_type: str
    severity: Severity
    source: str
    reason: str


class AssetAnswer(msgspec.Struct, frozen=True):
    """An asset with its deployments and flags; CRITICAL flags and staleness deny trading."""

    asset: AssetRef
    asset_type: str
    category: str
    deployments: tuple[Deployment, ...]
    active_flags: tuple[Flag, ...]
    tradeable: Permission
    freshness: Freshness


class Member(msgspec.Struct, frozen=True):
    """An asset of a group. `weight` is exact; None if the member has none."""

    asset: AssetRef
    weight: Decimal | None
    active_flags: tuple[Flag, ...]


class Group(msgspec.Struct, frozen=True):
    group_id: str
    name: str
    members: tuple[Member, ...]
    freshness: Freshness


class OrderCheck(msgspec.Struct, frozen=True):
    """An order's verdict, and the order rounded to the venue's tick and lot.

    It is true, as in `if client.check_order(…):`, only if the order is allowed.

    Attributes:
        price: Rounded to the passive side; None if none was given or the tick is not known.
        quantity: Rounded down; None if none was given or the lot is not known.
        notional: In quote units; None if it cannot be computed.
    """

    allowed: bool
    reasons: tuple[Reason, ...]
    price: Decimal | None
    quantity: Decimal | None
    notional: Decimal | None
    freshness: Freshness

    def __bool__(self) -> bool:
        return self.allowed


class ResolverStatus(msgspec.Struct, frozen=True):
    """What a resolver holds, and how far behind it may be.

    Attributes:
        lag: Revisions behind the newest known head.
        counts: Live entities by kind; empty while it loads.
        hydrated_from: postgres, redis or file; empty while it loads.
        reason: Why `freshness.state` is what it is.
    """

    freshness: Freshness
    lag: int
    counts: dict[str, int]
    hydrated_from: str
    memory_bytes: int
    version: str
    reason: str

    @property
    def is_complete(self) -> bool:
        """Whether it answers from memory."""
        return self.freshness.state not in (State.HYDRATING, State.UNSPECIFIED)
