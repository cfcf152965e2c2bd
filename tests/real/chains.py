"""Chains: the EVM chain list, the Cosmos chain registry, and those that other lists need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cqar_shared.domain.kinds.asset import AssetType
from cqar_shared.domain.kinds.chain import Chain
from tests.real import source_files
from tests.real.asset_identity import evm, place
from tests.real.source_files import Record
from tests.real.source_rows import AssetStatements, SourceRow

#: SLIP-44's coin type of all test networks.
_TEST_COIN: Final = 1
#: The chain registry's name of a chain -> its number. Its lists of these chains say no number;
#: its test networks (`ethereumtestnet`) are left out, as nobody can say which one is meant.
EVM_NUMBERS: Final = {
    "arbitrum": 42161,
    "avalanche": 43114,
    "base": 8453,
    "berachain": 80094,
    "binancesmartchain": 56,
    "ethereum": 1,
    "fantom": 250,
    "filecoin": 314,
    "mantle": 5000,
    "moonbeam": 1284,
    "optimism": 10,
    "polygon": 137,
    "rootstock": 30,
    "zilliqa": 32769,
}


class Needed(NamedTuple):
    """A chain that token lists name and no file describes."""

    chain_id: str
    name: str
    chain_type: str
    is_testnet: bool = False


NEEDED: Final = (
    Needed(evm(143), "Monad", "EVM"),
    Needed(evm(1868), "Soneium", "EVM"),
    Needed(evm(1923), "Swellchain", "EVM"),
    Needed(evm(4217), "Tempo", "EVM"),
    Needed(evm(4663), "Robinhood Chain", "EVM"),
    Needed(evm(57073), "Ink", "EVM"),
    Needed(evm(80094), "Berachain", "EVM"),
    Needed(evm(11142220), "Celo Sepolia", "EVM", is_testnet=True),
    Needed("solana-testnet", "Solana Testnet", "SOLANA", is_testnet=True),
    Needed("solana-devnet", "Solana Devnet", "SOLANA", is_testnet=True),
    Needed("aptos", "Aptos", "APTOS"),
    Needed("avail", "Avail", "AVAIL"),
    Needed("bitcoin", "Bitcoin", "BITCOIN"),
    Needed("bitcoincash", "Bitcoin Cash", "BITCOIN"),
    Needed("dogecoin", "Dogecoin", "BITCOIN"),
    Needed("internetcomputer", "Internet Computer", "ICP"),
    Needed("kusama", "Kusama", "SUBSTRATE"),
    Needed("litecoin", "Litecoin", "BITCOIN"),
    Needed("movement", "Movement", "APTOS"),
    Needed("neo", "Neo N3", "NEO"),
    Needed("polkadot", "Polkadot", "SUBSTRATE"),
    Needed("statemine", "Kusama Asset Hub", "SUBSTRATE"),
    Needed("stellar", "Stellar", "STELLAR"),
    Needed("sui", "Sui", "SUI"),
    Needed("tinkernet", "Tinkernet", "SUBSTRATE"),
    Needed("xrpl", "XRP Ledger", "XRPL"),
    Needed("zcash", "Zcash", "BITCOIN"),
    Needed("0l", "0L Network", "0L"),
)


def cosmos_list_chain(name: str) -> str:
    """The chain that an asset list of the Cosmos chain registry is of."""
    return evm(EVM_NUMBERS[name]) if name in EVM_NUMBERS else name


def is_testnet(record: Record) -> bool:
    words = f"{record['name']} {record.get('title', '')}".lower()
    return record.get("slip44") == _TEST_COIN or "testnet" in words


def _explorer(record: Record) -> str | None:
    explorers: list[dict[str, str]] = record.get("explorers") or [{}]
    return explorers[0].get("url")


def evm_rows(stating: AssetStatements) -> Iterator[SourceRow]:
    """Each with its own coin: that two chains call theirs ETH makes them no one asset."""
    for record in source_files.evm_chains():
        chain_id, coin = evm(record["chainId"]), record["nativeCurrency"]
        own = place(chain_id, None)
        chain = Chain(
            chain_id=chain_id,
            chain_name=record["name"],
            chain_type="EVM",
            network_id=record["chainId"],
            native_asset_id=stating.asset_id(own),
            explorer_url=_explorer(record),
            is_testnet=is_testnet(record),
        )
        yield SourceRow(
            source="EVM chains",
            text=f"{record['chainId']} {record['name']} ({coin['symbol']})",
            raw=record,
            entities=(
                *stating.asset(own, coin["symbol"], coin["name"], AssetType.NATIVE),
                chain,
                stating.deployment(own, own, None, coin["decimals"]),
            ),
        )


def cosmos_rows() -> Iterator[SourceRow]:
    """Those that are no Cosmos chain have the type they say, or one of their own name."""
    types = {"cosmos": "COSMOS", "solana": "SOLANA"}
    for record in source_files.cosmos_chains():
        name = record["chainName"]
        text = f"{name} ({record.get('chainId')})"
        if name in EVM_NUMBERS:
            said = "the EVM chain list has said it"
            yield SourceRow(source="Cosmos chains", text=text, raw=record, silent=said)
            continue
        chain = Chain(
            chain_id=name,
            chain_name=record["prettyName"],
            chain_type=types.get(record["chainType"], name.upper()),
            explorer_url=_explorer(record),
        )
        yield SourceRow(source="Cosmos chains", text=text, raw=record, entities=(chain,))


def needed_rows() -> Iterator[SourceRow]:
    for needed in NEEDED:
        number = needed.chain_id.removeprefix("eip155-")
        chain = Chain(
            chain_id=needed.chain_id,
            chain_name=needed.name,
            chain_type=needed.chain_type,
            network_id=int(number) if number != needed.chain_id else None,
            is_testnet=needed.is_testnet,
        )
        text = f"{needed.chain_id} {needed.name}"
        yield SourceRow(source="Chains stated by hand", text=text, raw=needed, entities=(chain,))
