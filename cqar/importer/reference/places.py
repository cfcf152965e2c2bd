"""Which chain and which deployment a list means. Pure.

A place is an address on a chain, or a chain's own coin (an empty address). Whoever names a place
means the same deployment, however the address is spelt.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cqar.importer.reference.reference_state import ReferenceState
from cqar_shared.domain import addresses, caip
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.chain import CHAIN, Chain

EVM: Final = "EVM"
#: In a Cosmos chain's metadata: the denomination of its own coin.
OWN_DENOM: Final = "own_denom"
#: Uniswap's number for Solana, and the Solana list's own for its clusters.
SOLANA_NUMBERS: Final = {
    101: "solana",
    102: "solana-testnet",
    103: "solana-devnet",
    501000101: "solana",
}
#: Addresses by which lists name a chain's own coin: no contract is there.
OWN_COIN_ADDRESSES: Final = frozenset({f"0x{'0' * 40}", f"0x{'e' * 40}"})
#: Ids of chains by number, where the registry's chain does not say its number.
_SLUGS: Final = {1: ("ethereum",), 56: ("bnb-smart-chain", "bsc"), 137: ("polygon",)}


class ChainPlace(NamedTuple):
    """Where a deployment is; an EVM address is folded to lower case."""

    chain_id: str
    address: str


class Places:
    """The registry's chains and deployments, and those that a list adds."""

    def __init__(self, state: ReferenceState) -> None:
        self._chains: dict[str, Chain] = {chain.chain_id: chain for chain in state.all(CHAIN)}
        self._by_number: dict[int, Chain] = {}
        self._by_caip2: dict[str, Chain] = {}
        self._held: dict[ChainPlace, AssetDeployment] = {}
        #: Asset -> chains on which it has a deployment.
        self.chains_of: dict[str, set[str]] = {}
        for chain in self._chains.values():
            self._number(chain)
        for deployment in state.all(ASSET_DEPLOYMENT):
            self.hold(deployment)

    def _number(self, chain: Chain) -> None:
        if chain.caip2:
            self._by_caip2[chain.caip2] = chain
        if chain.network_id is not None:
            known = self._by_number.get(chain.network_id)
            if known is None or known.chain_type != EVM or known.chain_id == chain.chain_id:
                self._by_number[chain.network_id] = chain

    def add_chain(self, chain: Chain) -> None:
        self._chains[chain.chain_id] = chain
        self._number(chain)

    def chain(self, chain_id: str) -> Chain | None:
        return self._chains.get(chain_id)

    def chain_of_number(self, number: int) -> Chain | None:
        """Return an EVM chain by its network's number."""
        if (chain := self._by_number.get(number)) is not None:
            return chain
        named = (self._chains.get(slug) for slug in _SLUGS.get(number, ()))
        return next((c for c in named if c and c.chain_type == EVM and c.network_id is None), None)

    def chain_of_caip2(self, name: caip.Chain2) -> Chain | None:
        """Return a chain by its CAIP-2 name: the one that it states, or its network's number."""
        number = name.network_id
        known = self._by_caip2.get(str(name))
        return known or (self.chain_of_number(number) if number is not None else None)

    def chain_of_listed(self, number: int, address: str) -> Chain | None:
        """Return a chain by the number that token lists give it.

        Solana's numbers are other networks' among EVM chains; the address tells which is meant.
        """
        if number in SOLANA_NUMBERS and not address.startswith("0x"):
            return self._chains.get(SOLANA_NUMBERS[number])
        return self.chain_of_number(number)

    def place(self, chain: Chain, address: str | None) -> ChainPlace:
        text = address or ""
        if chain.chain_type == EVM:
            return ChainPlace(chain.chain_id, text.lower())
        try:
            text = addresses.canonical(chain.chain_type, text, chain.network_id) if text else ""
        except addresses.NotAnAddress:
            return ChainPlace(chain.chain_id, text)
        return ChainPlace(chain.chain_id, text)

    def deployment(self, place: ChainPlace) -> AssetDeployment | None:
        return self._held.get(place)

    def asset_at(self, place: ChainPlace) -> str | None:
        """Return the asset of a place: of its deployment, or the chain's own coin."""
        held = self._held.get(place)
        if held is not None:
            return held.asset_id
        chain = self._chains.get(place.chain_id)
        return chain.native_asset_id if chain is not None and not place.address else None

    def hold(self, deployment: AssetDeployment) -> None:
        chain = self._chains.get(deployment.chain_id)
        if chain is not None and (deployment.address or deployment.is_native):
            self._held[self.place(chain, deployment.address)] = deployment
            self.chains_of.setdefault(deployment.asset_id, set()).add(chain.chain_id)
