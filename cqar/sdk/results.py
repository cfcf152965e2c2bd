"""The registry's answers as values: frozen, comparable, and encodable by msgspec.

Nothing here does I/O; `cqar.sdk.decoding` makes the values from the contract's messages.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

import msgspec

from cqar.sdk.enums import MarketStatus, Severity, State, Status
from cqar.sdk.products import AssetRef, ComboLeg, ScheduledChange, SymbolRef, TradingPhase
from cqar.sdk.shown_result import ShownResult
from cqar.sdk.specs import Specs


class Freshness(ShownResult, frozen=True):
    """How current an answer is.

    Attributes:
        staleness_ms: Upper bound of the age, whatever the wall clock says; None: no bound is known.
    """

    epoch: int
    revision: int
    state: State
    staleness_ms: int | None


class Reason(ShownResult, frozen=True):
    """Why something is not allowed, and which entity is the cause; `code` is stable."""

    code: str
    kind: str
    key: str
    message: str


class Permission(ShownResult, frozen=True):
    """Whether something is allowed, and if not, every reason why."""

    allowed: bool
    reasons: tuple[Reason, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed


class Tradeable(ShownResult, frozen=True):
    """Whether orders may be sent now. It fails closed: a stale answer allows no opening.

    It is true, as in `if resolution.tradeable:`, only if opening is allowed.

    Attributes:
        open: Open or enlarge a position with any order.
        post_only: Open or enlarge a position with orders that only add liquidity.
        reduce: Reduce or close a position.
        cancel: Cancel an order.
        until: The next instant at which `open` turns, by what is known now; None: none is known.
    """

    open: Permission
    post_only: Permission
    reduce: Permission
    cancel: Permission
    until: dt.datetime | None = None

    def __bool__(self) -> bool:
        return self.allowed

    @property
    def allowed(self) -> bool:
        return self.open.allowed

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why opening is not allowed."""
        return self.open.reasons


class Resolution(ShownResult, frozen=True, kw_only=True):
    """What a venue's spelling means, how it trades, and how current that is.

    Attributes:
        status: FOUND, or DELISTED: the spelling meant this until `delisted_at`, and nothing now.
        alias_of: The primary spelling that this one stands for, and whose steps and status apply.
        maker_fee, taker_fee: Fractions: 0.001 is 0.1 %; rebates are negative. None: not known.
        reader: `ccxt, unreviewed` if an import took the listing from ccxt, and ccxt's reading of
            such markets was not compared with the venue's records; else None.
        ends_at: The announced end, which is to come.
        trading_starts_at: When continuous trading starts, where stated beside `listed_at`.
        phases: Phases of trading with their times.
        scheduled: Changes of terms that the venue announced and that are to come; ascending.
        channels: Of an alias, where the venue uses it: REST, WS, WS_V2, FIX, ID.
        permission_groups: Sets of groups; an account needs one group of each set.
        quote_alternatives: The venue's codes of assets that it may also be settled in.
        legs: Of a COMBO.
        doubts: Words such as SOURCE_UNREADABLE that deny opening until they are decided.
        projected: Whether the answer is as of an instant to come, by what is known now.
        facts_as_of: Of this instant is what the registry says of the venue; None: nobody noted it.
        facts_age_ms: How long ago that was when this was answered, in milliseconds.
        canary_group: The resolver's group, if terms here hold for it before they hold for all.
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
    ends_at: dt.datetime | None = None
    trading_starts_at: dt.datetime | None = None
    phases: tuple[TradingPhase, ...] = ()
    scheduled: tuple[ScheduledChange, ...] = ()
    channels: tuple[str, ...] = ()
    permission_groups: tuple[tuple[str, ...], ...] = ()
    quote_alternatives: tuple[str, ...] = ()
    legs: tuple[ComboLeg, ...] = ()
    doubts: tuple[str, ...] = ()
    projected: bool = False
    facts_as_of: dt.datetime | None = None
    facts_age_ms: int | None = None
    canary_group: str | None = None

    def told_again(self, freshness: Freshness, now_ms: int) -> Resolution:
        """The same at another instant, at which it still holds.

        Args:
            now_ms: The instant, in milliseconds since 1970.
        """
        age = self.facts_age_ms
        if self.facts_as_of is not None:
            age = max(0, now_ms - int(self.facts_as_of.timestamp() * 1000))
        return msgspec.structs.replace(self, freshness=freshness, facts_age_ms=age)


class PastResolution(ShownResult, frozen=True, kw_only=True):
    """What a venue's spelling means at an instant other than now; it has no trading verdict.

    Attributes:
        status: FOUND; DELISTED: this was its last meaning; NOT_YET_LISTED: this is its first one.
        market_status: None, like fees and `specs`, if the value at that time is not known.
        specs: The venue's own only: the symbol's defaults have no dates.
        projected: Whether the instant is to come: the answer is what will hold then, by what is
            known now.

    All else is as in a `Resolution`.
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
    ends_at: dt.datetime | None = None
    trading_starts_at: dt.datetime | None = None
    phases: tuple[TradingPhase, ...] = ()
    scheduled: tuple[ScheduledChange, ...] = ()
    channels: tuple[str, ...] = ()
    permission_groups: tuple[tuple[str, ...], ...] = ()
    quote_alternatives: tuple[str, ...] = ()
    legs: tuple[ComboLeg, ...] = ()
    doubts: tuple[str, ...] = ()
    projected: bool = False


