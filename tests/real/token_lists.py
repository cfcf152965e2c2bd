"""Token lists: the Superchain's, Solana's and Uniswap's, all of one format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from cqar_shared.domain.kinds.asset import AssetType
from tests.real import files
from tests.real.files import Record
from tests.real.places import Identity, Place, listed_place
from tests.real.rows import Row, Stating


def place_of(token: Record) -> Place:
    return listed_place(token["chainId"], token["address"])


def link(identity: Identity, testnets: set[str], apart: Callable[[Place, Place], bool]) -> None:
    """Join the places that Uniswap and the Superchain say are one asset.

    Args:
        testnets: Chains whose coins are no coins.
        apart: Whether somebody who knows more says that two places are two assets.
    """
    symbols: defaultdict[Place, set[str]] = defaultdict(set)
    for token in (*files.superchain(), *files.uniswap()):
        symbols[place_of(token)].add(token["symbol"])
    for one, other in (*_bridged(), *_of_one_id()):
        of_a_kind = (one.chain_id in testnets) == (other.chain_id in testnets)
        if of_a_kind and symbols[one] & symbols[other] and not apart(one, other):
            identity.join(one, other)


def _bridged() -> Iterator[tuple[Place, Place]]:
    for token in files.uniswap():
        for number, bridged in token.get("extensions", {}).get("bridgeInfo", {}).items():
            yield place_of(token), listed_place(int(number), bridged["tokenAddress"])


def _of_one_id() -> Iterator[tuple[Place, Place]]:
    """Every two of an `opTokenId`, as they may share a symbol with one and not the other."""
    groups: defaultdict[str, list[Place]] = defaultdict(list)
    for token in files.superchain():
        groups[token["extensions"]["opTokenId"]].append(place_of(token))
    for places in groups.values():
        yield from ((one, other) for at, one in enumerate(places) for other in places[:at])


def superchain_rows(stating: Stating) -> Iterator[Row]:
    return _rows("Superchain tokens", files.superchain(), stating)


def solana_rows(stating: Stating) -> Iterator[Row]:
    return _rows("Solana tokens", files.solana(), stating)


def uniswap_rows(stating: Stating) -> Iterator[Row]:
    return _rows("Uniswap tokens", files.uniswap(), stating)


def _rows(source: str, tokens: Iterable[Record], stating: Stating) -> Iterator[Row]:
    for token in tokens:
        at = place_of(token)
        kind = AssetType.SPL if at.chain_id.startswith("solana") else AssetType.ERC20
        said = f"{token['symbol']} ({token['name']}), {token['decimals']} decimals"
        yield Row(
            source=source,
            text=f"chain {token['chainId']}, {token['address']}: {said}",
            raw=token,
            entities=(
                *stating.asset(at, token["symbol"], token["name"], kind),
                stating.deployment(at, at, token["address"], token["decimals"]),
            ),
        )
