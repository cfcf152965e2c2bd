"""One record of a source, and what it says in the registry's own terms."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.asset import Asset, AssetType
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from tests.real.asset_identity import AssetIdentityMap, AssetPlace

_NAMESPACE: Final = uuid.UUID("5b0c6f5a-30c7-5a9e-8f0e-6c1d8f4f2a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A raw record and the entities it states. Nothing in them is corrected.

    Attributes:
        source: Which list it is of.
        text: The record in one line, for people.
        raw: The record.
        entities: What it states; empty if that is nothing a registry holds.
        silent: Why it states nothing.
    """

    source: str
    text: str
    raw: Any
    entities: tuple[Entity, ...] = ()
    silent: str = ""


def an_id(*parts: object) -> str:
    """The same id for the same thing, however often and wherever it is listed."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(map(str, parts))))


@dataclass(slots=True)
class AssetStatements:
    """Which assets have been stated: an asset is stated once, in the words of who is first.

    A later row of the same asset adds where else it is; it does not rename it.
    """

    identity: AssetIdentityMap
    stated: set[str] = field(default_factory=set)

    def asset(
        self, place: AssetPlace, symbol: str, name: str, kind: AssetType | None
    ) -> list[Entity]:
        """The asset of a place, unless it was stated before.

        CQC's types know neither Cosmos denominations nor rotki's: such an asset has none, and
        is unverified.
        """
        asset_id = an_id("asset", *self.identity.first_of(place))
        if asset_id in self.stated:
            return []
        self.stated.add(asset_id)
        return [
            Asset(
                asset_id=asset_id,
                symbol=symbol,
                name=name,
                asset_type=kind,
                unverified=kind is None,
            )
        ]

    def asset_id(self, place: AssetPlace) -> str:
        return an_id("asset", *self.identity.first_of(place))

    def deployment(
        self, of: AssetPlace, at: AssetPlace, address: str | None, decimals: int | None
    ) -> AssetDeployment:
        """A deployment of one place's asset at a place; mostly the same.

        Args:
            address: As the record writes it; None for the chain's own coin.
        """
        return AssetDeployment(
            deployment_id=an_id("deployment", *at),
            asset_id=self.asset_id(of),
            chain_id=at.chain_id,
            address=address,
            decimals=decimals,
            is_native=address is None,
        )
