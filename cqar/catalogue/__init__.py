"""Facts that come with CQAR: assets, chains, venues, codes and well-known venue symbols.

They are read from the JSON files of this package and validated by the kinds' own rules. Loading
adds what is missing; existing entities of the registry take precedence and stay unchanged.

Every product line of a reader is a venue. `venues.json` adds what a reader does not know of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any, Final

import msgspec
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.importer.apply import ApplyResult, apply_entities
from cqar.importer.multipliers import MULTIPLES
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import product_lines
from cqar.importer.registry_state import RegistryState, load_codes, load_listings, load_products
from cqar.importer.stable_ids import STEPS_AS_OF, catalogue_id
from cqar_shared.codec import entity_codec
from cqar_shared.domain import decimals
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode, AssetType
from cqar_shared.domain.kinds.asset_relationship import (
    ASSET_RELATIONSHIP,
    AssetRelationship,
    RelationshipType,
    same_pair,
)
from cqar_shared.domain.kinds.chain import CHAIN, Chain
from cqar_shared.domain.kinds.symbol import (
    SYMBOL,
    ContractKindCode,
    Symbol,
    SymbolTypeCode,
    complete,
    same_identity,
)
from cqar_shared.domain.kinds.venue import VENUE, EnvironmentCode, Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, OrderUnitCode, VenueSymbol

__all__ = ["asset_id", "bundled_venues", "load", "read_table"]

_STEPS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "min_notional",
    "contract_size",
    "unit_multiplier",
)

KindEntity = tuple[AnyKind, Entity]


def read_table(name: str) -> list[dict[str, Any]]:
    text = resources.files(__name__).joinpath(f"{name}.json").read_bytes()
    rows: list[dict[str, Any]] = msgspec.json.decode(text)
    return rows


def asset_id(slug: str) -> str:
    return catalogue_id("asset", slug)


def load(
    connection: Connection,
    now: dt.datetime,
    progress: Callable[[int, int], None] = lambda _, __: None,
    *,
    listings: bool = True,
) -> ApplyResult:
    """Add what the registry lacks of the catalogue.

    Args:
        progress: Takes the number of items done and the total.
        listings: Whether to load symbols and venue symbols too; without them, a venue's first
            import brings its listings.

    Raises:
        CallFailed: the writer refused or did not answer.
    """
    state = _state(connection, now)
    existing_symbols = _existing_symbols(state) if listings else set()
    missing = list(_missing(state, listings=listings))
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, len(missing))

    result = apply_entities(connection, missing, "the bundled catalogue", advance)
    names = ("assets", "chains", "relationships", "venue_assets")
    total = len(bundled_venues()) + sum(
        len(read_table(name)) for name in (*names, *(["venue_symbols"] if listings else []))
    )
    symbols = sum(kind is SYMBOL for kind, _ in missing)
    existing = total - (len(missing) - symbols) + len(existing_symbols)
    return result._replace(unchanged=result.unchanged + existing)


def _state(connection: Connection, now: dt.datetime) -> RegistryState:
    """The part of the registry that may already have the catalogue's entities."""
    state = RegistryState(now)
    load_products(connection, state)
    request = pb.ListAssetRelationshipsRequest()
    method = connection.registry.ListAssetRelationships
    for relationship in pagination.entities(connection, method, request, "relationships"):
        state.add(ASSET_RELATIONSHIP, entity_codec.from_message(ASSET_RELATIONSHIP, relationship))
    held = {row["venue"] for name in ("venue_assets", "venue_symbols") for row in read_table(name)}
    for venue_id in sorted(held):
        if state.get(VENUE.name, venue_id) is not None:
            load_codes(connection, state, venue_id)
            load_listings(connection, state, venue_id)
    return state


def _existing_symbols(state: RegistryState) -> set[str]:
    """The ids of the symbols of the catalogue's venue symbols that the registry has."""
    return {
        listing.symbol_id
        for row in read_table("venue_symbols")
        for listing in state.find(VENUE_SYMBOL.name, "spelling", row["venue"], row["spelling"])
    }


def _missing(state: RegistryState, *, listings: bool) -> Iterator[KindEntity]:
    for kind, entity in (*_assets(), *_chains(), *_relationships(), *_venues(), *_venue_assets()):
        exists = state.get(kind.name, kind.key_of(entity)) is not None
        if isinstance(entity, AssetRelationship):
            exists = same_pair(entity, state) is not None
        if not exists:
            yield kind, entity
    if not listings:
        return
    for row in read_table("venue_symbols"):
        if any(state.find(VENUE_SYMBOL.name, "spelling", row["venue"], row["spelling"])):
            continue
        symbol = complete(None, _symbol(row), state)
        known = same_identity(symbol, state)
        if known is None:
            state.add(SYMBOL, symbol)
            yield SYMBOL, symbol
        yield VENUE_SYMBOL, _listing(row, known or symbol)


