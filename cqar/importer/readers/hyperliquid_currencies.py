"""What Hyperliquid says of its spot tokens: full names, and contracts on its own EVM chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from cqar.importer.market import Code, Currency
from cqar.importer.readers.currency_fields import currency_of, network_of
from cqar.importer.readers.product_line import (
    Answers,
    CurrencyForm,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    objects_at,
)


class EvmContract(RawRecord, frozen=True):
    address: str | None = None

    UNUSED: ClassVar = frozenset({"evm_extra_wei_decimals"})


class TokenContract(RawRecord, frozen=True):
    """The part of a token that says of its contract; the rest says of its code."""

    contract: EvmContract | None = msgspec.field(default=None, name="evmContract")
    token: dict[str, Any] = msgspec.field(default_factory=dict, name="@token")

    UNUSED: ClassVar = frozenset(
        {
            *("name", "szDecimals", "weiDecimals", "index", "tokenId", "isCanonical", "fullName"),
            "deployerTradingFeeShare",
        }
    )


def currency_forms(
    operator: str,
    requests: tuple[Request, ...],
    meta_of: Callable[[Any], Any],
    code_of: Callable[[Any], Code],
) -> tuple[CurrencyForm, ...]:
    """The form of answers that hold the spot meta.

    Args:
        meta_of: The meta in an answer. Raises NotTheAnswer.
        code_of: A raw token's code. Raises UnreadableRecord or ValidationError.
    """

    def rows(answers: Answers) -> Iterable[Row]:
        for answer in answers_to(answers, *answers):
            for row in objects_at(meta_of(answer.value), "tokens", name="name"):
                record = row.record
                is_object = isinstance(record, dict)
                yield Row(row.name, {**record, "@token": record} if is_object else record)

    def read(record: TokenContract) -> Currency:
        code = code_of(record.token)
        address = record.contract.address if record.contract is not None else None
        networks = [network_of(operator, "HyperEVM", contract=address)] if address else []
        return currency_of(code.venue, code.name, networks)

    return (SideForm(requests=requests, record=TokenContract, rows=rows, read=read),)
