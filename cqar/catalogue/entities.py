"""The bundled files' rows as entities of the registry, without I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from cqar.catalogue.tables import Row, asset_id, read_table
from cqar.importer.multipliers import MULTIPLES
from cqar.importer.readers.product_line import ProductLine
from cqar.importer.readers.registry import product_lines
from cqar.importer.stable_ids import STEPS_AS_OF, catalogue_id
from cqar_shared.domain import decimals
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode, AssetType, FormerName
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.asset_identifier import (
    ASSET_IDENTIFIER,
    AssetDataSource,
    AssetIdentifier,
)
from cqar_shared.domain.kinds.asset_relationship import (
    ASSET_RELATIONSHIP,
    AssetRelationship,
    RelationshipType,
    SuccessionCode,
)
from cqar_shared.domain.kinds.chain import CHAIN, Chain
from cqar_shared.domain.kinds.symbol import ContractKindCode, Symbol, SymbolTypeCode
from cqar_shared.domain.kinds.venue import VENUE, EnvironmentCode, Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, BindingEvidence, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode, VenueSymbol

KindEntity = tuple[AnyKind, Entity]

#: The evidence of a code that the catalogue states.
REVIEWED, CATALOGUE = "REVIEWED", "catalogue"
_STEPS: Final = (
    "tick_size",
    "lot_size",
    "min_order_size",
    "min_notional",
    "contract_size",
    "unit_multiplier",
)


def without_listings() -> Iterator[KindEntity]:
    """Everything but symbols and venue symbols, in an order in which each finds what it names."""
    yield from ((ASSET, _asset(row)) for row in read_table("assets"))
    yield from ((CHAIN, _chain(row)) for row in read_table("chains"))
    for row in read_table("relationships"):
        yield ASSET_RELATIONSHIP, _relationship(row)
    yield from ((ASSET_DEPLOYMENT, _deployment(row)) for row in read_table("deployments"))
    yield from ((ASSET_IDENTIFIER, _identifier(row)) for row in read_table("identifiers"))
    yield from ((VENUE, venue) for venue in bundled_venues())
    yield from ((VENUE_ASSET, _venue_asset(row)) for row in read_table("venue_assets"))


def _instant(text: str | None) -> dt.datetime | None:
    """A day, or an instant with its time; both in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) if text else None


def _asset(row: Row) -> Asset:
    former = [
        FormerName(symbol=name["symbol"], name=name["name"], until=_instant(name["until"]))
        for name in row["former"]
    ]
    return Asset(
        asset_id=asset_id(row["slug"]),
        symbol=row["symbol"],
        name=row["name"],
        asset_type=AssetType[row["type"]],
        category=row["category"],
        website_url=row["website_url"],
        asset_class=AssetClassCode[row["class"]],
        former_names=tuple(former) or None,
        unambiguous_ticker=row["unambiguous_ticker"],
        metadata={MULTIPLES: row["multiples"]} if row["multiples"] else None,
    )


def _chain(row: Row) -> Chain:
    native = row["native_asset"]
    return Chain(
        chain_id=row["id"],
        chain_name=row["name"],
        chain_type=row["type"],
        network_id=row["network_id"],
        caip2=row.get("caip2"),
        native_asset_id=asset_id(native) if native else None,
        explorer_url=row["explorer_url"],
        is_testnet=row["is_testnet"],
    )


def _relationship(row: Row) -> AssetRelationship:
    rate, succession = row["conversion_rate"], row["succession"]
    return AssetRelationship(
        relationship_id=catalogue_id("relationship", f"{row['from']}/{row['type']}/{row['to']}"),
        from_asset_id=asset_id(row["from"]),
        to_asset_id=asset_id(row["to"]),
        relationship_type=RelationshipType[row["type"]],
        conversion_rate=decimals.parse(rate) if rate else None,
        protocol=row["protocol"],
        description=row["description"],
        succession=SuccessionCode[succession] if succession else None,
        effective_at=_instant(row["effective_at"]),
    )


def _deployment(row: Row) -> AssetDeployment:
    place = f"{row['chain']}/{row['address'] or 'native'}"
    return AssetDeployment(
        deployment_id=catalogue_id("deployment", place),
        asset_id=asset_id(row["asset"]),
        chain_id=row["chain"],
        address=row["address"],
        decimals=row["decimals"],
        is_canonical=True,
        is_native=row["address"] is None,
    )


def _identifier(row: Row) -> AssetIdentifier:
    return AssetIdentifier(
        identifier_id=catalogue_id("identifier", f"{row['source']}/{row['id']}"),
        asset_id=asset_id(row["asset"]),
        source=AssetDataSource[row["source"]],
        external_id=row["id"],
        is_primary=row["is_primary"],
    )


def bundled_venues() -> list[Venue]:
    """The product lines of all readers, and venues that no reader reads; by id."""
    rows = {row["id"]: row for row in read_table("venues")}
    lines = product_lines()
    return [_venue(i, rows.get(i, {}), lines.get(i)) for i in sorted(rows.keys() | lines.keys())]


def _venue(venue_id: str, row: Row, line: ProductLine | None) -> Venue:
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


def _venue_asset(row: Row) -> VenueAsset:
    codes = (row["code"], *row["other_codes"])
    evidence = (BindingEvidence(kind=REVIEWED, code=c, detail=CATALOGUE) for c in codes)
    until = _instant(row["until"])
    return VenueAsset(
        venue_id=row["venue"],
        asset_id=asset_id(row["asset"]),
        venue_asset_symbol=row["code"],
        other_codes=tuple(row["other_codes"]),
        trading_enabled=until is None,
        deposit_enabled=None if until is None else False,
        withdraw_enabled=None if until is None else False,
        listed_at=_instant(row["since"]),
        delisted_at=until,
        evidence=tuple(evidence),
    )


def symbol_of(row: Row) -> Symbol:
    """The symbol of a row of `venue_symbols.json`."""
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


def listing_of(row: Row, symbol: Symbol) -> VenueSymbol:
    """The listing of a row of `venue_symbols.json`."""
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
