"""The contract's enumerations as words, which compare, print and encode as text."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word in any case, and with other separators, is the member of that name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Return the member that a word means.

        Raises:
            ValueError: No member is called so; the text names those that there are.
        """
        name = str(value).upper().replace("-", "_").replace(" ", "_")
        if name in cls.__members__:
            return cls[name]
        known = ", ".join(word for word in cls.__members__ if word != "UNSPECIFIED")
        raise ValueError(f"{value!r} is no {cls.__name__}: give one of {known}")


class Status(Word):
    """Whether a spelling is listed: FOUND, or why it means nothing now."""

    FOUND = "FOUND"
    DELISTED = "DELISTED"
    NOT_FOUND = "NOT_FOUND"
    NOT_YET_LISTED = "NOT_YET_LISTED"


class MarketStatus(Word):
    """How a listing trades, according to the venue."""

    UNSPECIFIED = "UNSPECIFIED"
    PREOPEN = "PREOPEN"
    ONLINE = "ONLINE"
    POST_ONLY = "POST_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"
    DELISTED = "DELISTED"
    AUCTION = "AUCTION"
    PRE_MARKET = "PRE_MARKET"
    SETTLING = "SETTLING"
    SELL_ONLY = "SELL_ONLY"


class SymbolType(Word):
    UNSPECIFIED = "UNSPECIFIED"
    SPOT = "SPOT"
    PERPETUAL = "PERPETUAL"
    FUTURE = "FUTURE"
    OPTION = "OPTION"
    MARGIN = "MARGIN"
    COMBO = "COMBO"


class ContractKind(Word):
    """What a contract pays in: LINEAR in quote, INVERSE in base, QUANTO in a third asset."""

    UNSPECIFIED = "UNSPECIFIED"
    LINEAR = "LINEAR"
    INVERSE = "INVERSE"
    QUANTO = "QUANTO"


class OrderUnit(Word):
    """What the quantity of an order counts: units of the base, of the quote, or contracts."""

    UNSPECIFIED = "UNSPECIFIED"
    BASE = "BASE"
    QUOTE = "QUOTE"
    CONTRACT = "CONTRACT"


class UnderlyingClass(Word):
    """What the price of a product is of."""

    UNSPECIFIED = "UNSPECIFIED"
    CRYPTO = "CRYPTO"
    EQUITY = "EQUITY"
    FUND = "FUND"
    COMMODITY = "COMMODITY"
    INDEX = "INDEX"
    FX = "FX"
    RATE = "RATE"
    VOLATILITY = "VOLATILITY"
    EVENT = "EVENT"
    PRE_IPO = "PRE_IPO"


class SettlementMethod(Word):
    UNSPECIFIED = "UNSPECIFIED"
    CASH = "CASH"
    PHYSICAL = "PHYSICAL"


class ExerciseStyle(Word):
    UNSPECIFIED = "UNSPECIFIED"
    EUROPEAN = "EUROPEAN"
    AMERICAN = "AMERICAN"


class AssetClass(Word):
    """What kind of thing an asset is."""

    UNSPECIFIED = "UNSPECIFIED"
    CRYPTO = "CRYPTO"
    FIAT = "FIAT"
    EQUITY = "EQUITY"
    FUND = "FUND"
    COMMODITY = "COMMODITY"
    INDEX = "INDEX"
    RATE = "RATE"
    EVENT = "EVENT"


class Environment(Word):
    """A venue's environment; a testnet is another venue."""

    UNSPECIFIED = "UNSPECIFIED"
    PRODUCTION = "PRODUCTION"
    TESTNET = "TESTNET"
    DEMO = "DEMO"


class OptionType(Word):
    UNSPECIFIED = "UNSPECIFIED"
    CALL = "CALL"
    PUT = "PUT"


class SpecsSource(Word):
    """Whose steps: VENUE: all the venue's own; SYMBOL: one or more are defaults, not for orders."""

    UNSPECIFIED = "UNSPECIFIED"
    VENUE = "VENUE"
    SYMBOL = "SYMBOL"


class State(Word):
    """How current a resolver's memory is; only LIVE is confirmed against the registry's head."""

    UNSPECIFIED = "UNSPECIFIED"
    HYDRATING = "HYDRATING"
    LIVE = "LIVE"
    STALE = "STALE"
    LAST_GOOD = "LAST_GOOD"


class Severity(Word):
    """A quality flag's severity; CRITICAL stops trading of the asset until the flag is resolved."""

    UNSPECIFIED = "UNSPECIFIED"
    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class Source(Word):
    """A data source with asset ids of its own, or a standard of identifiers."""

    COINGECKO = "COINGECKO"
    COINMARKETCAP = "COINMARKETCAP"
    DEFILLAMA = "DEFILLAMA"
    MESSARI = "MESSARI"
    INTERNAL = "INTERNAL"
    FIGI = "FIGI"
    DTI = "DTI"
    ISIN = "ISIN"
    CAIP19 = "CAIP19"
    CFI = "CFI"
    MIC = "MIC"


class Side(Word):
    BUY = "buy"
    SELL = "sell"


class Intent(Word):
    """An order's purpose: OPEN or enlarge a position, POST_ONLY as a maker, REDUCE a position."""

    OPEN = "open"
    POST_ONLY = "post_only"
    REDUCE = "reduce"


class OrderKind(Word):
    """Which of the venue's limits bind an order; a market order has no price."""

    LIMIT = "limit"
    MARKET = "market"
