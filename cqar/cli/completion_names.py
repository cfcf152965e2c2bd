"""What a shell is offered in place of a name: venues, spellings, assets, symbols, groups, RPCs.

A shell waits while a word is completed: the writer has two seconds, and no error is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.admin.rpc_catalog import rpcs as known_rpcs
from cqar.cli.target import Target
from cqar.embedded.failures import EmbeddedError

TIMEOUT_S: Final = 2.0
#: Names that are offered, and entities that are looked through for them.
OFFERED_MAX: Final = 200
LOOKED_AT_MAX: Final = 5_000

Completer = Callable[[click.Context, click.Parameter, str], list[str]]
_Names = Callable[[Connection, click.Context, str], Iterable[str]]


def _completer(names: _Names) -> Completer:
    """Make a completer of what names a writer knows."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            with _target(ctx).to_writer() as connection:
                connection.timeout_s = TIMEOUT_S
                looked_at = islice(names(connection, ctx, incomplete), LOOKED_AT_MAX)
                found = dict.fromkeys(name for name in looked_at if name.startswith(incomplete))
        except (CallFailed, EmbeddedError, click.ClickException, ValueError):
            return []
        return list(islice(found, OFFERED_MAX))

    return complete


def _target(ctx: click.Context) -> Target:
    """The servers that the words before name; an option of the command goes before the root's."""
    root = ctx.find_root()
    given = {name: ctx.params.get(name) or root.params.get(name) or "" for name in Target._fields}
    return Target(**given).with_context()


def _all(connection: Connection, rpc: str, request: Any, field: str) -> Iterator[Any]:
    return pagination.entities(connection, getattr(connection.registry, rpc), request, field)


def _venues(connection: Connection, _: click.Context, __: str) -> Iterator[str]:
    found = _all(connection, "ListVenues", pb.ListVenuesRequest(), "venues")
    return (venue.venue_id for venue in found)


def _chains(connection: Connection, _: click.Context, __: str) -> Iterator[str]:
    found = _all(connection, "ListChains", pb.ListChainsRequest(), "chains")
    return (chain.chain_id for chain in found)


def _groups(connection: Connection, _: click.Context, __: str) -> Iterator[str]:
    found = _all(connection, "ListAssetGroups", pb.ListAssetGroupsRequest(), "groups")
    return (group.name for group in found)


def _assets(connection: Connection, _: click.Context, incomplete: str) -> Iterator[str]:
    if not incomplete:
        return (a.symbol for a in _all(connection, "ListAssets", pb.ListAssetsRequest(), "assets"))
    request = pb.SearchAssetsRequest(query=incomplete, limit=pagination.PAGE_ROWS)
    return (asset.symbol for asset in _all(connection, "SearchAssets", request, "assets"))


def _symbols(connection: Connection, _: click.Context, __: str) -> Iterator[str]:
    found = _all(connection, "ListSymbols", pb.ListSymbolsRequest(), "symbols")
    return (symbol.symbol for symbol in found)


def _spellings(connection: Connection, ctx: click.Context, __: str) -> Iterator[str]:
    venue_id = ctx.params.get("venue_id") or ctx.params.get("venue")
    if not venue_id:
        return iter(())
    request = pb.ListVenueSymbolsRequest(venue_id=venue_id)
    found = _all(connection, "ListVenueSymbols", request, "venue_symbols")
    return (listing.venue_symbol for listing in found)


venues: Final = _completer(_venues)
chains: Final = _completer(_chains)
groups: Final = _completer(_groups)
assets: Final = _completer(_assets)
symbols: Final = _completer(_symbols)
spellings: Final = _completer(_spellings)


def rpcs(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """The RPCs' names, which no server needs to be asked for."""
    return [name for name in known_rpcs() if name.casefold().startswith(incomplete.casefold())]


#: End of a field's name -> how its value is completed.
_BY_FIELD: Final = (
    *(("venue_id", venues), ("chain_id", chains), ("group_id", groups)),
    *(("asset_id", assets), ("symbol_id", symbols)),
)


def of_field(field: str, rpc: str) -> Completer | None:
    """The completer of a request's field; None where no names are known.

    Args:
        rpc: What adds an entity takes a name that is not there yet.
    """
    if rpc in ("CreateVenue", "CreateChain"):
        return None
    if field == "venue_symbol":
        return None if rpc.startswith("Create") else spellings
    return next((completer for end, completer in _BY_FIELD if field.endswith(end)), None)
