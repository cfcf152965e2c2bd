"""rotki's collections of one coin across chains, and the assets they name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from cqar_shared.domain.kinds.asset import AssetType
from cqar_shared.domain.kinds.asset_group import AssetGroup, GroupMember
from tests.real import source_files
from tests.real.asset_identity import AssetPlace, evm, place
from tests.real.source_files import Record
from tests.real.source_rows import AssetStatements, SourceRow, an_id

#: rotki's bare codes of coins whose chain the lists have.
_COINS: Final = {"BNB": evm(56), "BTC": "bitcoin", "ETH": evm(1), "XDAI": evm(100)}
#: rotki's other bare codes say no place: each is one of its own.
_NOWHERE: Final = "rotki"


def place_of(identifier: str) -> AssetPlace:
    """`eip155:1/erc20:0x…`, `solana/token:…`, or a bare code such as ETH."""
    chain, _, token = identifier.partition("/")
    if token:
        return place(chain.replace(":", "-"), token.partition(":")[2])
    return place(_COINS[chain], None) if chain in _COINS else AssetPlace(_NOWHERE, chain)


def collections() -> dict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in source_files.rotki_members():
        found[record["collection_id"]].append(record)
    return found


def asset_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    """Those of rotki's assets that a collection names."""
    named = {place_of(record["asset"]) for record in source_files.rotki_members()}
    for record in source_files.rotki_assets():
        at = place_of(record["identifier"])
        if at not in named:
            continue
        address = record["address"] or None
        kind = AssetType.SPL if at.chain_id == "solana" else AssetType.ERC20
        stated = stating.asset(at, record["symbol"], record["name"], kind if address else None)
        decimals = int(record["decimals"]) if record["decimals"] else None
        yield SourceRow(
            source="rotki assets",
            text=f"{record['identifier']}: {record['symbol']} ({record['name']}),"
            f" {record['decimals'] or 'no'} decimals",
            raw=record,
            # A bare code says no address and no decimals: it is an asset, and nowhere yet.
            entities=(*stated, stating.deployment(at, at, address, decimals))
            if address
            else (*stated,),
            silent="" if address or stated else "a chain's own coin, stated with the chain",
        )


def group_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    """One group a collection.

    Several members may be places of one asset, which is then a member once; a member that the
    file repeats is repeated here too, and the rules' to find.
    """
    for number, records in collections().items():
        first, times = records[0], Counter(record["asset"] for record in records)
        assets = [stating.asset_id(place_of(identifier)) for identifier in times]
        again = [a for a, n in zip(assets, times.values(), strict=True) for _ in range(n - 1)]
        members = (*dict.fromkeys(assets), *again)
        group = AssetGroup(
            group_id=an_id("rotki collection", number),
            name=first["name"],
            group_type="rotki-collection",
            members=tuple(GroupMember(asset_id=asset_id) for asset_id in members),
        )
        yield SourceRow(
            source="rotki groups",
            text=f"collection {number}, {first['name']} ({first['symbol']}),"
            f" {len(records)} members",
            raw=records,
            entities=(group,),
        )
