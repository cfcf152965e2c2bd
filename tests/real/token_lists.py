"""Token lists: the Superchain's, Solana's and Uniswap's, all of one format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from cqar_shared.domain.kinds.asset import AssetType
from tests.real import source_files
from tests.real.asset_identity import AssetIdentityMap, AssetPlace, listed_place
from tests.real.source_files import Record
from tests.real.source_rows import AssetStatements, SourceRow


def place_of(token: Record) -> AssetPlace:
    return listed_place(token["chainId"], token["address"])


def link(
    identity: AssetIdentityMap, testnets: set[str], apart: Callable[[AssetPlace, AssetPlace], bool]
) -> None:
    """Join the places that Uniswap and the Superchain say are one asset.

    Args:
        testnets: Chains whose coins are no coins.
        apart: Whether somebody who knows more says that two places are two assets.
    """
    symbols: defaultdict[AssetPlace, set[str]] = defaultdict(set)
    for token in (*source_files.superchain(), *source_files.uniswap()):
        symbols[place_of(token)].add(token["symbol"])
    for one, other in (*_bridged(), *_of_one_id()):
        of_a_kind = (one.chain_id in testnets) == (other.chain_id in testnets)
        if of_a_kind and symbols[one] & symbols[other] and not apart(one, other):
            identity.join(one, other)


def _bridged() -> Iterator[tuple[AssetPlace, AssetPlace]]:
    for token in source_files.uniswap():
        for number, bridged in token.get("extensions", {}).get("bridgeInfo", {}).items():
            yield place_of(token), listed_place(int(number), bridged["tokenAddress"])


def _of_one_id() -> Iterator[tuple[AssetPlace, AssetPlace]]:
    """Every two of an `opTokenId`, as they may share a symbol with one and not the other."""
    groups: defaultdict[str, list[AssetPlace]] = defaultdict(list)
    for token in source_files.superchain():
        groups[token["extensions"]["opTokenId"]].append(place_of(token))
    for places in groups.values():
        yield from ((one, other) for at, one in enumerate(places) for other in places[:at])


def superchain_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    return _rows("Superchain tokens", source_files.superchain(), stating)


def solana_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    return _rows("Solana tokens", source_files.solana(), stating)


def uniswap_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    return _rows("Uniswap tokens", source_files.uniswap(), stating)


def _rows(source: str, tokens: Iterable[Record], stating: AssetStatements) -> Iterator[SourceRow]:
    for token in tokens:
        at = place_of(token)
        kind = AssetType.SPL if at.chain_id.startswith("solana") else AssetType.ERC20
        said = f"{token['symbol']} ({token['name']}), {token['decimals']} decimals"
        yield SourceRow(
            source=source,
            text=f"chain {token['chainId']}, {token['address']}: {said}",
            raw=token,
            entities=(
                *stating.asset(at, token["symbol"], token["name"], kind),
                stating.deployment(at, at, token["address"], token["decimals"]),
            ),
        )
