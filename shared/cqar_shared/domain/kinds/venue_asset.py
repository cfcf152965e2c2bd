"""An asset at a venue: the venue's codes for it, and whether it can be moved and traded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from cqc.venues.v1 import venue_asset_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, Lookup, RegistryView, Row, by, checked_as_it_is
from cqar_shared.domain.rules import overlap
from cqar_shared.errors import FieldViolation

OTHER_CODES_MAX = 16
NETWORKS_MAX = 128
EVIDENCE_MAX = 16
DETAIL_CHARS_MAX = 256
AMOUNTS = ("min_deposit", "min_withdrawal", "withdrawal_fee", "deposit_fee")
_FINAL_FIELDS = (
    *("venue_asset_symbol", "other_codes", "deployment_id", "delisted_at"),
    *("deposit_enabled", "withdraw_enabled", "trading_enabled"),
    *(f"exact.{amount}" for amount in AMOUNTS),
)


class AssetNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network that a venue moves an asset on. None: not known.

    Attributes:
        network: The venue's own id of it, such as ARBITRUM.
        chain_id, deployment_id: The registry's, where it is known which they are.
        contract_address: As the venue writes it.
        min_deposit, min_withdrawal, withdrawal_fee: In units of the asset.
        confirmations: Until a deposit is credited.
    """

    network: str = ""
    chain_id: str | None = None
    contract_address: str | None = None
    deployment_id: str | None = None
    deposit_enabled: bool | None = None
    withdraw_enabled: bool | None = None
    min_deposit: Decimal | None = None
    min_withdrawal: Decimal | None = None
    withdrawal_fee: Decimal | None = None
    confirmations: int | None = None
    requires_memo: bool | None = None


class BindingEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that says which asset a code is.

    Attributes:
        kind: REVIEWED, CONTRACT, OPERATOR_CODE, NAME, PRICE, CATALOGUE_TICKER.
        code: The code that it speaks of.
        detail: For people.
    """

    kind: str = ""
    code: str | None = None
    detail: str | None = None
    taken_at: dt.datetime | None = None


class VenueAsset(Entity, frozen=True, kw_only=True):
    """One entity for each venue and asset; listing the asset again reopens it.

    Attributes:
        venue_asset_symbol: The venue's own code, such as XXBT.
        other_codes: Its further codes for the same asset, such as XBT.
        deposit_enabled, withdraw_enabled, trading_enabled: None if not known.
        networks: None if not known.
        name: The venue's full name of the asset.
        evidence: What says that its codes are this asset, the strongest first; None: nothing noted.
    """

    venue_id: str = ""
    asset_id: str = ""
    venue_asset_symbol: str = ""
    deployment_id: str | None = None
    deposit_enabled: bool | None = None
    withdraw_enabled: bool | None = None
    trading_enabled: bool | None = None
    min_deposit: Decimal | None = None
    min_withdrawal: Decimal | None = None
    withdrawal_fee: Decimal | None = None
    deposit_fee: Decimal | None = None
    listed_at: dt.datetime | None = None
    delisted_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    other_codes: tuple[str, ...] = ()
    networks: tuple[AssetNetwork, ...] | None = None
    name: str | None = None
    evidence: tuple[BindingEvidence, ...] | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.venue_asset_symbol, *self.other_codes)


def codes_at(held: Any) -> list[tuple[str, str]]:
    """Return (venue, code) for each code of an entity or of its message."""
    return [(held.venue_id, code) for code in (held.venue_asset_symbol, *held.other_codes)]


def code_rows(entity: VenueAsset) -> Iterator[Row]:
    """The rows of its codes. After an asset's end another one may have its codes."""
    names = ("venue_id", "asset_id", "listed_at", "delisted_at")
    ours = {name: getattr(entity, name) for name in names}
    for code in entity.codes:
        yield "venue_asset_codes", {**ours, "code": code}


def complete(before: VenueAsset | None, given: VenueAsset, registry: RegistryView) -> VenueAsset:
    given = rules.without_empty(given, "networks", "evidence")
    if given.listed_at is not None:
        return given
    reopened = before is not None and before.delisted_at is not None and given.delisted_at is None
    if before is None or reopened:
        listed_at = None if registry.historical else registry.now
    else:
        listed_at = before.listed_at
    return msgspec.structs.replace(given, listed_at=listed_at)


