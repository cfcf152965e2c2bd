"""What the registry answers, as values: frozen, comparable, and encodable by msgspec.

Nothing here does I/O; `cqar.sdk.decoding` makes these from the contract's messages.
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
        staleness_ms: Upper bound for any wall clock; None: no bound is known.
    """

    epoch: int
    revision: int
    state: State
    staleness_ms: int | None


class Reason(msgspec.Struct, frozen=True):
    """Why something is not allowed, and which entity is to blame; `code` is stable."""

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
    """May orders be sent now? Fails closed: an answer that may be stale allows no opening.

    It is true, as in `if found.tradeable:`, only where opening is allowed.

    Attributes:
        open: Open or enlarge a position with any order.
        post_only: The same, with orders that only add liquidity.
        reduce: Get out of a position.
        cancel: Take an order back.
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
        """Why not to open."""
        return self.open.reasons


class AssetRef(msgspec.Struct, frozen=True):
    """An asset's id, which is what to compare, and its ticker, which is for people."""

    asset_id: str
    symbol: str
    name: str
    unverified: bool


class SymbolRef(msgspec.Struct, frozen=True):
    """The canonical product. `symbol` is for people: BTC/USDT:USDT; the id is for programs.

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
        status: FOUND; DELISTED: it meant this until `delisted_at`, and means nothing now.
        alias_of: The primary spelling that this one stands for, whose steps and status these are.
        maker_fee, taker_fee: Fractions: 0.001 is 0.1 %; rebates are negative. None: not known.
        reader: `ccxt, unreviewed` where an import took the listing from ccxt, and nobody has
            compared what ccxt reads of such markets with the venue's records; else None.
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
    """What a venue's spelling meant at an instant of the past. Nothing says what might be traded.

    Attributes:
        status: FOUND; DELISTED: it had meant this last; NOT_YET_LISTED: it would mean this first.
        market_status: None, as are fees and `specs`: those of that time are not known.
        specs: The venue's own; the symbol's, which have no dates, stand in for none.
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
    """Of a batch: this spelling means nothing, and why."""

    venue_id: str
    venue_symbol: str
    reason: Reason
    freshness: Freshness

    @property
    def status(self) -> Literal[Status.NOT_FOUND]:
        return Status.NOT_FOUND


class Spelling(msgspec.Struct, frozen=True):
    """How a venue writes a symbol now."""

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
        address: None for the chain's own coin.
        decimals: Units of the chain in one unit of the asset, as a power of ten.
    """

    chain_id: str
    chain_name: str
    address: str | None
    decimals: int
    is_canonical: bool
    is_native: bool


class Flag(msgspec.Struct, frozen=True):
    """A warning about an asset that stands. `flag_type` is the contract's word, such as SCAM."""

    flag_id: str
    flag_type: str
    severity: Severity
    source: str
    reason: str


class AssetAnswer(msgspec.Struct, frozen=True):
    """The asset that is meant; CRITICAL flags, and staleness, deny trading."""

    asset: AssetRef
    asset_type: str
    category: str
    deployments: tuple[Deployment, ...]
    active_flags: tuple[Flag, ...]
    tradeable: Permission
    freshness: Freshness


class Member(msgspec.Struct, frozen=True):
    """An asset of a group. `weight` is exact; None where it has none."""

    asset: AssetRef
    weight: Decimal | None
    active_flags: tuple[Flag, ...]


class Group(msgspec.Struct, frozen=True):
    group_id: str
    name: str
    members: tuple[Member, ...]
    freshness: Freshness


class OrderCheck(msgspec.Struct, frozen=True):
    """May this order be sent, and as what?

    It is true, as in `if client.check_order(…):`, only where the order is allowed.

    Attributes:
        price: Rounded to the passive side; None if none was given, or its tick is not known.
        quantity: Rounded down; None likewise.
        notional: In quote units; None where it cannot be known.
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
        lag: Revisions behind the newest head heard of.
        counts: Live entities by kind; empty while it loads.
        hydrated_from: postgres, redis or file; empty while it loads.
        reason: Why the state is what it is.
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
