"""Which places are one asset.

A place is an address on a chain, or a chain's own coin. Whoever lists a place means the same
deployment, so the place alone makes a deployment's identity. An asset may be at many places:

1. Lists link places: Uniswap's `bridgeInfo`, the Superchain's `opTokenId`, the Cosmos lists'
   `additional-mintage` (the same coin, issued on another chain too).
2. A token list's link makes two places one asset only if they bear the same symbol in it: the
   links also lead from USDC to USDC.e, which is another asset.
3. No link leads from a test network to a main one: a test coin is not the coin.
4. Where the Cosmos lists say how a place came to be, they overrule the token lists, which only
   say that it is linked: what wraps its chain's coin is one with nothing else (WETH wraps
   another ether on every chain), and what is bridged is not one with what it bridges.

All links are known before the first row is read, so no row depends on the order of lists.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Uniswap's number for Solana, and the Solana list's own for its clusters. None is an EVM chain's.
SOLANA_NUMBERS: Final = {
    101: "solana",
    102: "solana-testnet",
    103: "solana-devnet",
    501000101: "solana",
}
EVM_PREFIX: Final = "eip155-"


class AssetPlace(NamedTuple):
    """Where a deployment is.

    Attributes:
        address: Empty for the chain's own coin. Of an EVM chain in lower case: the spelling is
            the rules' business, this is only whom we mean.
    """

    chain_id: str
    address: str


def evm(number: int) -> str:
    """A chain by its number, as CAIP-2 has it. Names would clash, numbers do not."""
    return f"{EVM_PREFIX}{number}"


def place(chain_id: str, address: str | None) -> AssetPlace:
    text = address or ""
    return AssetPlace(chain_id, text.lower() if chain_id.startswith(EVM_PREFIX) else text)


def listed_place(number: int, address: str) -> AssetPlace:
    """A place as token lists write it."""
    return place(SOLANA_NUMBERS.get(number) or evm(number), address)


class AssetIdentityMap:
    """Places joined into assets."""

    def __init__(self) -> None:
        self._parent: dict[AssetPlace, AssetPlace] = {}

    def first_of(self, one: AssetPlace) -> AssetPlace:
        """The place that stands for all that are the same asset."""
        while one in self._parent:
            one = self._parent[one]
        return one

    def join(self, one: AssetPlace, other: AssetPlace) -> None:
        first, second = sorted((self.first_of(one), self.first_of(other)))
        if first != second:
            self._parent[second] = first

    def same(self, one: AssetPlace, other: AssetPlace) -> bool:
        return self.first_of(one) == self.first_of(other)
