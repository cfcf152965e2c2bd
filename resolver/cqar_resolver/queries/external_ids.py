"""Which asset or symbol an identifier of a source means. Pure.

CAIP-19 names a chain and an asset of it, so it also means what the registry knows by chain and
address, or by the chain's own coin.
"""

from __future__ import annotations

from typing import Any

from cqar_shared.domain import caip
from cqar_shared.domain.identifier_rules import CAIP19, canonical
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.errors import EntityNotFound
from cqar_shared.queries import entities
from cqar_shared.queries.reader import Reader


def owner_of(reader: Reader, kind: AnyKind, owner: str, source: int, external_id: str) -> str:
    """Return the id of the one entity that an identifier names; "" if it names none.

    Args:
        kind: The kind of identifier.
        owner: The field with the entity that it identifies.

    Raises:
        EntityNotFound: It names several.
    """
    stored = canonical(source, external_id)
    identifiers = entities.find(reader, kind, "external_id", source, stored)
    owners = {str(getattr(identifier, owner)) for identifier in identifiers}
    if len(owners) > 1:
        plural = f"{owner.removesuffix('_id')}s"
        raise EntityNotFound(kind.name, external_id, f"names {len(owners)} {plural} of this source")
    return owners.pop() if owners else ""


def asset_of(reader: Reader, source: int, external_id: str) -> str:
    """Return the id of the asset that an identifier means.

    Raises:
        EntityNotFound: It means no asset, or several; says what is not known.
    """
    owner = owner_of(reader, ASSET_IDENTIFIER, "asset_id", source, external_id)
    if owner:
        return owner
    if source == CAIP19:
        return _asset_by_caip19(reader, caip.parse_asset(external_id))
    raise EntityNotFound(ASSET_IDENTIFIER.name, external_id)


def _asset_by_caip19(reader: Reader, named: caip.Asset19) -> str:
    if named.token_id:
        raise _unknown(named, "it is one token of a collection, and no identifier names it")
    if named.coin_type is not None:
        return _own_coin(reader, named, named.coin_type)
    if named.address is None:
        raise _unknown(
            named, f"{named.namespace} of {named.chain.namespace} is no namespace of addresses"
        )
    chain = _chain(reader, named.chain)
    deployments = entities.find(reader, ASSET_DEPLOYMENT, "address", chain.chain_id, named.address)
    if not deployments:
        raise EntityNotFound(ASSET_DEPLOYMENT.name, named.address, f"on {chain.chain_id}")
    return str(deployments[0].asset_id)


def _chain(reader: Reader, named: caip.Chain2) -> Any:
    """Return the message of the chain with a CAIP-2 name.

    Raises:
        EntityNotFound: No chain has it, or several have the number in it.
    """
    chains = entities.find(reader, CHAIN, "caip2", str(named))
    if not chains and named.network_id:
        numbered = entities.find(reader, CHAIN, "network", named.network_id)
        of_type = caip.CHAIN_TYPES[named.namespace]
        chains = [chain for chain in numbered if chain.chain_type.upper() == of_type]
    if len(chains) != 1:
        several = f"({len(chains)} chains have the number {named.reference})" if chains else ""
        raise EntityNotFound(CHAIN.name, str(named), several)
    return chains[0]


def _own_coin(reader: Reader, named: caip.Asset19, coin: int) -> str:
    """Return the chain's own coin, if the coin type is that coin's.

    A coin type belongs to one chain. Other chains, such as Ethereum's rollups, may have the same
    coin.
    """
    chain = _chain(reader, named.chain)
    own = _native_asset(reader, chain)
    if not own:
        raise _unknown(named, f"the own coin of {chain.chain_id} is not known")
    home = caip.COIN_HOMES.get(coin)
    if home == str(named.chain) or (coin, named.chain.namespace) == (caip.COSMOS_COIN, "cosmos"):
        return own
    if home is None:
        raise _unknown(named, f"coin type {coin} is not known")
    if _native_asset(reader, _chain(reader, caip.parse_chain(home))) != own:
        raise _unknown(
            named, f"coin type {coin} is {home}'s; the coin of {chain.chain_id} is another"
        )
    return own


def _native_asset(reader: Reader, chain: Any) -> str:
    if chain.native_asset_id:
        return str(chain.native_asset_id)
    # No address is "" in a snapshot's index, and NULL in PostgreSQL.
    for nothing in ("", None):
        for each in entities.find(reader, ASSET_DEPLOYMENT, "address", chain.chain_id, nothing):
            if each.is_native:
                return str(each.asset_id)
    return ""


def _unknown(named: caip.Asset19, why: str) -> EntityNotFound:
    return EntityNotFound(ASSET_IDENTIFIER.name, str(named), f"({why})")
