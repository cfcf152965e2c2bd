"""What admins change: an asset of their own, through its whole life, until nothing is left of it.

Whoever is stopped in the middle leaves an asset behind; `remove_left` finds it by its name.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cqc.assets.v1 import asset_pb2, quality_flag_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf.message import Message

from cqar.admin.connection import Connection

TICKER: Final = "LOADTEST"
REASON: Final = "load test"
FOUND_MAX: Final = 1_000

#: Makes a call that counts; None if it failed.
Call = Callable[[str, Message], Any]


class AdminChanges(NamedTuple):
    """All that one process changes.

    Attributes:
        name: Of all its assets, and of nobody else's.
    """

    name: str
    numbers: itertools.count[int]


def new_changes() -> AdminChanges:
    return AdminChanges(f"Load test {uuid.uuid4()}", itertools.count(1))


def run_asset_life(changes: AdminChanges, call: Call) -> None:
    """Make an asset, rename it, flag it, resolve the flag, and remove both, unless a call fails."""
    made = call(
        "CreateAsset",
        pb.CreateAssetRequest(
            symbol=TICKER, name=changes.name, asset_type=asset_pb2.ASSET_TYPE_NATIVE
        ),
    )
    if made is None:
        return
    asset_id = made.asset.asset_id
    text = f"number {next(changes.numbers)}"
    if call("UpdateAsset", pb.UpdateAssetRequest(asset_id=asset_id, description=text)) is None:
        return
    raised = call(
        "RaiseQualityFlag",
        pb.RaiseQualityFlagRequest(
            asset_id=asset_id,
            flag_type=quality_flag_pb2.FLAG_TYPE_UNVERIFIED,
            severity=quality_flag_pb2.FLAG_SEVERITY_INFO,
            description=REASON,
        ),
    )
    if raised is None:
        return
    flag_id = raised.flag.flag_id
    over = pb.ResolveQualityFlagRequest(flag_id=flag_id, resolution_notes=REASON)
    if call("ResolveQualityFlag", over) is None:
        return
    call("Apply", removal([flag_id], [asset_id]))


def removal(flag_ids: list[str], asset_ids: list[str]) -> apb.ApplyRequest:
    """Removes these flags and then these assets, or nothing."""
    refs = [("quality_flag", flag_id) for flag_id in flag_ids]
    refs += [("asset", asset_id) for asset_id in asset_ids]
    items = [apb.ApplyItem(tombstone=apb.EntityRef(kind=kind, key=key)) for kind, key in refs]
    return apb.ApplyRequest(items=items)


def remove_left(changes: AdminChanges, writer: Connection) -> int:
    """Remove what was not removed, and say how many assets that were.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    request = pb.SearchAssetsRequest(query=changes.name, limit=FOUND_MAX)
    found = writer.call(writer.registry.SearchAssets, request).assets
    left = [asset.asset_id for asset in found if asset.name == changes.name]
    for asset_id in left:
        flags = writer.call(
            writer.registry.ListQualityFlags,
            pb.ListQualityFlagsRequest(asset_id=asset_id, include_resolved=True),
        ).flags
        gone = removal([flag.flag_id for flag in flags], [asset_id])
        writer.call(writer.admin.Apply, gone, REASON)
    return len(left)
