"""All sources, in the order in which they are read.

Chains come first, then who looks at the chain itself or checks by hand, then who compiles: where
two lists contradict each other, the first one stands. The Superchain's list is checked against
the chains before it is published, Solana's was the chain's own, rotki's is kept by hand;
Uniswap's is compiled from others', and the Cosmos registry writes of chains that are not its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from cqar_shared.domain.kinds.chain import Chain
from tests.real import chains, cosmos_assets, cosmos_traces, rotki, token_lists
from tests.real.asset_identity import AssetIdentityMap
from tests.real.source_rows import AssetStatements, SourceRow


def chain_rows(stating: AssetStatements) -> list[SourceRow]:
    found = chain(chains.evm_rows(stating), chains.cosmos_rows(), chains.needed_rows())
    return list(found)


def rows(*, of_all: bool = True) -> Iterator[SourceRow]:
    """The rows of all sources; else of the chains and the Superchain's and Uniswap's tokens."""
    stating = AssetStatements(AssetIdentityMap())
    known = chain_rows(stating)
    told = [entity for row in known for entity in row.entities if isinstance(entity, Chain)]
    listed = cosmos_assets.Listed({one.chain_id: one.chain_type for one in told})
    testnets = {one.chain_id for one in told if one.is_testnet}
    token_lists.link(stating.identity, testnets, cosmos_assets.apart(listed))
    cosmos_assets.link(stating.identity, listed)
    yield from known
    yield from token_lists.superchain_rows(stating)
    if of_all:
        yield from token_lists.solana_rows(stating)
        yield from rotki.asset_rows(stating)
    yield from token_lists.uniswap_rows(stating)
    if of_all:
        yield from cosmos_assets.rows(stating, listed)
        yield from cosmos_traces.rows(stating, listed)
        yield from rotki.group_rows(stating)