def _assets() -> Iterator[KindEntity]:
    for row in read_table("assets"):
        yield (
            ASSET,
            Asset(
                asset_id=asset_id(row["slug"]),
                symbol=row["symbol"],
                name=row["name"],
                asset_type=AssetType[row["type"]],
                category=row["category"],
                website_url=row["website_url"],
                asset_class=AssetClassCode[row["class"]],
                unverified=row["shares_ticker"],
                metadata={MULTIPLES: row["multiples"]} if row["multiples"] else None,
            ),
        )


def _chains() -> Iterator[KindEntity]:
    for row in read_table("chains"):
        native = row["native_asset"]
        yield (
            CHAIN,
            Chain(
                chain_id=row["id"],
                chain_name=row["name"],
                chain_type=row["type"],
                network_id=row["network_id"],
                native_asset_id=asset_id(native) if native else None,
                explorer_url=row["explorer_url"],
                is_testnet=row["is_testnet"],
            ),
        )


def _relationships() -> Iterator[KindEntity]:
    for row in read_table("relationships"):
        rate = row["conversion_rate"]
        yield (
            ASSET_RELATIONSHIP,
            AssetRelationship(
                relationship_id=catalogue_id(
                    "relationship", f"{row['from']}/{row['type']}/{row['to']}"
                ),
                from_asset_id=asset_id(row["from"]),
                to_asset_id=asset_id(row["to"]),
                relationship_type=RelationshipType[row["type"]],
                conversion_rate=decimals.parse(rate) if rate else None,
                protocol=row["protocol"],
                description=row["description"],
            ),
        )


def _venues() -> Iterator[KindEntity]:
    for venue in bundled_venues():
        yield VENUE, venue


def bundled_venues() -> list[Venue]:
    """The product lines of all readers, and venues that no reader reads; by id."""
    rows = {row["id"]: row for row in read_table("venues")}
    lines = product_lines()
    return [_venue(i, rows.get(i, {}), lines.get(i)) for i in sorted(rows.keys() | lines.keys())]


def _venue(venue_id: str, row: dict[str, Any], line: ProductLine | None) -> Venue:
    """What a reader knows, and beside it what the row adds."""
    host = line.requests[0].path.partition("/")[0] if line else None
    chain = row.get("chain") or (line.chain_id if line else None)
    return Venue(
        venue_id=venue_id,
        name=line.name if line else row["name"],
        venue_type=VenueType[row.get("type") or "CEX"],
        chain_id=chain,
        operator=line.operator if line else row["operator"],
        website_url=row.get("website_url") or (line.website if line else None) or None,
        api_endpoint=f"https://{host}" if host else row["api_endpoint"],
        environment=line.environment if line else EnvironmentCode.PRODUCTION,
        region=line.region if line else None,
    )


def _venue_assets() -> Iterator[KindEntity]:
    for row in read_table("venue_assets"):
        yield (
            VENUE_ASSET,
            VenueAsset(
                venue_id=row["venue"],
                asset_id=asset_id(row["asset"]),
                venue_asset_symbol=row["code"],
                other_codes=tuple(row["other_codes"]),
                trading_enabled=True,
            ),
        )


def _symbol(row: dict[str, Any]) -> Symbol:
    names = (row["type"], row["base"], row["quote"], row["settle"] or "")
    settle = row["settle"]
    return Symbol(
        symbol_id=catalogue_id("symbol", "/".join(names)),
        symbol_type=SymbolTypeCode[row["type"]],
        base_asset_id=asset_id(row["base"]),
        quote_asset_id=asset_id(row["quote"]),
        settlement_asset_id=asset_id(settle) if settle else None,
        contract_kind=ContractKindCode[row["contract_kind"]] if row["contract_kind"] else None,
    )


def _listing(row: dict[str, Any], symbol: Symbol) -> VenueSymbol:
    steps: dict[str, Any] = {
        name: decimals.parse(row[name]) for name in _STEPS if row[name] is not None
    }
    unit = row["order_unit"]
    return VenueSymbol(
        listing_id=catalogue_id("venue_symbol", f"{row['venue']}/{row['spelling']}"),
        venue_id=row["venue"],
        venue_symbol=row["spelling"],
        symbol_id=symbol.symbol_id,
        alias_of=row["alias_of"],
        is_primary=False if row["alias_of"] else None,
        metadata={STEPS_AS_OF: row["as_of"]} if row["as_of"] else None,
        order_unit=OrderUnitCode[unit] if unit else None,
        **steps,
    )
