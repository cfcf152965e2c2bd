"""Valid entities to start from; a test names only what it cares about."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from decimal import Decimal
from typing import Any

from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.domain.kinds.asset import Asset, AssetType
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_group import AssetGroup, GroupMember
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource, AssetIdentifier
from cqar_shared.domain.kinds.asset_price import AssetPrice, QuotedPrice
from cqar_shared.domain.kinds.asset_relationship import AssetRelationship, RelationshipType
from cqar_shared.domain.kinds.chain import Chain
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingAction,
    FindingEvidence,
    FindingState,
    with_id,
)
from cqar_shared.domain.kinds.listing_source import ListingSource
from cqar_shared.domain.kinds.quality_flag import FlagSeverity, FlagType, QualityFlag
from cqar_shared.domain.kinds.symbol import Symbol, SymbolTypeCode
from cqar_shared.domain.kinds.symbol_identifier import SymbolDataSource, SymbolIdentifier
from cqar_shared.domain.kinds.venue import Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VenueAsset
from cqar_shared.domain.kinds.venue_facts import VenueAnswer, VenueFacts
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def an_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


BTC, ETH, USDT, USD = map(an_id, ("btc", "eth", "usdt", "usd"))


def an_asset(symbol: str = "BTC", **changes: Any) -> Asset:
    given = {"name": symbol, "asset_type": AssetType.NATIVE, "asset_id": an_id(symbol.lower())}
    return Asset(symbol=symbol, **{**given, **changes})


def a_chain(**changes: Any) -> Chain:
    return Chain(
        **{"chain_id": "ethereum", "chain_name": "Ethereum", "chain_type": "EVM", **changes}
    )


def a_relationship(source: str, target: str, **changes: Any) -> AssetRelationship:
    given = {"relationship_id": an_id(f"{source}>{target}"), "from_asset_id": source}
    return AssetRelationship(
        to_asset_id=target,
        **{**given, "relationship_type": RelationshipType.WRAPS, **changes},
    )


def a_venue(venue_id: str = "binance", **changes: Any) -> Venue:
    given = {"name": venue_id.title(), "venue_type": VenueType.CEX, **changes}
    return Venue(venue_id=venue_id, **given)


def a_symbol(**changes: Any) -> Symbol:
    given: dict[str, Any] = {
        "symbol_type": SymbolTypeCode.SPOT,
        "base_asset_id": BTC,
        "quote_asset_id": USDT,
    }
    given.update(changes)
    terms = ":".join(str(given[name]) for name in sorted(given) if "size" not in name)
    return Symbol(**{"symbol_id": an_id(terms), **given})


def a_venue_asset(**changes: Any) -> VenueAsset:
    given = {"venue_id": "binance", "asset_id": BTC, "venue_asset_symbol": "BTC"}
    return VenueAsset(**{**given, "trading_enabled": True, **changes})


def a_venue_symbol(**changes: Any) -> VenueSymbol:
    given: dict[str, Any] = {
        "venue_id": "binance",
        "venue_symbol": "BTCUSDT",
        "symbol_id": a_symbol().symbol_id,
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.00001"),
    }
    return VenueSymbol(**{**given, **changes})


def a_deployment(**changes: Any) -> AssetDeployment:
    given = {"deployment_id": an_id("deployment"), "asset_id": USDT, "chain_id": "ethereum"}
    tether = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
    return AssetDeployment(**{**given, "address": tether, "decimals": 6, **changes})


def an_identifier(**changes: Any) -> AssetIdentifier:
    given = {"identifier_id": an_id("identifier"), "asset_id": BTC, "external_id": "bitcoin"}
    return AssetIdentifier(**{**given, "source": AssetDataSource.COINGECKO, **changes})


def a_symbol_identifier(**changes: Any) -> SymbolIdentifier:
    given: dict[str, Any] = {"identifier_id": an_id("identifier"), "external_id": "btc-usdt"}
    given |= {"symbol_id": a_symbol().symbol_id, "data_source": SymbolDataSource.MESSARI}
    return SymbolIdentifier(**{**given, **changes})


def a_group(*asset_ids: str, **changes: Any) -> AssetGroup:
    members = tuple(GroupMember(asset_id=asset_id, weight=Decimal(1)) for asset_id in asset_ids)
    given = {"group_id": an_id("group"), "name": "all-eth", "members": members}
    return AssetGroup(**{**given, **changes})


def a_flag(**changes: Any) -> QualityFlag:
    given: dict[str, Any] = {"flag_id": an_id("flag"), "asset_id": BTC, "source": "desk"}
    given |= {"flag_type": FlagType.EXPLOITED, "severity": FlagSeverity.CRITICAL}
    return QualityFlag(**{**given, "reason": "drained", **changes})


def a_key(**changes: Any) -> ApiKey:
    given = {"key_id": an_id("key"), "key_hash": hashlib.sha256(b"k").hexdigest()}
    return ApiKey(**{**given, "actor": "alice", "role": Role.READ, **changes})


def a_listing_source(**changes: Any) -> ListingSource:
    given: dict[str, Any] = {
        "listing_id": an_id("listing"),
        "request": "GET /api/v3/exchangeInfo",
        "taken_at": NOW,
        "sha256": hashlib.sha256(b"{}").hexdigest(),
        "reader": "binance 1",
    }
    return ListingSource(**{**given, **changes})


def an_asset_price(**changes: Any) -> AssetPrice:
    quote = QuotedPrice(
        venue_id="binance",
        venue_symbol="BTCUSDT",
        quote_asset_id=USDT,
        price=Decimal("64000.5"),
    )
    given: dict[str, Any] = {"venue_id": "binance", "asset_id": BTC, "taken_at": NOW}
    return AssetPrice(**{**given, "quotes": (quote,), **changes})


def a_venue_facts(**changes: Any) -> VenueFacts:
    answer = VenueAnswer(request="GET /v1", sha256="0" * 64, size=2, taken_at=NOW)
    given: dict[str, Any] = {"venue_id": "binance", "as_of": NOW, "read_at": NOW}
    return VenueFacts(**{**given, "answers": (answer,), "markets": 2, **changes})


def a_finding(**changes: Any) -> Finding:
    given: dict[str, Any] = {
        "kind": "SAME_TICKER",
        "venue_id": "binance",
        "venue_symbol": "BTCUSDT",
        "evidence": (FindingEvidence(kind="NAME", asset_id=BTC, detail="Bitcoin"),),
        "state": FindingState.OPEN,
        "action": FindingAction.REVIEW,
        "opened_at": NOW,
    }
    return with_id(Finding(**{**given, **changes}))


#: A listing, and all that it refers to.
MARKET = (an_asset(), an_asset("USDT"), a_venue(), a_symbol(), a_venue_asset(), a_venue_symbol())
