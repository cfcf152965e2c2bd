"""A blockchain, on which assets are deployed and DEX venues settle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec
from cqc.assets.v1 import chain_pb2

from cqar_shared.domain import caip, rules
from cqar_shared.domain.identifier_formats import NotAnIdentifier
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is, lifecycle
from cqar_shared.errors import FieldViolation


class Chain(Entity, frozen=True, kw_only=True):
    """A chain.

    Attributes:
        chain_id: A slug, such as ethereum.
        chain_type: Selects the rules of its addresses: EVM, SOLANA, COSMOS…
        network_id: The network's own number, such as 1 for Ethereum; real ones exceed 2^31.
        caip2: Its name by CAIP-2, such as cosmos:osmosis-1; None where it is not known, or follows
            from the number, as that of EVM chains does.
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
    caip2: str | None = None


def complete(_: Chain | None, given: Chain, __: RegistryView) -> Chain:
    """Bring the CAIP-2 name into its one spelling, if it is valid."""
    if not given.caip2:
        return msgspec.structs.replace(given, caip2=None)
    try:
        return msgspec.structs.replace(given, caip2=str(caip.parse_chain(given.caip2)))
    except NotAnIdentifier:
        return given


def check_chain(
    before: Chain | None, after: Chain, registry: RegistryView
) -> Iterator[FieldViolation]:
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
    if after.caip2:
        yield from _check_caip2(after, after.caip2, registry)


def _check_caip2(after: Chain, text: str, registry: RegistryView) -> Iterator[FieldViolation]:
    try:
        named = caip.parse_chain(text)
    except NotAnIdentifier as error:
        yield FieldViolation("caip2", error.reason, str(error))
        return
    of_type = caip.CHAIN_TYPES.get(named.namespace)
    if of_type is not None and of_type != after.chain_type.upper():
        message = f"{named.namespace} is of {of_type} chains; this one is {after.chain_type}"
        yield FieldViolation("caip2", "OTHER_CHAIN_TYPE", message)
    if named.network_id is not None and named.network_id != after.network_id:
        message = f"names network {named.network_id}; network_id is {after.network_id}"
        yield FieldViolation("caip2", "OTHER_NETWORK", message)
    for other in registry.find("chain", "caip2", text):
        if other.chain_id != after.chain_id:
            yield FieldViolation("caip2", "DUPLICATE", f"names {other.chain_id} already")


CHAIN = Kind(
    name="chain",
    entity=Chain,
    message=chain_pb2.Chain,
    key=("chain_id",),
    slugs=frozenset({"chain_id"}),
    table="chains",
    check=check_chain,
    check_relinked=checked_as_it_is(check_chain),
    complete=complete,
    referents={"native_asset_id": "asset"},
    lookups={
        "native_asset": by("native_asset_id"),
        "network": by("network_id"),
        "caip2": by("caip2"),
    },
    event=lifecycle("chain_registered", "chain_updated", "chain_removed"),
)