def check_venue_asset(
    before: VenueAsset | None, after: VenueAsset, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_required(after, "venue_id", "asset_id")
    yield from rules.check_printable("venue_asset_symbol", after.venue_asset_symbol)
    for code in after.other_codes[:OTHER_CODES_MAX]:
        yield from rules.check_printable("other_codes", code)
    if len(after.other_codes) > OTHER_CODES_MAX:
        yield FieldViolation("other_codes", "TOO_MANY", f"at most {OTHER_CODES_MAX}")
    if len(set(after.codes)) < len(after.codes):
        yield FieldViolation("other_codes", "DUPLICATE", "names a code twice")
    yield from rules.check_not_negative(after, "exact.", *AMOUNTS)
    if after.listed_at and after.delisted_at and after.listed_at >= after.delisted_at:
        yield FieldViolation("delisted_at", "NOT_AFTER_LISTING", "must be later than listed_at")
    yield from rules.check_past(after, registry.now, "delisted_at")
    if before is not None and before.delisted_at and after.delisted_at and not registry.historical:
        yield from rules.check_immutable(
            before, after, "it was delisted: list it anew", *_FINAL_FIELDS
        )
    yield from rules.check_lines(after, "name")
    yield from rules.check_length(after, name=rules.NAME_CHARS_MAX)
    yield from _check_deployment(after, registry)
    yield from _check_networks(after, registry)
    yield from _check_evidence(after)
    yield from _check_codes(after, registry)


def _check_deployment(after: VenueAsset, registry: RegistryView) -> Iterator[FieldViolation]:
    """Check that the deployment is this asset's: deposits go to its contract."""
    held = registry.get("asset_deployment", after.deployment_id) if after.deployment_id else None
    if held is not None and held.asset_id != after.asset_id:
        yield FieldViolation("deployment_id", "OTHER_ASSET", f"is a deployment of {held.asset_id}")


def _check_networks(after: VenueAsset, registry: RegistryView) -> Iterator[FieldViolation]:
    networks = after.networks or ()
    if len(networks) > NETWORKS_MAX:
        yield FieldViolation("networks", "TOO_MANY", f"at most {NETWORKS_MAX}")
        return
    if len({one.network for one in networks}) < len(networks):
        yield FieldViolation("networks", "DUPLICATE", "names a network twice")
    for place, one in enumerate(networks):
        prefix = f"networks[{place}]."
        yield from rules.check_printable(f"{prefix}network", one.network)
        if one.contract_address is not None:
            yield from rules.check_printable(f"{prefix}contract_address", one.contract_address)
        yield from rules.check_not_negative(
            one, prefix, "min_deposit", "min_withdrawal", "withdrawal_fee", "confirmations"
        )
        if one.chain_id and registry.get("chain", one.chain_id) is None:
            yield FieldViolation(f"{prefix}chain_id", "NOT_FOUND", f"no chain {one.chain_id!r}")
        yield from _check_network_deployment(after, one, prefix, registry)


def _check_network_deployment(
    after: VenueAsset, one: AssetNetwork, prefix: str, registry: RegistryView
) -> Iterator[FieldViolation]:
    if not one.deployment_id:
        return
    held = registry.get("asset_deployment", one.deployment_id)
    field = f"{prefix}deployment_id"
    if held is None:
        yield FieldViolation(field, "NOT_FOUND", f"no asset deployment {one.deployment_id!r}")
    elif held.asset_id != after.asset_id:
        yield FieldViolation(field, "OTHER_ASSET", f"is a deployment of {held.asset_id}")
    elif one.chain_id and held.chain_id != one.chain_id:
        yield FieldViolation(field, "OTHER_CHAIN", f"is a deployment on {held.chain_id}")


def _check_evidence(after: VenueAsset) -> Iterator[FieldViolation]:
    evidence = after.evidence or ()
    if len(evidence) > EVIDENCE_MAX:
        yield FieldViolation("evidence", "TOO_MANY", f"at most {EVIDENCE_MAX}")
        return
    for place, one in enumerate(evidence):
        prefix = f"evidence[{place}]."
        for violation in rules.check_words("kind", (one.kind,), 1):
            yield violation._replace(field=f"{prefix}kind")
        if one.code is not None:
            yield from rules.check_printable(f"{prefix}code", one.code)
        if one.detail is not None and len(one.detail) > DETAIL_CHARS_MAX:
            message = f"has {len(one.detail)} characters; at most {DETAIL_CHARS_MAX}"
            yield FieldViolation(f"{prefix}detail", "TOO_LONG", message)


def _check_codes(after: VenueAsset, registry: RegistryView) -> Iterator[FieldViolation]:
    """Check that a code means one asset of a venue at one time: deposits are credited by code."""
    for place, code in enumerate(after.codes[: 1 + OTHER_CODES_MAX]):
        field = "other_codes" if place else "venue_asset_symbol"
        for rival in registry.find("venue_asset", "code", after.venue_id, code):
            if rival.asset_id != after.asset_id and overlap(rival, after):
                message = f"{code!r} names asset {rival.asset_id} here in an overlapping period"
                yield FieldViolation(field, "CODE_TAKEN", message)


def event_of(before: VenueAsset | None, after: VenueAsset | None) -> str:
    if after is None:
        return "venue_asset_removed"
    was_open = before is not None and before.delisted_at is None
    is_open = after.delisted_at is None
    if was_open == is_open:
        return "venue_asset_updated"
    return "venue_asset_listed" if is_open else "venue_asset_delisted"


def delist(entity: VenueAsset, at: dt.datetime) -> VenueAsset:
    """End the asset at an instant, and disable deposits, withdrawals and trading."""
    return msgspec.structs.replace(
        entity,
        delisted_at=entity.delisted_at or at,
        deposit_enabled=False,
        withdraw_enabled=False,
        trading_enabled=False,
    )


VENUE_ASSET = Kind(
    name="venue_asset",
    entity=VenueAsset,
    message=venue_asset_pb2.VenueAsset,
    key=("venue_id", "asset_id"),
    slugs=frozenset({"venue_id"}),
    table="venue_assets",
    child_tables=("venue_asset_codes",),
    children=code_rows,
    check=check_venue_asset,
    check_relinked=checked_as_it_is(check_venue_asset),
    complete=complete,
    referents={"venue_id": "venue", "asset_id": "asset", "deployment_id": "asset_deployment"},
    lookups={
        "code": Lookup(
            ("venue_id", "code"),
            table="venue_asset_codes",
            values=codes_at,
        ),
        "asset": by("asset_id"),
        "venue": by("venue_id"),
    },
    event=event_of,
    derived={"is_active": lambda v: v.delisted_at is None},
    recreatable=lambda v: v.delisted_at is not None,
)
