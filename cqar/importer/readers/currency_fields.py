"""Makes what a venue says of a code and of its networks, from the texts of its records. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, TypedDict, Unpack

from cqar.importer.contract_texts import contract_text
from cqar.importer.market import Currency, UnreadableRecord
from cqar.importer.networks import chain_of
from cqar.importer.readers.fields import integer, limit, number, text, word
from cqar_shared.domain.kinds.venue_asset import AssetNetwork

#: Where a venue writes flags as texts.
FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}


class NetworkTexts(TypedDict, total=False):
    """What a record says of a network, as the venue wrote it.

    Attributes:
        words: Further names of the chain, the ones that say most first.
        fee: Of a withdrawal, where it is an amount and not a share.
    """

    words: Iterable[str | None]
    contract: str | None
    deposit: bool | None
    withdraw: bool | None
    min_deposit: str | None
    min_withdrawal: str | None
    fee: str | None
    confirmations: str | None
    memo: bool | None


def network_of(operator: str, name: str | None, **told: Unpack[NetworkTexts]) -> AssetNetwork:
    """A network of an operator. Its chain is known only if one of its names is in the table.

    Raises:
        UnreadableRecord: The network has no name, or a text is no number.
    """
    network = text(name, "the network's name")
    names = (*(told.get("words") or ()), network)
    chains = (chain_of(operator, each) for each in names if each)
    chain = next((chain for chain in chains if chain is not None), None)
    count = integer(told.get("confirmations"), "confirmations")
    return AssetNetwork(
        network=network,
        chain_id=chain.chain_id if chain is not None else None,
        contract_address=contract_text(told.get("contract")),
        deposit_enabled=told.get("deposit"),
        withdraw_enabled=told.get("withdraw"),
        min_deposit=limit(told.get("min_deposit"), "the minimum of a deposit"),
        min_withdrawal=limit(told.get("min_withdrawal"), "the minimum of a withdrawal"),
        # A fee of zero is one.
        withdrawal_fee=_not_negative(told.get("fee")),
        confirmations=count if count and count > 0 else None,
        requires_memo=told.get("memo"),
    )


def _not_negative(value: str | None) -> Decimal | None:
    fee = number(value, "the fee of a withdrawal")
    if fee is not None and fee < 0:
        raise UnreadableRecord(f"the fee of a withdrawal is {value}: it must not be negative")
    return fee


def currency_of(
    code: str | None,
    name: str | None,
    networks: Iterable[AssetNetwork] = (),
    *,
    deposit: bool | None = None,
    withdraw: bool | None = None,
) -> Currency:
    """What a venue says of a code.

    Args:
        name: A name that is the code itself says nothing.
        deposit, withdraw: Where the record states them of the code as a whole. None: it can be
            deposited (withdrawn) if that is stated of one of its networks.
    """
    known = text(code, "the code")
    listed = tuple(networks)
    full = (name or "").strip()
    return Currency(
        code=known,
        name=full if full and full.casefold() != known.casefold() else None,
        networks=listed,
        deposit_enabled=_any(n.deposit_enabled for n in listed) if deposit is None else deposit,
        withdraw_enabled=_any(n.withdraw_enabled for n in listed) if withdraw is None else withdraw,
    )


def _any(flags: Iterable[bool | None]) -> bool | None:
    """True if one is; False only if all are said to be False."""
    stated = list(flags)
    if any(stated):
        return True
    return False if stated and None not in stated else None


def flag(value: str | bool | None, field: str) -> bool | None:
    """A flag that a venue writes as a text; None: it is not stated."""
    return None if value is None else word(value, field, FLAGS)
