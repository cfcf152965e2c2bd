"""What a change turns before it is made: listings that could be opened, and groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cqc.assets.v1 import quality_flag_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.output import say, table

#: Listings and groups that are named; the number is of all.
NAMED_MAX: Final = 10
#: Statuses that take orders which open a position.
_OPENS: Final = (venue_symbol_pb2.MARKET_STATUS_ONLINE, venue_symbol_pb2.MARKET_STATUS_POST_ONLY)


class Impact(NamedTuple):
    """What a change turns.

    Attributes:
        turns: What becomes of the listings.
        listings, groups: Names of those that it concerns.
    """

    turns: str
    listings: list[str]
    groups: list[str]


def show_impact(impact: Impact) -> None:
    """Say what a change turns, with the first names of each kind."""
    count = len(impact.listings)
    say(f"{count} {'listing' if count == 1 else 'listings'}: {impact.turns}.", bold=True)
    rows = [("listings", _named(impact.listings)), ("groups", _named(impact.groups))]
    if shown := [row for row in rows if row[1]]:
        table("It concerns", ("what", "which"), shown)


def _named(names: list[str]) -> str:
    more = [f"… and {len(names) - NAMED_MAX} more"] if len(names) > NAMED_MAX else []
    return "\n".join([*sorted(names)[:NAMED_MAX], *more])


def of_flag(connection: Connection, request: pb.RaiseQualityFlagRequest) -> Impact | None:
    """A CRITICAL flag denies opening wherever the asset is base, quote or settlement."""
    if request.severity != quality_flag_pb2.FLAG_SEVERITY_CRITICAL:
        return None
    symbols = {
        symbol.symbol_id
        for symbol in _all(connection, "ListSymbols", pb.ListSymbolsRequest(), "symbols")
        if request.asset_id
        in (symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id)
    }
    listings = [v for v in _listings(connection) if v.symbol_id in symbols and v.status in _OPENS]
    found = _all(connection, "ListAssetGroups", pb.ListAssetGroupsRequest(), "groups")
    groups = [g.name for g in found if any(m.asset_id == request.asset_id for m in g.members)]
    return Impact("can be opened no more", _names(listings), groups)


def of_venue(connection: Connection, request: pb.UpdateVenueRequest) -> Impact | None:
    """A venue that is not active takes no orders by CQAR's verdict."""
    if not request.HasField("is_active") or request.is_active:
        return None
    found = _listings(connection, venue_id=request.venue_id)
    listings = [v for v in found if v.status in _OPENS]
    return Impact("can be opened no more", _names(listings), [])


def of_end(connection: Connection, request: pb.DelistVenueSymbolRequest) -> Impact:
    """A listing that ends, with its aliases."""
    spelling = request.venue_symbol
    found = _listings(connection, venue_id=request.venue_id)
    return Impact("end", _names(v for v in found if spelling in (v.venue_symbol, v.alias_of)), [])


def _listings(connection: Connection, **filters: str) -> Iterator[Any]:
    request = pb.ListVenueSymbolsRequest(**filters)  # type: ignore[arg-type]
    return _all(connection, "ListVenueSymbols", request, "venue_symbols")


def _names(listings: Iterable[Any]) -> list[str]:
    return [f"{v.venue_id}/{v.venue_symbol}" for v in listings]


def _all(connection: Connection, rpc: str, request: Any, field: str) -> Iterator[Any]:
    return pagination.entities(connection, getattr(connection.registry, rpc), request, field)
