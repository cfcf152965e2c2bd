"""`cqar search`: everything whose name, spelling or identifier has a text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, rows_of, show_list
from cqar.cli.output import to_stderr
from cqar.cli.target import Target, with_target
from cqar_shared.domain.near_names import without_separators

#: Listings that are looked through.
LISTINGS_MAX: Final = 50_000
COLUMNS: Final = ("kind", "name", "what", "id")

Found = tuple[str, str, str, str]


@click.command(cls=GroupedCommand)
@click.argument("text")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000),
    default=50,
    show_default=True,
    help="Most rows of each kind.",
)
@list_options
@with_target
def search(target: Target, text: str, *, limit: int, listing: ListOptions) -> None:
    """Find assets, symbols, listings, venues, chains and groups by a part of their name.

    Case and separators do not count: `btc-usdt` finds BTCUSDT and BTC_USDT. Assets and symbols are
    found by their identifiers and contract addresses, too.

    \b
    Examples:
      cqar search btcusdt
      cqar search 0xdAC17F958D2ee523a2206206994597C13D831ec7
    """
    if not without_separators(text):
        raise click.UsageError("TEXT has nothing but separators: give letters or digits")
    rows: list[OutputRow] = []
    is_cut = False
    with target.to_writer() as connection:
        for part in _parts(connection, text, limit):
            found = list(islice(part, limit + 1))
            is_cut = is_cut or len(found) > limit
            rows += rows_of(COLUMNS, found[:limit])
    nothing = f"nothing has {text!r} in its name."
    show_list(ListView(f"Found {len(rows)}", COLUMNS, rows, ("id",), nothing), listing)
    if is_cut:
        to_stderr("there are more: give --limit N")


def _parts(connection: Connection, text: str, limit: int) -> Iterator[Iterator[Found]]:
    """What is found of each kind, in the order of what people look for."""
    yield _assets(connection, text, limit)
    yield _symbols(connection, text, limit)
    yield _listings(connection, without_separators(text))
    yield _named(connection, without_separators(text))


def _assets(connection: Connection, text: str, limit: int) -> Iterator[Found]:
    request = pb.SearchAssetsRequest(query=text, limit=min(limit + 1, pagination.PAGE_ROWS))
    response = connection.call(connection.registry.SearchAssets, request)
    for asset in response.assets:
        yield "asset", asset.symbol, asset.name, asset.asset_id


def _symbols(connection: Connection, text: str, limit: int) -> Iterator[Found]:
    request = pb.SearchSymbolsRequest(query=text, limit=min(limit + 1, pagination.PAGE_ROWS))
    response = connection.call(connection.registry.SearchSymbols, request)
    for symbol in response.symbols:
        yield "symbol", symbol.symbol, "", symbol.symbol_id


def _listings(connection: Connection, plain: str) -> Iterator[Found]:
    """Listings whose spelling has the text, among the first LISTINGS_MAX."""
    symbols: dict[str, str] = {}
    request = pb.ListVenueSymbolsRequest()
    seen = 0
    for page in pagination.pages(connection, connection.registry.ListVenueSymbols, request):
        symbols |= {symbol.symbol_id: symbol.symbol for symbol in page.symbols}
        for listing in page.venue_symbols:
            if plain in without_separators(listing.venue_symbol):
                name = f"{listing.venue_id}/{listing.venue_symbol}"
                yield "listing", name, symbols.get(listing.symbol_id, ""), listing.listing_id
        seen += len(page.venue_symbols)
        if seen >= LISTINGS_MAX and page.next_page_token:
            to_stderr(f"only the first {seen} listings were looked through: name the venue with")
            to_stderr("  cqar listing list VENUE")
            return


def _named(connection: Connection, plain: str) -> Iterator[Found]:
    registry = connection.registry
    lists: tuple[tuple[str, Any, Any, str, tuple[str, str]], ...] = (
        ("venue", registry.ListVenues, pb.ListVenuesRequest(), "venues", ("venue_id", "name")),
        (
            "chain",
            registry.ListChains,
            pb.ListChainsRequest(),
            "chains",
            ("chain_id", "chain_name"),
        ),
        (
            *("group", registry.ListAssetGroups, pb.ListAssetGroupsRequest(), "groups"),
            ("group_id", "name"),
        ),
    )
    for kind, method, request, field, (key, name) in lists:
        for entity in pagination.entities(connection, method, request, field):
            texts = (getattr(entity, key), getattr(entity, name))
            if any(plain in without_separators(each) for each in texts):
                yield kind, texts[1], getattr(entity, "description", ""), texts[0]
