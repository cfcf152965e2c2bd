"""What lists tell beside what is stored, whatever it is read by."""

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
        """The messages of those that exist, once each, in the order of their keys."""

    async def find_each(
        self, kind: AnyKind, lookup: str, wanted: Iterable[tuple[Any, ...]]
    ) -> dict[tuple[Any, ...], list[Any]]:
        """For each of the values the messages filed under them."""


async def name_chains(reading: BulkReader, deployments: Sequence[Any]) -> None:
    """Set each deployment's `chain_name`, which is the chain's and never stored."""
    chains = await reading.get_many(CHAIN, (d.chain_id for d in deployments))
    names = {chain.chain_id: chain.chain_name for chain in chains}
    for deployment in deployments:
        deployment.chain_name = names.get(deployment.chain_id, "")


async def present_listings(reading: BulkReader, listings: Sequence[Any], now: Instant) -> list[Any]:
    """Listings as they are to be told now; aliases by the terms of what they stand for."""
    spelled = {(v.venue_id, v.alias_of) for v in listings if v.alias_of}
    primaries = await reading.find_each(VENUE_SYMBOL, "spelling", spelled)
    found = []
    async for some in yielding(listings):
        for listing in some:
            stands_for = primaries.get((listing.venue_id, listing.alias_of), ())
            terms = tradeability.terms_for(listing, stands_for, now)
            found.append(tradeability.effective_listing(listing, terms, now))
    return found
