"""The Cosmos asset lists: denominations, contracts, and coins of other chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cqar_shared.domain.kinds.asset import AssetType
from tests.real import source_files
from tests.real.asset_identity import AssetIdentityMap, AssetPlace, place
from tests.real.chains import cosmos_list_chain
from tests.real.source_files import Record
from tests.real.source_rows import AssetStatements, SourceRow

#: A chain's own coin, by the lists' type of asset.
_COINS: Final = {"evm-base", "svm-base", "bitcoin-like"}
#: Contracts of Cosmos chains; all else there is a denomination.
_CONTRACTS: Final = {"cw20", "snip20", "snip25"}


def place_of(chain_name: str, base: str, type_asset: str, chain_type: str) -> AssetPlace:
    chain_id = cosmos_list_chain(chain_name)
    return place(chain_id, None if _is_coin(type_asset, chain_type) else base)


def _is_coin(type_asset: str, chain_type: str) -> bool:
    """A Cosmos chain's own coin has a denomination like any other, so it is none here.

    Where all tokens are contracts, what is none is the coin: Moonbeam's is "substrate", Tron's
    "unknown", Berachain's "sdk.coin".
    """
    if chain_type in {"EVM", "TRON"}:
        return type_asset != "erc20"
    return type_asset in _COINS and chain_type != "COSMOS"


def _address(asset: Record, chain_type: str) -> str | None:
    if _is_coin(asset["typeAsset"], chain_type):
        return None
    if chain_type == "COSMOS" and asset["typeAsset"] not in _CONTRACTS:
        return str(asset["base"])
    return str(asset.get("address") or asset["base"])


def _decimals(asset: Record) -> int | None:
    """The exponent of the unit that is shown; None if that unit is not among the units."""
    units = {unit["denom"]: unit["exponent"] for unit in asset["denomUnits"]}
    return units.get(asset["display"])


def _asset_type(at: AssetPlace, chain_type: str) -> AssetType | None:
    if not at.address:
        return AssetType.NATIVE
    return {"EVM": AssetType.ERC20, "SOLANA": AssetType.SPL}.get(chain_type)


class Listed:
    """Where every listed asset is, by how traces name it."""

    def __init__(self, chain_types: Mapping[str, str]) -> None:
        self._types = chain_types
        self._places = {
            (chain, asset["base"]): self.place_of(chain, asset)
            for chain, asset in source_files.cosmos_assets()
        }

    def type_of(self, chain_name: str) -> str:
        return self._types.get(cosmos_list_chain(chain_name), "")

    def place_of(self, chain_name: str, asset: Record) -> AssetPlace:
        type_asset = asset["typeAsset"]
        return place_of(chain_name, asset["base"], type_asset, self.type_of(chain_name))

    def counterparty(self, trace: Record) -> AssetPlace:
        """Whom a trace leads to, listed or not."""
        other = trace["counterparty"]
        name, base = other["chainName"], other["baseDenom"]
        return self._places.get((name, base)) or place(cosmos_list_chain(name), base)

    def own_traces(self, *types: str) -> Iterator[tuple[AssetPlace, AssetPlace]]:
        """From where to where the last traces of these types lead.

        The last is the asset's own step, the others are its ancestors'.
        """
        for chain, asset in source_files.cosmos_assets():
            for trace in asset.get("traces", [])[-1:]:
                if trace["type"] in types:
                    yield self.place_of(chain, asset), self.counterparty(trace)


def link(identity: AssetIdentityMap, listed: Listed) -> None:
    """Join what is issued on several chains."""
    for one, other in listed.own_traces("additional-mintage"):
        identity.join(one, other)


def apart(listed: Listed) -> Callable[[AssetPlace, AssetPlace], bool]:
    """Whether two places are known to be no one asset, whatever a token list says."""
    wrapping = {one for one, _ in listed.own_traces("wrapped")}
    bridging = {frozenset(pair) for pair in listed.own_traces("bridge")}

    def known(one: AssetPlace, other: AssetPlace) -> bool:
        return bool({one, other} & wrapping) or frozenset({one, other}) in bridging

    return known


def rows(stating: AssetStatements, listed: Listed) -> Iterator[SourceRow]:
    for chain, asset in source_files.cosmos_assets():
        chain_type, of = listed.type_of(chain), listed.place_of(chain, asset)
        address = _address(asset, chain_type)
        units = ", ".join(f"{unit['denom']} 10^{unit['exponent']}" for unit in asset["denomUnits"])
        said = f"{asset['symbol']} ({asset['name']}), shown in {asset['display']}, units {units}"
        kind = _asset_type(of, chain_type)
        yield SourceRow(
            source="Cosmos assets",
            text=f"{chain}, {address or asset['base']}: {said}",
            raw={"chainName": chain, **asset},
            entities=(
                *stating.asset(of, asset["symbol"], asset["name"], kind),
                stating.deployment(of, place(of.chain_id, address), address, _decimals(asset)),
            ),
        )
