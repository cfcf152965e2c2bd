"""What a venue's list of currencies adds to the operator's codes: name, networks, flags. Pure.

Only what the venue states is taken; what it is silent about stays as it was. Where a network's
chain and the contract there are known, the deployment is named, if it is one of the code's asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from cqar.importer.market import Currency
from cqar.importer.networks import chain_by_id, registered
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain import addresses
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.chain import CHAIN, Chain
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, AssetNetwork, VenueAsset


class CodeDescriptions:
    """Describes codes by a venue's currencies, in the registry's own chains and deployments."""

    def __init__(self, state: RegistryState, currencies: Mapping[str, Currency]) -> None:
        self._state = state
        self._currencies = currencies
        self._chains: list[Chain] = list(state.all(CHAIN)) if currencies else []
        self._known: dict[str, Chain | None] = {}

    def items(self, holder: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with what is said of the codes in them; then other codes that it changes.

        Args:
            holder: Whose codes they are.
        """
        given: set[str] = set()
        for item in items:
            described = item
            if item.kind is VENUE_ASSET and isinstance(item.given, VenueAsset):
                given.add(item.given.asset_id)
                described = msgspec.structs.replace(item, given=self.described(item.given))
            yield described
        for held in list(self._state.all(VENUE_ASSET)) if self._currencies else ():
            if held.venue_id == holder and held.asset_id not in given:
                after = self.described(held)
                if after != held:
                    yield Item(kind=VENUE_ASSET, intent=ChangeIntent.UPSERT, given=after)

    def described(self, code: VenueAsset) -> VenueAsset:
        """A code as the venue describes it; one that has ended stays as it is."""
        found = (self._currencies[c] for c in code.codes if c in self._currencies)
        currency = next(found, None)
        if currency is None or code.delisted_at is not None:
            return code
        # By id, so that another order in the venue's answer is no change.
        listed = sorted(currency.networks, key=lambda network: network.network)
        networks = [self._own(network, code.asset_id) for network in listed]
        told: dict[str, Any] = {
            "name": currency.name,
            "networks": tuple(networks) or None,
            "deposit_enabled": currency.deposit_enabled,
            "withdraw_enabled": currency.withdraw_enabled,
        }
        stated = {field: value for field, value in told.items() if value is not None}
        return msgspec.structs.replace(code, **stated)

    def named_deployments(self, currency: Currency) -> list[AssetDeployment]:
        """The deployments that a currency names by contract, each once.

        A contract without a network names what is deployed at that address of any chain.
        """
        named = [self._deployment(network) for network in currency.networks]
        found = {d.deployment_id: d for d in named if d is not None}
        for address in currency.contracts:
            found |= {d.deployment_id: d for d in self._at_any(address)}
        return list(found.values())

    def _own(self, network: AssetNetwork, asset_id: str) -> AssetNetwork:
        chain = self._chain(network)
        deployment = self._deployment(network)
        is_own = deployment is not None and deployment.asset_id == asset_id
        return msgspec.structs.replace(
            network,
            chain_id=chain.chain_id if chain is not None else None,
            deployment_id=deployment.deployment_id if deployment is not None and is_own else None,
        )

    def _chain(self, network: AssetNetwork) -> Chain | None:
        if network.chain_id is None:
            return None
        if network.chain_id not in self._known:
            name = chain_by_id(network.chain_id)
            chain = registered(name, self._chains) if name is not None else None
            self._known[network.chain_id] = chain
        return self._known[network.chain_id]

    def _deployment(self, network: AssetNetwork) -> AssetDeployment | None:
        chain = self._chain(network)
        if chain is None or network.contract_address is None:
            return None
        return self._at(chain, network.contract_address)

    def _at_any(self, address: str) -> Iterator[AssetDeployment]:
        """What is deployed at an address, whatever the chain."""
        for chain_type in sorted({chain.chain_type for chain in self._chains}):
            try:
                place = addresses.canonical(chain_type, address)
            except addresses.NotAnAddress:
                continue
            yield from self._by_address.get((chain_type, place), ())

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], list[AssetDeployment]]:
        types = {chain.chain_id: chain.chain_type for chain in self._chains}
        found: dict[tuple[str, str], list[AssetDeployment]] = {}
        for deployment in self._state.all(ASSET_DEPLOYMENT):
            if deployment.address is not None and deployment.chain_id in types:
                place = (types[deployment.chain_id], deployment.address)
                found.setdefault(place, []).append(deployment)
        return found

    def _at(self, chain: Chain, address: str) -> AssetDeployment | None:
        try:
            place = addresses.canonical(chain.chain_type, address, chain.network_id)
        except addresses.NotAnAddress:
            return None
        found = self._state.find(ASSET_DEPLOYMENT.name, "address", chain.chain_id, place)
        return next(iter(found), None)
