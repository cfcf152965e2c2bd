"""The registry's entity kinds. `KINDS` is the only list of them.

Order matters: a kind comes after every kind that it refers to. A kind imports no other kind.
"""

from __future__ import annotations

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.api_key import API_KEY
from cqar_shared.domain.kinds.archive import ARCHIVE
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

__all__ = [
    "KINDS",
    "KIND_BY_NAME",
    "MERGING",
    "api_key",
    "archive",
    "asset",
    "asset_deployment",
    "asset_group",
    "asset_identifier",
    "asset_price",
    "asset_relationship",
    "chain",
    "finding",
    "listing_source",
    "quality_flag",
    "signing_key",
    "symbol",
    "symbol_identifier",
    "venue",
    "venue_asset",
    "venue_facts",
    "venue_symbol",
]

KINDS: tuple[AnyKind, ...] = (
    ASSET,
    CHAIN,
    ASSET_DEPLOYMENT,
    ASSET_IDENTIFIER,
    ASSET_RELATIONSHIP,
    ASSET_GROUP,
    QUALITY_FLAG,
    VENUE,
    SYMBOL,
    SYMBOL_IDENTIFIER,
    VENUE_ASSET,
    VENUE_SYMBOL,
    VENUE_FACTS,
    LISTING_SOURCE,
    ASSET_PRICE,
    FINDING,
    API_KEY,
    ARCHIVE,
    SIGNING_KEY,
)
KIND_BY_NAME: dict[str, AnyKind] = {kind.name: kind for kind in KINDS}
#: Kinds whose entities may be merged into another of the kind, which then answers for their ids.
MERGING: frozenset[str] = frozenset(k.name for k in KINDS if "merged_into" in k.referents)
