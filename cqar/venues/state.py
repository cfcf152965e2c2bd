"""The part of the registry that concerns one venue, in memory.

It is a working set that lacks nothing: what is not in it is not in the registry. So the
writer's own rules judge a plan here, before anything is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.connection import Connection
from shared import codec
from shared.entities.asset import ASSET
from shared.entities.chain import CHAIN
from shared.entities.symbol import SYMBOL
from shared.entities.venue import VENUE, Venue
from shared.entities.venue_asset import VENUE_ASSET
from shared.entities.venue_symbol import VENUE_SYMBOL
from shared.kind import AnyKind, Entity, Ref
from shared.working_set import Find, Stored, WorkingSet

PAGE: Final = 1_000


class RegistryState(WorkingSet):
    """Entities by key and by every lookup of their kinds."""

    def __init__(self, now: dt.datetime, revision: int = 0) -> None:
        """Hold nothing yet.

        Args:
            now: The instant that rules are judged at.
            revision: Where the registry stood before any of it was read.
        """
        super().__init__(now, historical=True)
        self.revision = revision

    def stored(self, ref: Ref) -> Stored | None:
        return self._stored.get(ref)

    def add(self, kind: AnyKind, entity: Entity) -> None:
        key = kind.key_of(entity)
        self.know((kind.name, key), Stored(entity, 0, b""))
        for name, lookup in kind.lookups.items():
            for values in lookup.values_of(entity):
                find = Find(kind.name, name, values)
                self.know_found(find, [*self._found.get(find, ()), key])

    def all(self, kind: AnyKind) -> Iterator[Any]:
        for (name, _), stored in self._stored.items():
            if name == kind.name and stored is not None:
                yield stored.entity


def load_state(connection: Connection, venue: Venue, now: dt.datetime) -> RegistryState:
    """Read what a plan for the venue needs: all assets and symbols, and the venue's own.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    head = connection.call(connection.admin.GetHead, admin_pb.GetHeadRequest()).head
    state = RegistryState(now, head.revision)
    registry, call = connection.registry, connection.call
    state.add(VENUE, venue)
    for chain in call(registry.ListChains, pb.ListChainsRequest()).chains:
        state.add(CHAIN, codec.from_message(CHAIN, chain))
    for asset in _pages(connection, registry.ListAssets, pb.ListAssetsRequest(), "assets"):
        state.add(ASSET, codec.from_message(ASSET, asset))
    for symbol in _pages(connection, registry.ListSymbols, pb.ListSymbolsRequest(), "symbols"):
        state.add(SYMBOL, codec.from_message(SYMBOL, symbol))
    for venue_id in dict.fromkeys((venue.venue_id, code_holder(venue))):
        if venue_id != venue.venue_id:
            answer = call(registry.ListVenues, pb.ListVenuesRequest())
            for other in answer.venues:
                if other.venue_id == venue_id:
                    state.add(VENUE, codec.from_message(VENUE, other))
        held = call(registry.ListVenueAssets, pb.ListVenueAssetsRequest(venue_id=venue_id))
        for venue_asset in held.venue_assets:
            state.add(VENUE_ASSET, codec.from_message(VENUE_ASSET, venue_asset))
    request = pb.ListVenueSymbolsRequest(venue_id=venue.venue_id, include_delisted=True)
    for listing in _pages(connection, registry.ListVenueSymbols, request, "venue_symbols"):
        state.add(VENUE_SYMBOL, codec.from_message(VENUE_SYMBOL, listing))
    return state


def code_holder(venue: Venue) -> str:
    """The venue whose asset codes apply: venues of one operator share its codes."""
    return venue.operator or venue.venue_id


def _pages(connection: Connection, method: Any, request: Any, field: str) -> Iterator[Any]:
    request.page_size = PAGE
    while True:
        answer = connection.call(method, request)
        yield from getattr(answer, field)
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token
