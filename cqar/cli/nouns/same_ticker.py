"""Says which assets have a new asset's ticker already: from then on it names none of them."""

from __future__ import annotations

from itertools import islice
from typing import Final

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection

#: Assets that are shown.
SHOWN_MAX: Final = 20


def of_new_asset(connection: Connection, request: pb.CreateAssetRequest) -> list[str] | None:
    """A line for each asset of the ticker; None if no asset has it."""
    search = pb.SearchAssetsRequest(query=request.symbol, limit=pagination.PAGE_ROWS)
    method = connection.registry.SearchAssets
    found = pagination.entities(connection, method, search, "assets") if request.symbol else ()
    same = [asset for asset in found if asset.symbol == request.symbol]
    if not same:
        return None
    lines = [f"  {asset.asset_id}  {asset.name}" for asset in islice(same, SHOWN_MAX)]
    told = f"The ticker {request.symbol} has an asset already; commands will then need the id:"
    return [told, *lines]
