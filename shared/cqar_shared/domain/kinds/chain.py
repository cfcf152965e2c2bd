"""A blockchain, on which assets are deployed and DEX venues settle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from cqc.assets.v1 import chain_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is, lifecycle
from cqar_shared.errors import FieldViolation


class Chain(Entity, frozen=True, kw_only=True):
    """A chain.

    Attributes:
        chain_id: A slug, such as ethereum.
        chain_type: Selects the rules of its addresses: EVM, SOLANA, COSMOS…
        network_id: The network's own number, such as 1 for Ethereum; real ones exceed 2^31.
    """

    chain_id: str = ""
    chain_name: str = ""
    chain_type: str = ""
    network_id: int | None = None
    native_asset_id: str | None = None
    explorer_url: str | None = None
    rpc_urls: tuple[str, ...] = ()
    is_testnet: bool = False
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None


def check_chain(before: Chain | None, after: Chain, _: RegistryView) -> Iterator[FieldViolation]:
    yield from rules.check_slug("chain_id", after.chain_id)
    yield from rules.check_required(after, "chain_name")
    yield from rules.check_lines(after, "chain_name")
    yield from rules.check_printable("chain_type", after.chain_type)
    yield from rules.check_length(after, chain_name=rules.NAME_CHARS_MAX, chain_type=32)
    yield from rules.check_not_negative(after, "", "network_id")
    yield from rules.check_url(after, "explorer_url")
    yield from rules.check_urls("rpc_urls", after.rpc_urls, "http", "https", "ws", "wss")
    # The addresses on it were checked by the rules of this type.
    yield from rules.check_immutable(before, after, "register another chain", "chain_type")


CHAIN = Kind(
    name="chain",
    entity=Chain,
    message=chain_pb2.Chain,
    key=("chain_id",),
    slugs=frozenset({"chain_id"}),
    table="chains",
    check=check_chain,
    check_relinked=checked_as_it_is(check_chain),
    referents={"native_asset_id": "asset"},
    lookups={"native_asset": by("native_asset_id")},
    event=lifecycle("chain_registered", "chain_updated", "chain_removed"),
)
