"""The registry's entity kinds. This tuple is the only list of them.

Order matters: a kind comes after every kind it refers to.
"""

from __future__ import annotations

from shared.entities.api_key import API_KEY
from shared.entities.archive import ARCHIVE
from shared.entities.asset import ASSET
from shared.entities.asset_deployment import ASSET_DEPLOYMENT
from shared.entities.asset_group import ASSET_GROUP
from shared.entities.asset_identifier import ASSET_IDENTIFIER
from shared.entities.asset_relationship import ASSET_RELATIONSHIP
from shared.entities.chain import CHAIN
from shared.entities.quality_flag import QUALITY_FLAG
from shared.entities.signing_key import SIGNING_KEY
from shared.entities.symbol import SYMBOL
from shared.entities.symbol_identifier import SYMBOL_IDENTIFIER
from shared.entities.venue import VENUE
from shared.entities.venue_asset import VENUE_ASSET
from shared.entities.venue_symbol import VENUE_SYMBOL
from shared.kind import AnyKind

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
    API_KEY,
    ARCHIVE,
    SIGNING_KEY,
)
KIND_BY_NAME: dict[str, AnyKind] = {kind.name: kind for kind in KINDS}
