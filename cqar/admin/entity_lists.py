"""Reads all of a kind's entities from the registry, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind

#: Kind -> the end of its List method's name, and the field of the response.
_LISTS: Final = {
    "asset": ("Assets", "assets"),
    "chain": ("Chains", "chains"),
    "asset_deployment": ("AssetDeployments", "deployments"),
    "asset_identifier": ("AssetIdentifiers", "identifiers"),
    "asset_relationship": ("AssetRelationships", "relationships"),
    "asset_group": ("AssetGroups", "groups"),
    "venue": ("Venues", "venues"),
    "symbol": ("Symbols", "symbols"),
    "venue_asset": ("VenueAssets", "venue_assets"),
    "venue_symbol": ("VenueSymbols", "venue_symbols"),
}


def messages_of(connection: Connection, kind: AnyKind, **filters: Any) -> Iterator[Any]:
    """The kind's messages that its List method returns.

    Args:
        filters: Fields of the method's request.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    name, field = _LISTS[kind.name]
    request = getattr(pb, f"List{name}Request")(**filters)
    method = getattr(connection.registry, f"List{name}")
    return pagination.entities(connection, method, request, field)


def entities_of(connection: Connection, kind: AnyKind, **filters: Any) -> Iterator[Any]:
    """The same, as entities."""
    for message in messages_of(connection, kind, **filters):
        yield entity_codec.from_message(kind, message)
