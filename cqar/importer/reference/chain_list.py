"""Lists of chains: the EVM chain list and the Cosmos chain registry. Pure.

https://github.com/ethereum-lists/chains, https://github.com/cosmos/chain-registry. A network's
number, or the Cosmos registry's name, decides which chain is meant. What the registry says of a
chain stays; a list only adds what is unknown. A chain's own coin is its parent's where the list
says that the chain is a layer on the parent and both call the coin alike; else it is a new asset,
or not known where another asset has its ticker. Test networks have no coin here: theirs is worth
nothing.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import (
    Record,
    UnreadableRow,
    as_record,
    number_of,
    records_of,
    required,
    text_of,
)
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import EVM, OWN_DENOM, Places
from cqar.importer.reference.statements import ListRow, RowOutcome, Statements
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain import caip
from cqar_shared.domain.identifier_formats import NotAnIdentifier
from cqar_shared.domain.kinds.asset import AssetType
from cqar_shared.domain.kinds.chain import CHAIN, Chain

KIND: Final = "chains"
#: SLIP-44's coin type of all test networks.
_TEST_COIN: Final = "1"
_COSMOS_TYPES: Final = {"cosmos": "COSMOS", "solana": "SOLANA"}
_CAIP_EVM: Final = "eip155-"
#: Of chains on chains; more are a circle.
_LAYERS_MAX: Final = 8


class _Chains(NamedTuple):
    stated: Statements
    places: Places
    assets: ListAssets


class Coin(NamedTuple):
    """A chain's own coin, as its list has it.

    Attributes:
        parent: Number of the chain on which this one is a layer; None if it is none.
    """

    symbol: str
    name: str
    decimals: int
    parent: int | None


def plan_chain_list(stated: Statements) -> ListPlan:
    """Say what a list of chains would change.

    Raises:
        UnusableAnswer: The file has neither of the forms that are known.
    """
    source = stated.source
    raws = records_of(source.value, source.name)
    first = raws[0] if raws and isinstance(raws[0], dict) else {}
    read = _evm if "nativeCurrency" in first else _cosmos if "chainName" in first else None
    if read is None:
        raise UnusableAnswer(
            f"{source.name} is no list of chains: the form of ethereum-lists/chains or of the"
            " Cosmos chain registry was expected"
        )
    places = Places(stated.state)
    chains = _Chains(stated, places, ListAssets(stated, places))
    for raw in raws:
        record = raw if isinstance(raw, dict) else {}
        name = record.get("name") or record.get("prettyName")
        stated.begin(f"{record.get('chainId', '?')} {name}", raw)
    for row in _parents_first(stated.rows):
        stated.resume(row)
        try:
            read(chains, as_record(row.raw))
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
    return ListPlan(KIND, stated)


def _parents_first(rows: list[ListRow]) -> list[ListRow]:
    """Return the rows so that each follows that of the chain on which it is a layer."""
    parents: dict[str, str] = {}
    for row in rows:
        parent = row.raw.get("parent") if isinstance(row.raw, dict) else None
        above = parent.get("chain") if isinstance(parent, dict) else None
        if isinstance(above, str):
            parents[f"{_CAIP_EVM}{row.raw.get('chainId')}"] = above

    def depth(row: ListRow) -> int:
        at = f"{_CAIP_EVM}{row.raw.get('chainId')}" if isinstance(row.raw, dict) else ""
        found = 0
        while at in parents and found < _LAYERS_MAX:
            at, found = parents[at], found + 1
        return found

    return sorted(rows, key=depth)


def _evm(chains: _Chains, record: Record) -> None:
    number, coin = number_of(required(record, "chainId"), "chainId"), _coin(record)
    known = chains.places.chain_of_number(number)
    given = Chain(
        chain_id=f"{_CAIP_EVM}{number}",
        chain_name=required(record, "name"),
        chain_type=EVM,
        network_id=number,
        explorer_url=_explorer(record),
        is_testnet=_is_testnet(record),
    )
    if "reusedChainId" in (record.get("redFlags") or ()):
        chains.stated.remark("its number was another network's before")
    chain = _merged(chains, known, given)
    if chain is None:
        return
    chains.places.add_chain(chain)
    is_live = not chain.is_testnet and text_of(record, "status") != "deprecated"
    if chain.native_asset_id is None and is_live:
        coin_id = _coin_of(chains, chain, coin)
        chain = msgspec.structs.replace(chain, native_asset_id=coin_id)
        chains.places.add_chain(chain)
    if chain.native_asset_id is not None:
        chains.assets.deploy(chain.native_asset_id, chain, None, coin.decimals)
    _put(chains, known, chain)


def _coin(record: Record) -> Coin:
    currency, parent = as_record(record.get("nativeCurrency")), record.get("parent") or {}
    above = text_of(parent, "chain") if isinstance(parent, dict) else ""
    is_layer = bool(above) and text_of(parent, "type") == "L2"
    number = above.removeprefix(_CAIP_EVM)
    return Coin(
        required(currency, "symbol"),
        required(currency, "name"),
        number_of(required(currency, "decimals"), "decimals"),
        number_of(number, "parent") if is_layer and number != above else None,
    )


def _coin_of(chains: _Chains, chain: Chain, coin: Coin) -> str | None:
    """Return the asset of a chain's own coin: its parent's, or a new one; None if undecided."""
    parent = chains.places.chain_of_number(coin.parent) if coin.parent is not None else None
    above = parent.native_asset_id if parent is not None else None
    if above is not None and coin.symbol.upper() in chains.assets.symbols_of(above):
        chains.stated.row.by = "PARENT"
        return above
    place = chains.places.place(chain, None)
    if chains.assets.has_candidates(coin.symbol, coin.name, place):
        chains.stated.remark(f"which asset its coin {coin.symbol} is, is not said")
        return None
    return chains.assets.new_asset(
        place, coin.symbol, coin.name, chain=chain, asset_type=AssetType.NATIVE
    )


def _is_testnet(record: Record) -> bool:
    words = f"{text_of(record, 'name')} {text_of(record, 'title')}".lower()
    return record.get("slip44") == _TEST_COIN or "testnet" in words


def _explorer(record: Record) -> str | None:
    explorers = record.get("explorers")
    for explorer in (explorers if isinstance(explorers, list) else [])[:16]:
        url = explorer.get("url") if isinstance(explorer, dict) else None
        if isinstance(url, str) and urlsplit(url).scheme in ("http", "https"):
            return url
    return None


def _merged(chains: _Chains, known: Chain | None, given: Chain) -> Chain | None:
    """Return a known chain with what a list adds to it; None if it is of another type."""
    if known is None:
        return given
    if known.chain_type != given.chain_type:
        reason = f"chain {known.chain_id} is of the type {known.chain_type} here"
        chains.stated.refuse(RowOutcome.UNSUPPORTED, reason)
        return None
    chains.stated.row.is_known = True
    if known.is_testnet != given.is_testnet:
        here = "a test network" if known.is_testnet else "no test network"
        chains.stated.remark(f"it is {here} here")
    metadata = {**(given.metadata or {}), **(known.metadata or {})}
    return msgspec.structs.replace(
        known,
        network_id=given.network_id if known.network_id is None else known.network_id,
        explorer_url=known.explorer_url or given.explorer_url,
        caip2=known.caip2 or given.caip2,
        metadata=metadata or None,
    )


def _put(chains: _Chains, known: Chain | None, chain: Chain) -> None:
    if known != chain:
        chains.stated.put(CHAIN, chain)


def _cosmos(chains: _Chains, record: Record) -> None:
    name, kind = required(record, "chainName"), text_of(record, "chainType")
    network = text_of(record, "chainId")
    if kind == "eip155":
        number = number_of(network, "chainId")
        known = chains.places.chain_of_number(number)
        chain_id, chain_type = f"{_CAIP_EVM}{number}", EVM
    else:
        known, number = chains.places.chain(name), None
        chain_id = name
        # What is no Cosmos chain and of no known type has the type that it has here, or its own.
        own = known.chain_type if known is not None else name.upper()
        chain_type = _COSMOS_TYPES.get(kind, own)
    given = Chain(
        chain_id=chain_id,
        chain_name=text_of(record, "prettyName") or name,
        chain_type=chain_type,
        network_id=number,
        explorer_url=_explorer(record),
        is_testnet=text_of(record, "networkType") == "testnet",
        metadata=_own_denom(record) if chain_type == "COSMOS" else None,
        caip2=_caip2(network) if chain_type == "COSMOS" else None,
    )
    chain = _merged(chains, known, given)
    if chain is not None:
        chains.places.add_chain(chain)
        _put(chains, known, chain)


def _own_denom(record: Record) -> dict[str, Any] | None:
    """What the Cosmos asset lists need: the denomination of the chain's own coin, as metadata."""
    staking = record.get("staking")
    tokens = staking.get("stakingTokens") if isinstance(staking, dict) else None
    coins = tokens if isinstance(tokens, list) else []
    coin = text_of(as_record(coins[0]), "denom") if len(coins) == 1 else ""
    return {OWN_DENOM: coin} if coin and not coin.startswith("ibc/") else None


def _caip2(network: str) -> str | None:
    """The name of a Cosmos network by CAIP-2; None where that would be a hash of its id."""
    try:
        return str(caip.parse_chain(f"cosmos:{network}"))
    except NotAnIdentifier:
        return None