class Miss(ShownResult, frozen=True, kw_only=True):
    """A key of a batch whose spelling means nothing, and why."""

    venue_id: str
    venue_symbol: str
    reason: Reason
    freshness: Freshness

    @property
    def status(self) -> Literal[Status.NOT_FOUND]:
        return Status.NOT_FOUND


class Spelling(ShownResult, frozen=True):
    """A venue's current spelling of a symbol.

    Attributes:
        channels: Of an alias, where the venue uses it: REST, WS, WS_V2, FIX, ID; empty: not known.
        ends_at: The announced end, which is to come.
    """

    venue_id: str
    venue_symbol: str
    listing_id: str
    symbol_id: str
    market_status: MarketStatus
    is_primary: bool
    alias_of: str | None
    channels: tuple[str, ...] = ()
    ends_at: dt.datetime | None = None


class Deployment(ShownResult, frozen=True):
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


class Flag(ShownResult, frozen=True):
    """An active warning about an asset. `flag_type` is the contract's word, such as SCAM."""

    flag_id: str
    flag_type: str
    severity: Severity
    source: str
    reason: str


class Succession(ShownResult, frozen=True):
    """What an asset became, or will become.

    Attributes:
        kind: RENAME, SWAP, MERGE or REDENOMINATION; empty if not known.
        rate: Units of the new asset for one of the old one; None: not known.
        effective_at: Since when; None: not known.
    """

    relationship_id: str
    from_asset_id: str
    to_asset_id: str
    kind: str
    rate: Decimal | None
    effective_at: dt.datetime | None


class AssetAnswer(ShownResult, frozen=True):
    """An asset with its deployments and flags; CRITICAL flags and staleness deny trading.

    Attributes:
        successions: What it became, by their instants; those without one last.
    """

    asset: AssetRef
    asset_type: str
    category: str
    deployments: tuple[Deployment, ...]
    active_flags: tuple[Flag, ...]
    tradeable: Permission
    freshness: Freshness
    successions: tuple[Succession, ...] = ()


class Member(ShownResult, frozen=True):
    """An asset of a group. `weight` is exact; None if the member has none."""

    asset: AssetRef
    weight: Decimal | None
    active_flags: tuple[Flag, ...]


class Group(ShownResult, frozen=True):
    group_id: str
    name: str
    members: tuple[Member, ...]
    freshness: Freshness


class OrderCheck(ShownResult, frozen=True):
    """An order's verdict, and the order rounded to the venue's tick and lot.

    It is true, as in `if client.check_order(…):`, only if the order is allowed.

    Attributes:
        price: Rounded to the passive side; None if none was given or the tick is not known.
        quantity: Rounded down; None if none was given or the lot is not known.
        notional: In the unit of prices; of QUANTO contracts in the settlement asset. Of a market
            order at the reference price. None if it cannot be computed.
        facts_age_ms, canary_group: As of a resolution.
    """

    allowed: bool
    reasons: tuple[Reason, ...]
    price: Decimal | None
    quantity: Decimal | None
    notional: Decimal | None
    freshness: Freshness
    facts_age_ms: int | None = None
    canary_group: str | None = None

    def __bool__(self) -> bool:
        return self.allowed


class ResolverStatus(ShownResult, frozen=True):
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
