"""The registry's assets by what venues say of them: ticker, name, contract. Pure."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from cqar.importer.identity.names import is_name, normal
from cqar.importer.market import Currency
from cqar.importer.networks import chain_by_id, registered
from cqar.importer.price_evidence import Quote, Rates, rates_of, stored_quotes
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain import addresses
from cqar_shared.domain.kinds.asset import ASSET, Asset
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.asset_relationship import (
    ASSET_RELATIONSHIP,
    AssetRelationship,
    RelationshipType,
)
from cqar_shared.domain.kinds.chain import CHAIN, Chain
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_asset import AssetNetwork

#: Forms of addresses that say which type of chain they are of; of these only, an address counts
#: where it is not known which chain a venue's network is.
_TELLING: tuple[str, ...] = ("EVM", "SOLANA", "TRON")
#: A merged asset answers by another one, and that by no more than so many.
_MERGES_MAX = 16


class AssetIndex:
    """Finds assets as they were when the index was made."""

    def __init__(self, state: RegistryState) -> None:
        self._state = state
        self._chains: dict[str, Chain | None] = {}
        self._by_ticker: dict[str, dict[str, Asset]] = defaultdict(dict)
        for asset in state.all(ASSET):
            if asset.merged_into is None:
                former = (name.symbol for name in asset.former_names or () if name.symbol)
                for ticker in (asset.symbol, *former):
                    self._by_ticker[ticker.casefold()][asset.asset_id] = asset

    def get(self, asset_id: str) -> Asset | None:
        """The asset that answers for an id."""
        for _ in range(_MERGES_MAX):
            asset: Asset | None = self._state.get(ASSET.name, asset_id)
            if asset is None or asset.merged_into is None:
                return asset
            asset_id = asset.merged_into
        return None

    def by_ticker(self, ticker: str) -> list[Asset]:
        """Those that have it or had it, in any case of letters."""
        return list(self._by_ticker.get(ticker.casefold(), {}).values())

    @cached_property
    def _by_name(self) -> dict[str, list[Asset]]:
        found: dict[str, dict[str, Asset]] = defaultdict(dict)
        for asset in self._state.all(ASSET):
            for name in names_of(asset) if asset.merged_into is None else ():
                found[normal(name, asset.symbol)][asset.asset_id] = asset
        return {name: list(assets.values()) for name, assets in found.items()}

    def by_names(self, names: Iterable[str], ticker: str) -> list[Asset]:
        """Those of which one of the full names is theirs, now or formerly."""
        found = {a.asset_id: a for n in names for a in self._by_name.get(normal(n, ticker), ())}
        return list(found.values())

    @cached_property
    def traded(self) -> frozenset[str]:
        """The assets that symbols stand on."""
        return frozenset(
            asset_id
            for symbol in self._state.all(SYMBOL)
            for asset_id in (symbol.base_asset_id, symbol.quote_asset_id)
        )

    def was_anothers(self, ticker: str, asset_id: str, at: dt.datetime) -> bool:
        """Whether another asset had a ticker at an instant, and has it no more."""
        return any(
            former.symbol == ticker and former.until is not None and at < former.until
            for asset in self.by_ticker(ticker)
            if asset.asset_id != asset_id
            for former in asset.former_names or ()
        )

    def is_placeholder(self, asset: Asset) -> bool:
        """Whether nothing is known of an asset but what venues call it: not even a contract."""
        own = self._state.find(ASSET_DEPLOYMENT.name, "asset", asset.asset_id)
        return asset.unverified and not any(True for _ in own)

    # ------------------------------------------------------------ contracts

    def by_contract(self, currency: Currency | None) -> dict[str, str]:
        """Asset id -> the contract that is its deployment, of those that a currency names."""
        found: dict[str, str] = {}
        for network in currency.networks if currency is not None else ():
            chain, address = self._chain(network), network.contract_address
            for asset_id in self._at(chain, address) if address else ():
                found[asset_id] = f"{network.network}: {address}"
        for address in currency.contracts if currency is not None else ():
            found |= dict.fromkeys(self._at(None, address), address)
        return found

    def _chain(self, network: AssetNetwork) -> Chain | None:
        """The registry's chain that a venue's network is, if that is known."""
        if network.chain_id is None:
            return None
        if network.chain_id not in self._chains:
            name = chain_by_id(network.chain_id)
            chains = list(self._state.all(CHAIN))
            own = self._state.get(CHAIN.name, network.chain_id)
            found = own if name is None else registered(name, chains)
            self._chains[network.chain_id] = found
        return self._chains[network.chain_id]

    def _at(self, chain: Chain | None, address: str) -> set[str]:
        """The assets that a contract is a deployment of.

        Where the chain is not known: the one asset that is deployed at the address anywhere, if
        its form tells of which chains it can be.
        """
        if chain is not None:
            stored = _canonical(chain.chain_type, address, chain.network_id)
            find = self._state.find(ASSET_DEPLOYMENT.name, "address", chain.chain_id, stored)
            return {d.asset_id for d in find} if stored else set()
        forms = {_canonical(chain_type, address) for chain_type in _TELLING} - {None}
        assets = {a for form in forms for a in self._by_address.get(form or "", ())}
        return assets if len(assets) == 1 else set()

    @cached_property
    def _by_address(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for held in self._state.all(ASSET_DEPLOYMENT):
            chain = self._state.get(CHAIN.name, held.chain_id)
            if held.address and chain is not None and chain.chain_type.upper() in _TELLING:
                stored = _canonical(chain.chain_type, held.address, chain.network_id)
                found[stored or held.address].add(held.asset_id)
        return found

    def other_contract(self, asset: Asset, currency: Currency | None) -> str | None:
        """A contract on a chain where the asset has another one; None if there is none."""
        for network in currency.networks if currency is not None else ():
            chain = self._chain(network)
            if chain is None or not network.contract_address:
                continue
            stored = _canonical(chain.chain_type, network.contract_address, chain.network_id)
            own = self._state.find(ASSET_DEPLOYMENT.name, "asset", asset.asset_id)
            there = {d.address for d in own if d.chain_id == chain.chain_id and d.address}
            if stored and there and stored not in there:
                return f"{network.network}: {network.contract_address}"
        return None

    # ------------------------------------------------------------ prices, successions

    @cached_property
    def _quotes(self) -> dict[str, list[tuple[str, Quote]]]:
        found: dict[str, list[tuple[str, Quote]]] = defaultdict(list)
        for price in self._state.all(ASSET_PRICE):
            pairs = [(price.venue_id, quote) for quote in stored_quotes(price)]
            found[price.asset_id] += pairs
        return found

    def quotes(self, asset_id: str) -> list[Quote]:
        """Stored prices of an asset, of all operators."""
        return [quote for _, quote in self._quotes.get(asset_id, ())]

    def quotes_of(self, operator: str, asset_id: str) -> list[Quote]:
        """Stored prices of an asset, of one operator."""
        return [quote for venue, quote in self._quotes.get(asset_id, ()) if venue == operator]

    @cached_property
    def rates(self) -> Rates:
        return rates_of((a, quote) for a, found in self._quotes.items() for _, quote in found)

    def became(self, asset_id: str) -> Iterator[AssetRelationship]:
        """The successions from which an asset came."""
        for edge in self._state.find(ASSET_RELATIONSHIP.name, "to", asset_id):
            if edge.relationship_type is RelationshipType.MIGRATES_TO:
                yield edge


def names_of(asset: Asset) -> list[str]:
    """Full names of an asset, now and formerly; not those that are its ticker again."""
    former = [(f.name, f.symbol or asset.symbol) for f in asset.former_names or ()]
    return [n for n, ticker in ((asset.name, asset.symbol), *former) if n and is_name(n, ticker)]


def _canonical(chain_type: str, address: str, network_id: int | None = None) -> str | None:
    try:
        return addresses.canonical(chain_type, address, network_id)
    except addresses.NotAnAddress:
        return None
