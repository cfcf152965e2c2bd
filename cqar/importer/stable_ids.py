"""Ids that are the same on every registry, and the metadata keys that an import leaves. Pure."""

from __future__ import annotations

import uuid
from typing import Final

#: Our ids are UUIDv5 of a slug or spelling in this namespace: the same on every registry.
NAMESPACE: Final = uuid.UUID("f1c8e2f0-5a3d-4b4e-9d57-6a0f4c1f7a10")
#: In a venue's metadata: what `cqar import` reads its listing with.
CCXT_ID, MARKET_TYPES = "ccxt_id", "market_types"
#: In a listing's metadata: when the venue was seen to state its steps.
STEPS_AS_OF = "steps_as_of"
#: `linear` or `inverse`, where a venue's namespace is of contracts of one kind only.
CONTRACTS = "contracts"


def catalogue_id(kind: str, name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{kind}:{name}"))
