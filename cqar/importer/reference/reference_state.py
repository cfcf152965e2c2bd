"""The part of the registry that reference lists are compared with, in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.importer.registry_state import RegistryState
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Outcome
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.finding import FINDING, FindingState
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET

Progress = Callable[[int, int], None]
#: Kind -> the list's method, its request, and the field of its response.
_LISTS: Final[dict[str, tuple[str, Any, str]]] = {
    ASSET.name: ("ListAssets", pb.ListAssetsRequest, "assets"),
    CHAIN.name: ("ListChains", pb.ListChainsRequest, "chains"),
    ASSET_DEPLOYMENT.name: (
        *("ListAssetDeployments", pb.ListAssetDeploymentsRequest),
        "deployments",
    ),
    ASSET_IDENTIFIER.name: (
        *("ListAssetIdentifiers", pb.ListAssetIdentifiersRequest),
        "identifiers",
    ),
    ASSET_RELATIONSHIP.name: (
        *("ListAssetRelationships", pb.ListAssetRelationshipsRequest),
        "relationships",
    ),
    ASSET_GROUP.name: ("ListAssetGroups", pb.ListAssetGroupsRequest, "groups"),
    VENUE.name: ("ListVenues", pb.ListVenuesRequest, "venues"),
    VENUE_ASSET.name: ("ListVenueAssets", pb.ListVenueAssetsRequest, "venue_assets"),
}


class ReferenceState(RegistryState):
    """Entities of the kinds that a list concerns, and which findings there are.

    Attributes:
        findings: State of a finding, by id.
    """

    def __init__(self, now: dt.datetime, revision: int = 0) -> None:
        super().__init__(now, revision)
        self.findings: dict[str, FindingState] = {}

    def commit(self, outcomes: Iterable[Outcome]) -> None:
        """Hold what a plan changes, as the writer would."""
        for outcome in outcomes:
            if outcome.after is not None:
                self.replace(outcome.kind, outcome.after)
            if outcome.kind is FINDING:
                self.findings[outcome.key] = FindingState.OPEN


def load_reference_state(
    connection: Connection,
    now: dt.datetime,
    kinds: Iterable[AnyKind],
    finding_kinds: Iterable[str],
    progress: Progress = lambda _, __: None,
) -> ReferenceState:
    """Read all entities of some kinds, and the findings of some kinds.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    head = connection.call(connection.admin.GetHead, admin_pb.GetHeadRequest()).head
    state = ReferenceState(now, head.revision)
    wanted = list(kinds)
    for done, kind in enumerate(wanted):
        progress(done, len(wanted) + 1)
        method, request, field = _LISTS[kind.name]
        for found in pagination.entities(
            connection, getattr(connection.registry, method), request(), field
        ):
            state.add(kind, entity_codec.from_message(kind, found))
    progress(len(wanted), len(wanted) + 1)
    asked = admin_pb.ListProposalsRequest(kinds=list(finding_kinds))
    for found in pagination.entities(connection, connection.admin.ListProposals, asked, "findings"):
        state.findings[found.finding_id] = FindingState(found.state)
    return state
