"""Deribit's requests: the rows of their answers, and what answers narrowed to a part cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cqar.importer.readers.product_line import (
    Answers,
    NotTheAnswer,
    Request,
    Row,
    answers_to,
    objects_at,
)
from cqar_shared.domain.kinds.symbol import SymbolTypeCode

_T = SymbolTypeCode


class DeribitRequests:
    """The requests of one environment, and whether it says that it is the testnet."""

    def __init__(self, host: str, *, is_testnet: bool) -> None:
        path = f"{host}/api/v2/public"
        self.is_testnet = is_testnet
        self.all = Request(f"{path}/get_instruments", narrows=("currency", "kind", "expired"))
        self.one = Request(f"{path}/get_instrument", narrows=("instrument_name",))
        self.combos = Request(f"{path}/get_combos", narrows=("currency",))

    def rows(self, answers: Answers) -> Iterator[Row]:
        legs = dict(self._legs(answers))
        for row in self._records(answers):
            if isinstance(row.record, dict) and row.name in legs:
                yield Row(row.name, {**row.record, "@legs": legs[row.name]})
            else:
                yield row

    def _records(self, answers: Answers) -> Iterable[Row]:
        for answer in answers_to(answers, self.all, self.one):
            value = answer.value
            stated = value.get("testnet") if isinstance(value, dict) else None
            if isinstance(stated, bool) and stated is not self.is_testnet:
                of = "the testnet" if stated else "the exchange itself"
                raise NotTheAnswer(f"it says that it is of {of}")
            if isinstance(value, dict) and isinstance(value.get("result"), dict):
                value = {"result": [value["result"]]}
            yield from objects_at(value, "result", name="instrument_name")

    def _legs(self, answers: Answers) -> Iterable[tuple[str, Any]]:
        for answer in answers_to(answers, self.combos):
            for row in objects_at(answer.value, "result", name="id"):
                if not isinstance(row.record, dict) or "legs" not in row.record:
                    raise NotTheAnswer("its records are no combinations")
                yield row.name, row.record["legs"]

    def incomplete(self, answers: Answers) -> str | None:
        """The API wants a currency: a file that does not name one may be of any."""
        unnamed = [a.name for a in answers_to(answers, self.all) if "currency" not in a.query]
        if not unnamed:
            return None
        return f"{unnamed[0]} does not say which currency: name it get_instruments?currency=any"


def covers(query: Mapping[str, str], spelling: str, symbol_type: SymbolTypeCode) -> bool:
    """By currency of settlement, `BTC-PERPETUAL` or `BTC_USDC-PERPETUAL`, by kind, if alive."""
    if query.get("expired", "false") != "false":
        return False
    currency = query.get("currency", "any")
    if currency != "any" and (
        symbol_type is _T.SPOT or currency != spelling.partition("-")[0].rpartition("_")[2]
    ):
        return False
    return query.get("kind") in (None, "any", _kind_of(spelling, symbol_type))


def _kind_of(spelling: str, symbol_type: SymbolTypeCode) -> str:
    if symbol_type is _T.COMBO:
        return "future_combo" if "-FS-" in spelling else "option_combo"
    return {_T.SPOT: "spot", _T.OPTION: "option"}.get(symbol_type, "future")
