"""Which chain a venue's network id means: a table. Pure.

A word that is not in it means no chain that is known here: it is never guessed. The first table
has words that mean one chain at every venue; the second has what one operator alone says, and
decides where it speaks. Upper and lower case and `()-_.` and spaces make no difference.

Left out on purpose: BNB (the Beacon Chain at some, the Smart Chain at others), AVAX (the X-Chain at
some), LUNA, CRO, HYPE and the like: the coin's name, where the coin has two chains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from cqar_shared.domain.kinds.chain import Chain


class ChainName(NamedTuple):
    """A chain, by the catalogue's id and, of EVM chains, by its number.

    A registry whose chains came from a list may have another id for the number.
    """

    chain_id: str
    evm_number: int | None = None


#: Chain -> what venues call it.
_WORDS: Final[Mapping[ChainName, tuple[str, ...]]] = {
    ChainName("algorand"): ("ALGO", "Algorand"),
    ChainName("aptos"): ("APT", "Aptos"),
    ChainName("arbitrum-nova", 42170): ("ARBITRUMNOVA", "ARBNOVA", "ARBINOVA"),
    ChainName("arbitrum-one", 42161): ("ARBITRUM", "ARBITRUMONE", "Arbitrum One(ARB)", "ARBEVM"),
    ChainName("arweave"): ("AR", "Arweave"),
    ChainName("astar", 592): ("ASTR", "Astar"),
    ChainName("aurora", 1313161554): ("AURORA", "AURORAEVM"),
    ChainName("avalanche-c", 43114): (
        *("AVAXC", "AVAX C-Chain", "Avalanche C-Chain", "AVAXCCHAIN", "CAVAX", "AVACCHAIN"),
        *("Avalanche C Chain(AVAX CCHAIN)", "AVALANCHECCHAIN"),
    ),
    ChainName("base", 8453): ("BASE", "BASEEVM", "Base(BASE)"),
    ChainName("berachain", 80094): ("BERA", "Berachain"),
    ChainName("bitcoin"): ("BTC", "Bitcoin", "SEGWITBTC", "BTC-Segwit", "Bitcoin(BTC)"),
    ChainName("bitcoin-cash"): ("BCH", "BitcoinCash", "Bitcoin Cash"),
    ChainName("blast", 81457): ("BLAST", "BLASTETH"),
    ChainName("bnb-smart-chain", 56): (
        *("BSC", "BEP20", "BEP20(BSC)", "BSC(BEP20)", "BNB Smart Chain", "BNB Smart Chain(BEP20)"),
        "BINANCESMARTCHAIN",
    ),
    ChainName("cardano"): ("ADA", "Cardano", "Cardano(ADA)"),
    ChainName("celestia"): ("TIA", "Celestia"),
    ChainName("celo", 42220): ("CELO",),
    ChainName("chiliz", 88888): ("CHILIZ", "CHILIZCHAIN", "CHZ2"),
    ChainName("conflux-espace", 1030): ("CFXEVM", "CFX_EVM"),
    ChainName("core", 1116): ("COREDAO",),
    ChainName("cosmoshub"): ("ATOM", "Cosmos", "COSMOSHUB", "Cosmos(ATOM)"),
    ChainName("cronos", 25): ("CRONOS", "CRC20", "CRONOSCHAIN"),
    ChainName("dogecoin"): ("DOGE", "Dogecoin", "Dogecoin(DOGE)"),
    ChainName("dydx"): ("DYDX",),
    ChainName("eos"): ("EOS",),
    ChainName("ethereum", 1): ("ETH", "ERC20", "Ethereum", "Ethereum(ERC20)"),
    ChainName("ethereum-classic", 61): ("ETC", "Ethereum Classic"),
    ChainName("ethereumpow", 10001): ("ETHW", "EthereumPow"),
    ChainName("fantom", 250): ("FTM", "Fantom"),
    ChainName("filecoin"): ("FIL", "Filecoin"),
    ChainName("flare", 14): ("FLR", "Flare"),
    ChainName("harmony", 1666600000): ("HARMONY",),
    ChainName("heco", 128): ("HECO", "HRC20"),
    ChainName("hedera"): ("HBAR", "Hedera"),
    ChainName("hyperliquid", 999): ("HYPEREVM",),
    ChainName("injective"): ("INJ", "Injective"),
    ChainName("internet-computer"): ("ICP", "Internet Computer", "DFINITY"),
    ChainName("kaia", 8217): ("KLAY", "Klaytn", "KAIA"),
    ChainName("kcc", 321): ("KCC",),
    ChainName("kusama"): ("KSM", "Kusama"),
    ChainName("linea", 59144): ("LINEA", "LINEAETH"),
    ChainName("litecoin"): ("LTC", "Litecoin", "Litecoin(LTC)"),
    ChainName("manta", 169): ("MANTA", "MANTAETH"),
    ChainName("mantle", 5000): ("MANTLE",),
    ChainName("metis", 1088): ("METIS", "METISTOKEN"),
    ChainName("mina"): ("MINA",),
    ChainName("monad", 143): ("MONAD",),
    ChainName("monero"): ("XMR", "Monero"),
    ChainName("moonbeam", 1284): ("GLMR", "Moonbeam"),
    ChainName("moonriver", 1285): ("MOVR", "Moonriver"),
    ChainName("multiversx"): ("EGLD", "Elrond"),
    ChainName("near"): ("NEAR", "NEAR Protocol"),
    ChainName("opbnb", 204): ("OPBNB",),
    ChainName("optimism", 10): ("OP", "OPTIMISM", "OPETH", "Optimism(OP)"),
    ChainName("osmosis"): ("OSMO", "Osmosis"),
    ChainName("plasma", 9745): ("PLASMA",),
    ChainName("polkadot"): ("DOT", "Polkadot"),
    ChainName("polygon", 137): ("MATIC", "POLYGON", "Polygon POS", "Polygon(MATIC)", "POL"),
    ChainName("ronin", 2020): ("RON", "RONIN"),
    ChainName("scroll", 534352): ("SCROLL", "SCROLLETH"),
    ChainName("solana"): ("SOL", "SOLANA", "Solana(SOL)", "SPL"),
    ChainName("sonic", 146): ("SONIC",),
    ChainName("stacks"): ("STX", "Stacks", "l-Stacks"),
    ChainName("starknet"): ("STARKNET", "STRK"),
    ChainName("stellar"): ("XLM", "Stellar", "Stellar Lumens", "Stellar Network"),
    ChainName("sui"): ("SUI",),
    ChainName("taiko", 167000): ("TAIKO", "TAIKOETH"),
    ChainName("tezos"): ("XTZ", "Tezos"),
    ChainName("ton"): ("TON", "Toncoin(TON)"),
    ChainName("tron", 728126428): ("TRX", "TRC20", "TRON", "Tron(TRC20)"),
    ChainName("vechain"): ("VET", "VeChain"),
    ChainName("worldchain", 480): ("WORLDCHAIN",),
    ChainName("xrp-ledger"): ("XRP", "Ripple", "XRPL"),
    ChainName("zcash"): ("ZEC", "Zcash"),
    ChainName("zetachain", 7000): ("ZETACHAIN",),
    ChainName("zksync-era", 324): ("ZKSYNCERA", "ZKSERA", "ZKV2"),
}
#: Operator -> its own word -> the chain of that id; None: it means none of the table.
_OWN: Final[Mapping[str, Mapping[str, str | None]]] = {
    "bitfinex": {
        "TETHERUSE": "ethereum",
        "TETHERUSX": "tron",
        "TETHERUSDTAVAX": "avalanche-c",
        "TETHERUSDTSOL": "solana",
        "TETHERUSDTALG": "algorand",
        "TETHERUSS": "eos",
    },
    "bitget": {"C-Chain": "avalanche-c"},
    # Its withdrawals by ZKSYNC are of the first version, which is no chain of contracts.
    "bybit": {"ARBI": "arbitrum-one", "ZKSYNC": None},
    "coinbase": {"zksync": "zksync-era", "core": "core"},
    "cryptocom": {"ARB": "arbitrum-one"},
    "gate": {"HT": "heco", "MNT": "mantle", "ARB": None, "OP": None},
    "kucoin": {"bech32": "bitcoin"},
    # "CHAIN (contract standard)" of its own list.
    "mexc": {"Arbitrum One": "arbitrum-one", "Toncoin": "ton", "ARB": "arbitrum-one"},
    "okx": {"Crypto": "cronos", "zkSync Era": "zksync-era"},
}
#: The end of an operator's id in another environment.
_TESTNET: Final = "-testnet"
_FILLERS: Final = re.compile(r"[\s()._\-]+")


def _plain(word: str) -> str:
    return _FILLERS.sub("", word).casefold()


@lru_cache(1)
def _general() -> dict[str, ChainName]:
    found: dict[str, ChainName] = {}
    for chain, words in _WORDS.items():
        for word in words:
            if found.setdefault(_plain(word), chain) is not chain:
                message = f"the network id {word} would mean two chains"
                raise ValueError(message)
    return found


@lru_cache(32)
def _own(operator: str) -> dict[str, ChainName | None]:
    words = _OWN.get(operator, {})
    return {_plain(word): _by_id()[name] if name else None for word, name in words.items()}


def chain_of(operator: str, network: str) -> ChainName | None:
    """The chain that an operator's network id means; None: it is not known which.

    On a testnet, a chain's name means another chain.
    """
    if operator.endswith(_TESTNET):
        return None
    word = _plain(network)
    own = _own(operator)
    return own[word] if word in own else _general().get(word)


@lru_cache(1)
def _by_id() -> dict[str, ChainName]:
    return {chain.chain_id: chain for chain in _WORDS}


def chain_by_id(chain_id: str) -> ChainName | None:
    """A chain of the table; None: it has none of that id."""
    return _by_id().get(chain_id)


def registered(chain: ChainName, chains: Iterable[Chain]) -> Chain | None:
    """The registry's chain of that name: by the number of an EVM chain, else by the id."""
    known = list(chains)
    if chain.evm_number is not None:
        same = [c for c in known if c.network_id == chain.evm_number and not c.is_testnet]
        named = [c for c in same if c.chain_id == chain.chain_id]
        if same:
            return (named or same)[0] if named or len(same) == 1 else None
    return next((c for c in known if c.chain_id == chain.chain_id), None)
