"""A life for each kind: what it needs, how it begins, what it becomes, and what each step tells."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.asset_group import GroupMember
from cqar_shared.domain.kinds.finding import FindingDecision, FindingState, FindingVerdict
from cqar_shared.domain.kinds.listing_source import RecordedAnswer
from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    a_chain,
    a_deployment,
    a_finding,
    a_flag,
    a_group,
    a_key,
    a_listing_source,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_facts,
    a_venue_symbol,
    an_asset,
    an_asset_price,
    an_id,
    an_identifier,
)
from tests.support.memory_registry_view import KIND_OF

_DAY: Final = dt.timedelta(days=1)
_ASSETS: Final = (an_asset(), an_asset("ETH"), an_asset("USDT"))
_MARKET: Final = (*_ASSETS, a_venue(), a_symbol())


@dataclass(frozen=True, kw_only=True)
class Life:
    """One entity from its creation to its removal.

    Attributes:
        needs: What must be there before.
        born: The entity as first stated.
        steps: What each update changes, and its event.
        told: The events of creation and removal; empty where the kind announces nothing.
        stays: It cannot be removed.
    """

    needs: tuple[Entity, ...] = ()
    born: Entity
    steps: tuple[tuple[dict[str, Any], str], ...]
    told: tuple[str, str]
    stays: bool = False


def _member(asset_id: str, weight: str) -> GroupMember:
    return GroupMember(asset_id=asset_id, weight=Decimal(weight))


_DECISION: Final = FindingDecision(
    actor="ann", verdict=FindingVerdict.REJECT, reason="no", decided_at=NOW
)
_ANSWER: Final = RecordedAnswer(
    request="GET /fapi/v1/fundingInfo", sha256="0" * 64, taken_at=NOW - _DAY
)
LIVES: Final[dict[str, Life]] = {
    "asset": Life(
        born=an_asset(metadata={"founded": 2009, "tags": ["pow"]}),
        steps=(({"name": "Bitcoin", "category": "layer-1"}, "asset_updated"),),
        told=("asset_created", "asset_deleted"),
    ),
    "chain": Life(
        needs=_ASSETS,
        born=a_chain(network_id=1, native_asset_id=ETH, rpc_urls=("https://a.b", "wss://c.d")),
        steps=(
            ({"chain_name": "Ether", "rpc_urls": ("https://e.f",)}, "chain_updated"),
            ({"caip2": "eip155:1"}, "chain_updated"),
        ),
        told=("chain_registered", "chain_removed"),
    ),
    "asset_deployment": Life(
        needs=(*_ASSETS, a_chain()),
        born=a_deployment(),
        steps=(({"is_canonical": True}, "asset_deployment_updated"),),
        told=("asset_deployment_created", "asset_deployment_removed"),
    ),
    "asset_identifier": Life(
        needs=_ASSETS,
        born=an_identifier(),
        steps=(({"is_primary": True}, "asset_identifier_updated"),),
        told=("asset_identifier_created", "asset_identifier_removed"),
    ),
    "asset_relationship": Life(
        needs=_ASSETS,
        born=a_relationship(ETH, BTC, conversion_rate=Decimal("0.05")),
        steps=(({"conversion_rate": Decimal("1E-18"), "protocol": "x"}, "relationship_updated"),),
        told=("relationship_established", "relationship_removed"),
    ),
    "asset_group": Life(
        needs=_ASSETS,
        born=a_group(ETH),
        steps=(
            ({"members": (_member(ETH, "1"), _member(BTC, "0.1"))}, "asset_group_member_added"),
            ({"members": (_member(BTC, "0.1"),)}, "asset_group_member_removed"),
            ({"description": "none of ETH", "group_type": "ODD"}, "asset_group_updated"),
        ),
        told=("asset_group_created", "asset_group_removed"),
    ),
    "quality_flag": Life(
        needs=_ASSETS,
        born=a_flag(severity=FlagSeverity.HIGH, evidence_url="https://x.y"),
        steps=(({"resolved_by": "ops", "resolution_notes": "refunded"}, "quality_flag_resolved"),),
        told=("quality_flag_raised", "quality_flag_removed"),
    ),
    "venue": Life(
        needs=(a_chain(),),
        born=a_venue("uniswap-v3-ethereum", chain_id="ethereum", operator="uniswap"),
        steps=(({"is_active": False}, "venue_updated"),),
        told=("venue_registered", "venue_removed"),
    ),
    "symbol": Life(
        needs=_ASSETS,
        born=a_symbol(tick_size=Decimal("0.01"), min_order_size=Decimal(5)),
        steps=(({"is_active": False, "lot_size": Decimal("1E-5")}, "symbol_updated"),),
        told=("symbol_created", "symbol_deleted"),
    ),
    "symbol_identifier": Life(
        needs=(*_ASSETS, a_symbol()),
        born=a_symbol_identifier(),
        steps=(({"is_primary": True}, "symbol_identifier_updated"),),
        told=("symbol_identifier_created", "symbol_identifier_removed"),
    ),
    "venue_asset": Life(
        needs=_MARKET,
        born=a_venue_asset(other_codes=("XBT",), withdrawal_fee=Decimal("0.0005")),
        steps=(
            ({"trading_enabled": False, "listed_at": NOW - _DAY}, "venue_asset_updated"),
            ({"delisted_at": NOW}, "venue_asset_delisted"),
            ({"delisted_at": None}, "venue_asset_listed"),
        ),
        told=("venue_asset_listed", "venue_asset_removed"),
    ),
    "venue_symbol": Life(
        needs=_MARKET,
        born=a_venue_symbol(listing_id=an_id("listing"), listed_at=NOW - _DAY),
        steps=(
            (
                {"status": MarketStatusCode.HALTED, "taker_fee": Decimal("-0.001")},
                "venue_symbol_updated",
            ),
            ({"delisted_at": NOW}, "venue_symbol_delisted"),
        ),
        told=("venue_symbol_listed", "venue_symbol_removed"),
    ),
    "venue_facts": Life(
        needs=_MARKET,
        born=a_venue_facts(as_of=NOW - _DAY),
        steps=(({"as_of": NOW, "markets": 3, "unreadable": 1}, ""),),
        told=("", ""),
    ),
    "listing_source": Life(
        needs=(*_MARKET, a_venue_symbol(listing_id=an_id("listing"), listed_at=NOW - _DAY)),
        born=a_listing_source(raw='{"status":"TRADING"}', taken_at=NOW - _DAY),
        steps=(({"taken_at": NOW, "answers": (_ANSWER,)}, ""),),
        told=("", ""),
    ),
    "asset_price": Life(
        needs=_MARKET,
        born=an_asset_price(taken_at=NOW - _DAY),
        steps=(({"taken_at": NOW, "sha256": "0" * 64}, ""),),
        told=("", ""),
    ),
    "finding": Life(
        born=a_finding(),
        steps=(
            # What people decide is not stated; that a difference is gone may be.
            ({"state": FindingState.SUPERSEDED}, "finding_decided"),
        ),
        told=("finding_opened", ""),
        stays=True,
    ),
    "api_key": Life(
        born=a_key(),
        steps=(({"revoked_at": NOW}, ""),),
        told=("", ""),
        stays=True,
    ),
}


def one_of_each() -> list[Entity]:
    """An entity of every kind, and what they need."""
    whole = {
        (type(entity), KIND_OF[type(entity)].key_of(entity)): entity
        for life in LIVES.values()
        for entity in (*life.needs, life.born)
    }
    return list(whole.values())
