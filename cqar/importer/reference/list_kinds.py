"""The kinds of reference lists: what each is compared with, and who plans it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cqar.importer.reference import (
    chain_list,
    code_map,
    collection_list,
    cosmos_assets,
    identifiers,
    token_list,
)
from cqar.importer.reference.list_file import ListFile
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.reference_state import ReferenceState
from cqar.importer.reference.statements import Statements
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET

_PLACES: Final = (ASSET, CHAIN, ASSET_DEPLOYMENT, ASSET_RELATIONSHIP)
_IDENTITY: Final = (
    FindingKind.SAME_TICKER,
    FindingKind.DECIMALS_DISAGREE,
    FindingKind.DUPLICATE,
)


class ListKind(NamedTuple):
    """A kind of list.

    Attributes:
        needs: Kinds of entities that it is compared with.
        finding_kinds: Findings that it may open.
        plan: Reads and plans it. Raises UnusableAnswer where the file is no such list.
    """

    name: str
    needs: tuple[AnyKind, ...]
    finding_kinds: tuple[str, ...]
    plan: Callable[..., ListPlan]


LIST_KINDS: Final = {
    kind.name: kind
    for kind in (
        ListKind(token_list.KIND, _PLACES, _IDENTITY, token_list.plan_token_list),
        ListKind(chain_list.KIND, _PLACES, _IDENTITY, chain_list.plan_chain_list),
        ListKind(cosmos_assets.KIND, _PLACES, _IDENTITY, cosmos_assets.plan_cosmos_assets),
        ListKind(
            collection_list.KIND,
            (*_PLACES, ASSET_IDENTIFIER, ASSET_GROUP),
            _IDENTITY,
            collection_list.plan_collections,
        ),
        ListKind(
            code_map.KIND,
            (*_PLACES, ASSET_IDENTIFIER, VENUE, VENUE_ASSET),
            (*_IDENTITY, FindingKind.REUSE),
            code_map.plan_code_map,
        ),
        ListKind(
            identifiers.KIND,
            (*_PLACES, ASSET_IDENTIFIER),
            (FindingKind.DUPLICATE,),
            identifiers.plan_identifiers,
        ),
    )
}


def plan_list(
    kind: ListKind,
    state: ReferenceState,
    source: ListFile,
    at: dt.datetime,
    **options: Any,
) -> ListPlan:
    """Say what a list would change.

    Args:
        options: What the kind's planner takes besides.

    Raises:
        UnusableAnswer: The file is no list of this kind.
    """
    return kind.plan(Statements(state, source, at), **options)
