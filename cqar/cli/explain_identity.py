"""What says which assets a listing is of, and what is not decided about it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar_shared.codec import entity_codec
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.finding import FINDING, Finding
from cqar_shared.domain.kinds.symbol import Symbol
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET

#: Fields of a product -> what the asset is of it.
ROLES: Final = {
    "base_asset_id": "base",
    "quote_asset_id": "quote",
    "settlement_asset_id": "settlement",
}
BINDING_COLUMNS: Final = ("what", "asset", "code", "evidence", "detail", "taken at")
_UNDECIDED: Final = (finding_pb2.FINDING_STATE_OPEN, finding_pb2.FINDING_STATE_HELD)


class Binding(NamedTuple):
    """What says that a code is an asset; a row for each piece of evidence.

    Attributes:
        what: Base, quote or settlement.
        evidence: Its kind; empty where nothing is noted.
    """

    what: str
    asset: str
    code: str
    evidence: str
    detail: str
    taken_at: str


def bindings(connection: Connection, venue_id: str, symbol: Symbol) -> list[Binding]:
    """What is known of the codes by which an operator names a product's assets.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    holder = _holder(connection, venue_id)
    found = []
    for field, what in ROLES.items():
        asset_id = getattr(symbol, field)
        if asset_id and (what != "settlement" or asset_id != symbol.quote_asset_id):
            found += _of_asset(connection, holder, what, asset_id)
    return found


def _holder(connection: Connection, venue_id: str) -> str:
    """The venue at which the venue's codes are noted: its operator, if that is a venue."""
    asked = registry_pb.GetVenueRequest(venue_id=venue_id)
    venue: Any = entity_codec.from_message(
        VENUE, connection.call(connection.registry.GetVenue, asked).venue
    )
    if venue.operator in (None, venue_id):
        return venue_id
    try:
        connection.call(
            connection.registry.GetVenue, registry_pb.GetVenueRequest(venue_id=venue.operator)
        )
    except CallFailed as error:
        if error.code == "NOT_FOUND":
            return venue_id
        raise
    operator: str = venue.operator
    return operator


def _of_asset(connection: Connection, holder: str, what: str, asset_id: str) -> list[Binding]:
    registry = connection.registry
    answer = connection.call(registry.GetAsset, registry_pb.GetAssetRequest(asset_id=asset_id))
    asset: Any = entity_codec.from_message(ASSET, answer.asset)
    unverified = ", unverified" if asset.unverified else ""
    name = f"{asset.symbol} ({asset.name}{unverified})"
    request = registry_pb.ListVenueAssetsRequest(venue_id=holder, asset_id=asset_id)
    rows = []
    for message in pagination.entities(
        connection, registry.ListVenueAssets, request, "venue_assets"
    ):
        held: Any = entity_codec.from_message(VENUE_ASSET, message)
        codes = ", ".join(held.codes)
        rows += [
            Binding(
                *(what, name, one.code or codes, one.kind, one.detail or ""),
                entity_diff.value_text(one.taken_at),
            )
            for one in held.evidence or ()
        ] or [Binding(what, name, codes, "", "nothing is noted of what says so", "")]
    return rows or [Binding(what, name, "", "", "no code of the operator's is noted", "")]


def open_findings(
    connection: Connection, venue_id: str, venue_symbol: str, base_asset_id: str
) -> list[Finding]:
    """What is not decided about a listing, or about which coin its base is.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    found: dict[str, Finding] = {}
    for about in (
        pb.ListProposalsRequest(venue_id=venue_id, venue_symbol=venue_symbol),
        pb.ListProposalsRequest(asset_id=base_asset_id),
    ):
        about.states.extend(_UNDECIDED)
        method = connection.admin.ListProposals
        for message in pagination.entities(connection, method, about, "findings"):
            finding: Any = entity_codec.from_message(FINDING, message)
            is_about = finding.venue_symbol == venue_symbol or finding.asset_id == base_asset_id
            if is_about and finding.venue_symbol in (None, venue_symbol):
                found[finding.finding_id] = finding
    return list(found.values())
