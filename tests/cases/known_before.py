"""What a case's registry knows before its first step, as entities."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from cqar.importer.multipliers import MULTIPLES
from cqar.importer.readers.registry import product_line_of
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.asset import Asset, AssetClassCode, AssetType, FormerName
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_relationship import (
    AssetRelationship,
    RelationshipType,
    SuccessionCode,
)
from cqar_shared.domain.kinds.chain import Chain
from cqar_shared.domain.kinds.venue import EnvironmentCode, Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import BindingEvidence, VenueAsset
from tests.cases.case_files import Case

_BASE: Final = (
    *(("BTC", "Bitcoin", "CRYPTO"), ("ETH", "Ether", "CRYPTO")),
    *(("USDT", "Tether", "CRYPTO"), ("USDC", "USD Coin", "CRYPTO")),
    *(("USD", "US dollar", "FIAT"), ("EUR", "Euro", "FIAT")),
)
_CHAIN_TYPES: Final = {"ethereum": "EVM", "bsc": "EVM", "solana": "SOLANA", "eos": "EOS"}
#: Of a deployment whose decimals a case does not say: no claim is about them.
_DECIMALS: Final = 18


class Ending(NamedTuple):
    """A code that stops meaning an asset while the story goes on."""

    at: dt.datetime
    entity: VenueAsset


class Known(NamedTuple):
    """What is known before.

    Attributes:
        entities: In the order in which they can be stored.
        assets: Name in the case -> id.
        endings: To be told when their time has come.
    """

    entities: list[Entity]
    assets: dict[str, str]
    endings: list[Ending]


def known_before(case: Case, begin: dt.datetime) -> Known:
    """The entities that a case starts from.

    Args:
        begin: The first step's instant.
    """
    given = [next(iter(item.items())) for item in case.registry]
    assets = {
        symbol: msgspec.structs.replace(_asset(symbol, symbol, name, kind), unambiguous_ticker=True)
        for symbol, name, kind in _BASE
    }
    for asset in (value for kind, value in given if kind == "asset"):
        ref = asset["ref"]
        assets[ref] = msgspec.structs.replace(
            _asset(ref, asset["symbol"], asset["name"], asset["asset_class"]),
            former_names=tuple(_former(name) for name in asset.get("former", ())) or None,
            unambiguous_ticker=asset.get("unambiguous", False),
        )
    for multiplier in (value for kind, value in given if kind == "multiplier"):
        coin = assets[multiplier["asset"]]
        units = {multiplier["code"]: multiplier["units"]}
        multiples = {**(coin.metadata or {}).get(MULTIPLES, {}), **units}
        metadata = {MULTIPLES: multiples}
        assets[multiplier["asset"]] = msgspec.structs.replace(coin, metadata=metadata)
    ids = {ref: asset.asset_id for ref, asset in assets.items()}
    bindings = [_binding(value, ids) for kind, value in given if kind == "binding"]
    operators = [entity.venue_id for entity, _ in bindings]
    entities: list[Entity] = [
        *(Chain(chain_id=c, chain_name=c, chain_type=kind) for c, kind in _CHAIN_TYPES.items()),
        *_venues([*case.venues, *operators]),
        *assets.values(),
        *(d for kind, value in given if kind == "asset" for d in _deployments(value, ids)),
        *(_succession(value, ids) for kind, value in given if kind == "succession"),
        *(entity for entity, until in bindings if until is None or until > begin),
    ]
    endings = [Ending(until, entity) for entity, until in bindings if until and until > begin]
    return Known(entities, ids, endings)


def _id(*names: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(names)))


def _asset(ref: str, symbol: str, name: str, asset_class: str) -> Asset:
    return Asset(
        asset_id=_id("case asset", ref),
        symbol=symbol,
        name=name,
        asset_type=AssetType.NATIVE,
        asset_class=AssetClassCode[asset_class],
    )


def _former(name: dict[str, str]) -> FormerName:
    until = dt.datetime.fromisoformat(name["until"])
    return FormerName(symbol=name["symbol"], name=name["name"], until=until)


def _venues(names: list[str]) -> Iterator[Venue]:
    """The venues, and before them their operators where those are venues, too."""
    lines = {name: product_line_of(name) for name in names}
    operators = [line.operator for line in lines.values() if line is not None]
    for venue_id in dict.fromkeys([*operators, *names]):
        line = product_line_of(venue_id)
        yield Venue(
            venue_id=venue_id,
            name=line.name if line else venue_id,
            venue_type=VenueType.CEX,
            operator=line.operator if line else None,
            environment=line.environment if line else EnvironmentCode.PRODUCTION,
            region=line.region if line else None,
        )


def _deployments(asset: dict[str, Any], ids: dict[str, str]) -> Iterator[AssetDeployment]:
    for place in asset.get("deployments", ()):
        yield AssetDeployment(
            deployment_id=_id("case deployment", place["chain"], place["address"]),
            asset_id=ids[asset["ref"]],
            chain_id=place["chain"],
            # Cases do not care for the checksum that an address's case is.
            address=_plain(place["chain"], place["address"]),
            decimals=int(place.get("decimals", _DECIMALS)),
        )


def _plain(chain_id: str, address: str) -> str:
    return address.lower() if _CHAIN_TYPES[chain_id] == "EVM" else address


def _succession(edge: dict[str, Any], ids: dict[str, str]) -> AssetRelationship:
    return AssetRelationship(
        relationship_id=_id("case succession", edge["from"], edge["to"]),
        from_asset_id=ids[edge["from"]],
        to_asset_id=ids[edge["to"]],
        relationship_type=RelationshipType.MIGRATES_TO,
        conversion_rate=Decimal(edge["rate"]),
        effective_at=dt.datetime.fromisoformat(edge["at"]),
        succession=SuccessionCode[edge["kind"]],
    )


def _binding(binding: dict[str, Any], ids: dict[str, str]) -> tuple[VenueAsset, dt.datetime | None]:
    """A code of an operator, open; and when it ends, if it does."""
    since, until = (binding.get(name) for name in ("since", "until"))
    entity = VenueAsset(
        venue_id=binding["operator"],
        asset_id=ids[binding["asset"]],
        venue_asset_symbol=binding["code"],
        trading_enabled=True,
        listed_at=dt.datetime.fromisoformat(since) if since else None,
        evidence=(BindingEvidence(kind="REVIEWED", code=binding["code"], detail="the case"),),
    )
    return entity, dt.datetime.fromisoformat(until) if until else None
