"""A registry to be loaded, in a stack of our own: the bundled catalogue, and what that lacks."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar import catalogue
from cqar.admin.connection import Connection
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from cqar.importer.apply import apply_entities
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain import decimals
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP, AssetGroup, GroupMember
from cqar_shared.domain.kinds.asset_identifier import (
    ASSET_IDENTIFIER,
    AssetDataSource,
    AssetIdentifier,
)
from loadtests.locust_runner import LoadFailed

REACH_S: Final = 60
#: Whose variants make a group each.
GROUPED: Final = ("bitcoin", "ether", "solana")


async def with_own_stack(work: Callable[[Endpoints], Awaitable[None]]) -> bool:
    """Start a stack, fill it, do the work, and take all of it down again.

    Returns:
        Whether the work was done; false if SIGINT or SIGTERM came before.
    """
    done = False
    state_dir = Path(tempfile.mkdtemp(prefix="cqar-load-"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    async def fill_and_work(endpoints: Endpoints) -> None:
        nonlocal done
        await asyncio.to_thread(fill, endpoints)
        await work(endpoints)
        done = True
        stop.set()

    try:
        await run_stack(StackOptions(state_dir, resolvers=1), fill_and_work, stop)
    finally:
        remove_state(state_dir)
    return done


def fill(endpoints: Endpoints) -> None:
    """Load the catalogue, groups and identifiers, and wait until the resolvers have it all.

    Raises:
        CallFailed: The writer refused or did not answer.
        LoadFailed: It rejected something, or a resolver did not follow.
    """
    with Connection(endpoints.writer, endpoints.keys.admin) as writer:
        loaded = catalogue.load(writer, dt.datetime.now(dt.UTC))
        added = apply_entities(writer, [*_groups(writer), *_identifiers()], "to be asked about")
    for rejected in (*loaded.rejected, *added.rejected):
        raise LoadFailed(f"{rejected.spelling} was rejected: {rejected.reason}")
    for address in endpoints.resolvers:
        with Connection(address) as resolver:
            _await_revision(resolver, added.revision)


def _groups(writer: Connection) -> list[tuple[AnyKind, Entity]]:
    """An asset and all that stands for it, as portfolios add it up."""
    found: list[tuple[AnyKind, Entity]] = []
    for slug in GROUPED:
        asset_id = catalogue.asset_id(slug)
        request = pb.ListAssetRelationshipsRequest(asset_id=asset_id)
        answer = writer.call(writer.registry.ListAssetRelationships, request)
        weights = {r.from_asset_id: r.conversion_rate for r in answer.relationships}
        members = [
            GroupMember(asset_id=member, weight=decimals.parse(weight) if weight else None)
            for member, weight in {**weights, asset_id: "1"}.items()
        ]
        group = AssetGroup(
            group_id=catalogue_id("group", slug),
            name=f"{slug} and what stands for it",
            members=tuple(members),
        )
        found.append((ASSET_GROUP, group))
    return found


def _identifiers() -> list[tuple[AnyKind, Entity]]:
    return [
        (
            ASSET_IDENTIFIER,
            AssetIdentifier(
                identifier_id=catalogue_id("identifier", row["slug"]),
                asset_id=catalogue.asset_id(row["slug"]),
                source=AssetDataSource.INTERNAL,
                external_id=row["slug"],
                is_primary=True,
            ),
        )
        for row in catalogue.read_table("assets")
    ]


def _await_revision(resolver: Connection, revision: int) -> None:
    deadline = time.monotonic() + REACH_S
    request = resolver_pb2.GetStatusRequest()
    while resolver.call(resolver.resolver.GetStatus, request).freshness.revision < revision:
        if time.monotonic() > deadline:
            raise LoadFailed(f"{resolver.address} is not at revision {revision} after {REACH_S} s")
        time.sleep(0.1)
