"""What stands in fewer than two files, and why it is in the catalogue all the same."""

from __future__ import annotations

from typing import Final

YOUNG: Final = "younger than most lists"
COSMOS: Final = "issued on Ethereum; only the Cosmos list of 2025 has it"
OLD_ID: Final = "in the catalogue since its first version: an id never goes away"
ISO: Final = "a code of ISO 4217; lists of coins hardly have it"
FRONTED: Final = "traded as the share's or metal's price only; no list of tokens has it"
ONE_VENUE: Final = "one venue's contract of one time"
NOT_HELD: Final = "Hyperliquid's perpetuals, which the data has of other venues only"
BOTH: Final = "venues traded both tickers until the old one went"
RENAMED: Final = "the file has the name that it had before or since"

TICKERS: Final = {
    "bitcoin-cash-abc": "rotki calls it Bitcoin ABC",
    "cats": OLD_ID,
    "combo": RENAMED,
    "commodity-brent-crude-oil": FRONTED,
    "commodity-natural-gas": FRONTED,
    "commodity-palladium": FRONTED,
    "commodity-platinum": FRONTED,
    "danish-krone": ISO,
    "etherfi-staked-ether": COSMOS,
    "fusionist": "rotki calls it ACEToken",
    "indonesian-rupiah": ISO,
    "israeli-new-shekel": ISO,
    "lighter": YOUNG,
    "lombard-staked-bitcoin": COSMOS,
    "mantle-staked-ether": OLD_ID,
    "new-taiwan-dollar": ISO,
    "new-zealand-dollar": ISO,
    "qubic": OLD_ID,
    "rats-ordinals": OLD_ID,
    "renzo-restaked-ether": COSMOS,
    "tagger": OLD_ID,
    "vietnamese-dong": ISO,
    "why": OLD_ID,
    "wrapped-solana": "other lists give it the ticker SOL",
    "x-empire": OLD_ID,
}
NAMES: Final = {
    "binance-bitcoin": RENAMED,
    "bitcoin-cash-abc": "rotki calls it Bitcoin ABC",
    "cats": OLD_ID,
    "combo": RENAMED,
    "etherfi-staked-ether": COSMOS,
    "first-neiro": "lists call it Neiro, as they call two other coins",
    "fusionist": "rotki calls it ACEToken",
    "lighter": YOUNG,
    "lombard-staked-bitcoin": COSMOS,
    "mantle-staked-ether": OLD_ID,
    "qubic": OLD_ID,
    "rats-ordinals": OLD_ID,
    "renzo-restaked-ether": COSMOS,
    "self-chain": "the Cosmos list calls it Self",
    "tagger": OLD_ID,
    "why": OLD_ID,
    "x-empire": OLD_ID,
}
#: In no file at all.
NAMES_OF_OTHERS: Final = {
    "commodity-brent-crude-oil": FRONTED,
    "commodity-natural-gas": FRONTED,
    "commodity-palladium": FRONTED,
    "commodity-platinum": FRONTED,
    "commodity-silver": FRONTED,
}
OTHER_NAMES: Final = {
    "celo Celo Gold": "of 2020, before the first files",
    "stacks Blockstack": "of 2020, before the first files",
    "synthetix Havven": "of 2018, before the first files; CoinGecko's id still says it",
}
SUCCESSIONS: Final = {
    "anyswap -> multichain": BOTH,
    "efinity -> enjin-coin": BOTH,
    "elrond-erd -> multiversx": "of 2020, before the first files",
    "finschia -> kaia": "FNSA was traded at venues of which the data has no two files",
    "loom-network-old -> loom-network": "of 2020, before the first files; only CoinGecko has both",
    "maple -> syrup": "SYRUP is younger than the files of the venues that had MPL",
    "rari-governance-token -> tribe": BOTH,
    "vechain-ven -> vechain": "of 2018, before the first files; only rotki has both",
}
MULTIPLIERS: Final = {
    "1000TAG": ONE_VENUE,
    "100BONK": ONE_VENUE,
    "kBONK": NOT_HELD,
    "kDOGS": NOT_HELD,
    "kFLOKI": NOT_HELD,
    "kLUNC": NOT_HELD,
    "kNEIRO": NOT_HELD,
    "kPEPE": NOT_HELD,
    "kSHIB": NOT_HELD,
}
#: Ticker -> names that venues gave to the same coin.
SAME_COIN: Final = {
    "ACE": "ACEToken",
    "CHZ": "socios.com Chiliz",
    "EOS": "Vaulta",
    "ICP": "Dfinity",
    "LAZIO": "S.S. Lazio Fan Token",
    "MLN": "waterMelon",
    "RAD": "Radworks",
    "UTK": "xMoney",
    "ZEN": "ZenCash",
}
