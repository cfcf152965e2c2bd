"""Bitfinex: lists of names, nothing else."""

from __future__ import annotations

from typing import Any, Final

from tests.readers.oracles.plain import Expect, Expectations, code, plain

_EXCHANGE: Final = "bitfinex/conf_pub_list_pair_exchange_2021-04-17.json"
_FUTURE: Final = "bitfinex/conf_pub_list_pair_future_2021-04-17.json"

#: Bitfinex's Bitcoin Dominance Index, and the "two European equity market indices", Cboe Eurozone
#: 50 and Cboe Germany 30.
_INDICES: Final = {"BTCDOM", "EUROPE50IX", "GERMANY30IX"}


#: "We use 5 significant digits for prices of all pairs on Bitfinex."
_DIGITS: Final = 5


def _halves(pair: str) -> tuple[str, str]:
    """Split as Bitfinex does: at the colon, or three letters and three."""
    base, colon, quote = pair.partition(":")
    return (base, quote) if colon else (pair[:3], pair[3:])


def _is_test(pair: str) -> bool:
    """Paper trading is of TESTBTC and TESTUSD; AAABBB is of coins that do not exist."""
    return pair.startswith("TEST") or pair == "AAABBB"


def _spot(pair: str) -> dict[str, Any]:
    base, quote = _halves(pair)
    return plain(
        symbol_type="SPOT",
        base=code(base),
        quote=code(quote),
        order_unit="BASE",
        price_significant_digits=_DIGITS,
    )


def _perpetual(pair: str) -> dict[str, Any]:
    # "pub:map:currency:undl: Maps derivatives symbols to their underlying currency (e.g. BTCF0 ->
    # BTC)". Bitfinex's derivatives are perpetuals that pay in what they are quoted in.
    base, quote = (code(half, half.removesuffix("F0")) for half in _halves(pair))
    is_index = base[1] in _INDICES
    return plain(
        symbol_type="PERPETUAL",
        base=base,
        quote=quote,
        settlement=quote,
        contract_kind="LINEAR",
        underlying_class="INDEX" if is_index else None,
        underlying=base[1] if is_index else None,
        order_unit="BASE",
        price_significant_digits=_DIGITS,
    )


def _listing(file: str, read: Any) -> Any:
    def expectations(answers: dict[str, Any]) -> Expectations:
        pairs = answers[file][0]
        return len(pairs), {
            f"t{pair}": {"unsupported": "a test pair"} if _is_test(pair) else read(pair)
            for pair in pairs
        }

    return expectations


EXPECT: Final[Expect] = {
    _EXCHANGE: _listing(_EXCHANGE, _spot),
    _FUTURE: _listing(_FUTURE, _perpetual),
}
