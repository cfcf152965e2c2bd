"""CQAR for programs: `cqar.Client`, `cqar.AsyncClient`, `cqar.Replica`; docs/SDK.md shows them.

Names are imported when they are first used: `import cqar` is cheap, a client imports nothing that
only a replica needs, and `cqar --help` does not wait for gRPC.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cqar.integrations.ccxt import ccxt_market, ccxt_markets
    from cqar.integrations.nautilus import instrument
    from cqar.local_replica.local_replica import LocalReplica
    from cqar.replica.replica import Replica
    from cqar.sdk.changes import Change, ChangeSet, Update
    from cqar.sdk.client import AsyncClient, Client
    from cqar.sdk.conversion import Conversion
    from cqar.sdk.decision_methods import Decided, TurnedListing
    from cqar.sdk.enums import (
        AssetClass,
        ContractKind,
        Environment,
        ExerciseStyle,
        Intent,
        MarketStatus,
        OptionType,
        OrderKind,
        OrderUnit,
        SettlementMethod,
        Severity,
        Side,
        Source,
        SpecsSource,
        State,
        Status,
        SymbolType,
        UnderlyingClass,
    )
    from cqar.sdk.errors import (
        AlreadyExists,
        Busy,
        ChangedMeanwhile,
        CqarError,
        Denied,
        EpochChanged,
        InvalidRequest,
        NotConvertible,
        NotFound,
        NotKept,
        NotReady,
        Refused,
        StepsUnknown,
        TimedOut,
        Unsupported,
        Violation,
    )
    from cqar.sdk.market_table import Markets
    from cqar.sdk.products import (
        AssetRef,
        ComboLeg,
        ScheduledChange,
        SymbolRef,
        TradingPhase,
        VenueRef,
    )
    from cqar.sdk.reject_reports import RejectReport
    from cqar.sdk.results import (
        AssetAnswer,
        Deployment,
        Flag,
        Freshness,
        Group,
        Member,
        Miss,
        OrderCheck,
        PastResolution,
        Permission,
        Reason,
        Resolution,
        ResolverStatus,
        Spelling,
        Succession,
        Tradeable,
    )
    from cqar.sdk.session_position import Position
    from cqar.sdk.specs import Specs, TickBand
    from cqar.sdk.write_requests import Written
    from cqar.sdk.writer import ANY_REVISION, Applied, AsyncWriter, Writer

__all__ = [
    "ANY_REVISION",
    "AlreadyExists",
    "Applied",
    "AssetAnswer",
    "AssetClass",
    "AssetRef",
    "AsyncClient",
    "AsyncWriter",
    "Busy",
    "Change",
    "ChangeSet",
    "ChangedMeanwhile",
    "Client",
    "ComboLeg",
    "ContractKind",
    "Conversion",
    "CqarError",
    "Decided",
    "Denied",
    "Deployment",
    "Environment",
    "EpochChanged",
    "ExerciseStyle",
    "Flag",
    "Freshness",
    "Group",
    "Intent",
    "InvalidRequest",
    "LocalReplica",
    "MarketStatus",
    "Markets",
    "Member",
    "Miss",
    "NotConvertible",
    "NotFound",
    "NotKept",
    "NotReady",
    "OptionType",
    "OrderCheck",
    "OrderKind",
    "OrderUnit",
    "PastResolution",
    "Permission",
    "Position",
    "Reason",
    "Refused",
    "RejectReport",
    "Replica",
    "Resolution",
    "ResolverStatus",
    "ScheduledChange",
    "SettlementMethod",
    "Severity",
    "Side",
    "Source",
    "Specs",
    "SpecsSource",
    "Spelling",
    "State",
    "Status",
    "StepsUnknown",
    "Succession",
    "SymbolRef",
    "SymbolType",
    "TickBand",
    "TimedOut",
    "Tradeable",
    "TradingPhase",
    "TurnedListing",
    "UnderlyingClass",
    "Unsupported",
    "Update",
    "VenueRef",
    "Violation",
    "Writer",
    "Written",
    "__version__",
    "ccxt_market",
    "ccxt_markets",
    "instrument",
]

#: Module below `cqar` -> its public names.
_PUBLIC: Final = {
    "integrations.ccxt": ("ccxt_market", "ccxt_markets"),
    "sdk.changes": ("Change", "ChangeSet", "Update"),
    "sdk.client": ("AsyncClient", "Client"),
    "sdk.conversion": ("Conversion",),
    "sdk.errors": (
        *(
            "AlreadyExists",
            "ChangedMeanwhile",
            "Refused",
            "Busy",
            "CqarError",
            "Denied",
            "EpochChanged",
            "InvalidRequest",
            "NotFound",
            "NotKept",
        ),
        *("NotConvertible", "NotReady", "StepsUnknown", "TimedOut", "Unsupported", "Violation"),
    ),
    "sdk.market_table": ("Markets",),
    "local_replica.local_replica": ("LocalReplica",),
    "integrations.nautilus": ("instrument",),
    "sdk.reject_reports": ("RejectReport",),
    "sdk.session_position": ("Position",),
    "replica.replica": ("Replica",),
    "sdk.decision_methods": ("Decided", "TurnedListing"),
    "sdk.write_requests": ("Written",),
    "sdk.writer": ("ANY_REVISION", "Applied", "AsyncWriter", "Writer"),
    "sdk.products": (
        *("AssetRef", "ComboLeg", "ScheduledChange", "SymbolRef", "TradingPhase", "VenueRef"),
    ),
    "sdk.results": (
        *("AssetAnswer", "Deployment", "Flag", "Freshness", "Group", "Member", "Miss"),
        *("OrderCheck", "PastResolution", "Permission", "Reason", "Resolution", "ResolverStatus"),
        *("Spelling", "Succession", "Tradeable"),
    ),
    "sdk.specs": ("Specs", "TickBand"),
    "sdk.enums": (
        *("ContractKind", "Intent", "MarketStatus", "OptionType", "Severity", "Side", "Source"),
        *("SpecsSource", "State", "Status", "SymbolType", "AssetClass", "Environment"),
        *("ExerciseStyle", "OrderKind", "OrderUnit", "SettlementMethod", "UnderlyingClass"),
    ),
}
_MODULE_BY_NAME: Final = {
    name: f"cqar.{module}" for module, names in _PUBLIC.items() for name in names
}

#: Name -> the extra that it needs.
_EXTRAS: Final = {"LocalReplica": "replica", "Replica": "resolver"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("cqar_shared.runtime.version").version()
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module 'cqar' has no attribute {name!r}")
    try:
        value = getattr(import_module(_MODULE_BY_NAME[name]), name)
    except ModuleNotFoundError as error:
        if (extra := _EXTRAS.get(name)) is None:
            raise
        text = import_module("cqar_shared.runtime.optional_extras").missing_message(
            f"cqar.{name}", error, extra
        )
        raise ModuleNotFoundError(text, name=error.name) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_BY_NAME, "__version__"})
