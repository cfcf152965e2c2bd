"""Completes what lists return beside what is stored, whatever it is read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from cqar_shared.domain import tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.runtime.event_loop import yielding


class BulkReader(Protocol):
    """Reads many entities at one revision."""

    async def get_many(self, kind: AnyKind, keys: Iterable[str]) -> list[Any]:
        """Return the messages of those that exist, once each, in the order of their keys."""

    async def find_each(
        self, kind: AnyKind, lookup: str, values: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        """Return the messages that a lookup's index has under each of the values."""


async def name_chains(reader: BulkReader, deployments: Sequence[Any]) -> None:
    """Set each deployment's `chain_name`, which is the chain's and never stored."""
    chains = await reader.get_many(CHAIN, (d.chain_id for d in deployments))
    names = {chain.chain_id: chain.chain_name for chain in chains}
    for deployment in deployments:
        deployment.chain_name = names.get(deployment.chain_id, "")


async def present_listings(reader: BulkReader, listings: Sequence[Any], now: Instant) -> list[Any]:
    """Return listings as they are now; an alias has the terms of what it stands for."""
    spellings = {(v.venue_id, v.alias_of) for v in listings if v.alias_of}
    primaries = await reader.find_each(VENUE_SYMBOL, "spelling", spellings)
    effective = []
    async for some in yielding(listings):
        for listing in some:
            candidates = primaries.get((listing.venue_id, listing.alias_of), ())
            terms = tradeability.terms_for(listing, candidates, now)
            effective.append(tradeability.effective_listing(listing, terms, now))
    return effective
