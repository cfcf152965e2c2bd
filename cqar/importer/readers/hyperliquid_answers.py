"""Hyperliquid's answers: one POST path, told apart by the body, and which exchange a coin is of.

Builders deploy perpetual exchanges ("perp dexs") of their own. An answer for all of them holds the
coins of each; a coin of the exchange `km` is called `km:US500`, one of the first has no prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqar.importer.readers.product_line import (
    Answers,
    NotTheAnswer,
    Request,
    Row,
    answers_to,
    needed,
    objects_at,
)

#: docs, "Asset IDs": of spot 10000 + index; of builders 100000 + exchange * 10000 + index.
_SPOT_IDS: Final = 10_000
_BUILDER_IDS: Final = 100_000
_IDS_OF_A_BUILDER: Final = 10_000
#: docs, "Info endpoint": the first exchange is margined in USDC, which is token 0.
_USDC: Final = {"name": "USDC", "index": "0", "isCanonical": True}
_USDC_INDEX: Final = "0"


class HyperliquidAnswers:
    """The requests of one exchange in one environment; `dex` is empty for the first."""

    def __init__(self, host: str, dex: str = "") -> None:
        self.dex = dex
        of_dex = (("dex", dex),) if dex else ()
        self.meta = _info(host, "meta", *of_dex)
        self.meta_and_contexts = _info(host, "metaAndAssetCtxs", *of_dex)
        self.all_metas = _info(host, "allPerpMetas")
        self.dexs = _info(host, "perpDexs")
        self.spot = _info(host, "spotMeta")
        self.spot_and_contexts = _info(host, "spotMetaAndAssetCtxs")

    def perpetuals(self, answers: Answers) -> Iterator[Row]:
        """The coins of this exchange, each with its settlement token and its asset id."""
        tokens = dict(self._tokens(answers))
        first_id = self._first_id(answers)
        for meta in self._metas(answers):
            collateral = meta.get("collateralToken", None if self.dex else _USDC_INDEX)
            if not tokens and collateral != _USDC_INDEX:
                needed(answers, self.spot, f"its token {str(collateral)[:40]} is collateral")
            token = (tokens or {_USDC_INDEX: _USDC}).get(str(collateral))
            for place, row in enumerate(objects_at(meta, "universe", name="name")):
                if isinstance(row.record, dict) and "tokens" in row.record:
                    raise NotTheAnswer("it lists spot pairs: name it info?type=spotMeta")
                added: dict[str, Any] = {"@settlement": token}
                if first_id is not None:
                    added["@id"] = str(first_id + place)
                yield _with(row, added)

    def pairs(self, answers: Answers) -> Iterator[Row]:
        """The spot pairs, each with its two tokens. Tokens are meant by the index they state."""
        tokens = dict(self._tokens(answers))
        for meta in self._spot_metas(answers):
            for row in objects_at(meta, "universe", name="name"):
                yield _with(row, _pair_of(row.record, tokens))

    def _metas(self, answers: Answers) -> list[dict[str, Any]]:
        """The meta of this exchange, from the first request that is answered."""
        for answer in answers_to(answers, self.meta):
            return [self._own(answer.value, answer.query.get("dex", self.dex))]
        for answer in answers_to(answers, self.meta_and_contexts):
            return [self._own(_first_of(answer.value), answer.query.get("dex", self.dex))]
        for answer in answers_to(answers, self.all_metas):
            if not isinstance(answer.value, list):
                raise NotTheAnswer("it is no list of exchanges")
            whole = [_meta(value) for value in answer.value]
            return [m for place, m in enumerate(whole) if _dex_of(m, place) == self.dex]
        return []

    def _own(self, value: Any, asked: str) -> dict[str, Any]:
        meta = _meta(value)
        found = _dex_of(meta, 0 if not self.dex else None)
        if asked != self.dex or found not in (None, self.dex):
            raise NotTheAnswer(f"it is of the exchange {asked or found or 'without a name'!r}")
        return meta

    def _spot_metas(self, answers: Answers) -> Iterator[dict[str, Any]]:
        for answer in answers_to(answers, self.spot):
            yield _spot_meta(answer.value)
            return
        for answer in answers_to(answers, self.spot_and_contexts):
            yield _spot_meta(_first_of(answer.value))
            return

    def _tokens(self, answers: Answers) -> Iterable[tuple[str, Any]]:
        for meta in self._spot_metas(answers):
            for row in objects_at(meta, "tokens", name="name"):
                if isinstance(row.record, dict):
                    yield str(row.record.get("index")), row.record

    def _first_id(self, answers: Answers) -> int | None:
        """The asset id of the first coin; of a builder only where all exchanges are listed."""
        if not self.dex:
            return 0
        for answer in answers_to(answers, self.dexs):
            for place, dex in enumerate(answer.value):
                if isinstance(dex, dict) and dex.get("name") == self.dex:
                    return _BUILDER_IDS + place * _IDS_OF_A_BUILDER
        return None


def spot_meta(value: Any) -> dict[str, Any]:
    """The meta of spot in an answer, with or without states beside it.

    Raises:
        NotTheAnswer: The answer has no meta of spot.
    """
    return _spot_meta(_first_of(value) if isinstance(value, list) else value)


def states(value: Any) -> Iterator[Row]:
    """The states of markets beside a meta, each with the market's name: `[meta, [state, …]]`.

    Raises:
        NotTheAnswer: The answer has not as many states as markets.
    """
    meta = _meta(_first_of(value))
    found = value[1] if len(value) > 1 else None
    markets = list(objects_at(meta, "universe", name="name"))
    if not isinstance(found, list) or len(found) < len(markets):
        raise NotTheAnswer("it has not one state for each market")
    for row, state in zip(markets, found, strict=False):
        name = row.record.get("name") if isinstance(row.record, dict) else None
        yield Row(row.name, {**state, "name": name} if isinstance(state, dict) else state)


def _info(host: str, kind: str, *more: tuple[str, str]) -> Request:
    return Request(f"{host}/info", query=(("type", kind), *more), is_post=True)


def _meta(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("universe"), list):
        raise NotTheAnswer("it has no universe")
    return value


def _spot_meta(value: Any) -> dict[str, Any]:
    if "tokens" not in _meta(value):
        raise NotTheAnswer("it has no tokens: it lists no spot pairs")
    return _meta(value)


def _first_of(value: Any) -> Any:
    """The meta of an answer that has states of markets beside it."""
    if not isinstance(value, list) or not value:
        raise NotTheAnswer("it is no list of meta and contexts")
    return value[0]


def _dex_of(meta: dict[str, Any], place: int | None) -> str | None:
    """The exchange that a meta is of, by its coins' names. The first has place 0."""
    names = (coin.get("name") for coin in meta["universe"] if isinstance(coin, dict))
    name = next((name for name in names if isinstance(name, str) and name), None)
    if name is None:
        return "" if place == 0 else None
    return name.partition(":")[0] if ":" in name else ""


def _pair_of(record: Any, tokens: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(record, dict):
        return {}
    meant = record.get("tokens")
    both = meant if isinstance(meant, list) and len(meant) == len(("base", "quote")) else ("", "")
    index = record.get("index")
    found = {name: tokens.get(str(i)) for name, i in zip(("@base", "@quote"), both, strict=True)}
    if isinstance(index, str) and index.isdecimal() and index.isascii() and len(index) < _DIGITS:
        found["@id"] = str(_SPOT_IDS + int(index))
    return found


#: An index has fewer digits.
_DIGITS: Final = 10


def _with(row: Row, added: dict[str, Any]) -> Row:
    record = row.record
    return Row(row.name, {**record, **added} if isinstance(record, dict) else record)
