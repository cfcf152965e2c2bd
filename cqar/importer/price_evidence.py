"""What prices say about whether a code is an asset. Pure; no float decides.

Two prices are compared if they were taken within 10 minutes of each other and are in one quote: of
the same asset id, or brought to it by one third price, of one quote in the other, that was taken
within the same 10 minutes. USD, USDT and USDC are three assets: without such a price nothing says
that they are worth the same, and a coin that lost its peg would make every price wrong.

| verdict | when |
|---|---|
| AGREES | every pair differs by less than 2 % |
| RATIO | every pair is within 2 % of the same power of ten, but one: the code may count so many |
| CONTRADICTS | every pair differs by more than 20 %, and some pair is near no power of ten |
| UNKNOWN | no pair, or anything else |

Of 257 tickers that Binance and KuCoin shared on 2022-11-22, 247 differed by less than 2 %, eight by
2 to 20 % on some quote (FTT in its fall), and two are other coins. Of 227 at Binance and HTX it
were 204, 20 and three, one of them the same coin with three trades in a day. AGREES and RATIO are
enough (`is_enough`) on two quotes, or at two times that are 10 minutes apart; a contradiction is
enough by one pair.

Two quotes show that neither price is stale. They are no two witnesses: of pairs of other coins
0.3 % agree and 1 % are near a power of ten on two quotes, too. So prices alone never bind a code.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from typing import Final, NamedTuple

from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.asset_price import AssetPrice

SAME_TIME: Final = dt.timedelta(minutes=10)
#: As ratios of the larger to the smaller price.
AGREE_BELOW: Final = Decimal("1.02")
CONTRADICT_ABOVE: Final = Decimal("1.2")
#: 10^9: no venue counts more of a coin in one.
POWER_MAX: Final = 9
#: Of a code, and of a candidate: more say no more.
QUOTES_COMPARED_MAX: Final = 64
_RATIOS: Final = Context(prec=30)


class Quote(NamedTuple):
    """A price of one unit of a code, or of an asset, in units of another asset."""

    quote_asset_id: str
    price: Decimal
    taken_at: dt.datetime
    where: str = ""


class PriceVerdict(enum.Enum):
    AGREES = enum.auto()
    CONTRADICTS = enum.auto()
    RATIO = enum.auto()
    UNKNOWN = enum.auto()


class PriceComparison(NamedTuple):
    """What prices of a code and of a candidate say.

    Attributes:
        units: Of RATIO: how many of the asset one unit of the code is worth, a power of ten.
        is_enough: Whether it counts; a price on one quote at one time is thin.
        detail: For people.
    """

    verdict: PriceVerdict
    units: Decimal | None = None
    is_enough: bool = False
    detail: str = ""


class _Pair(NamedTuple):
    code: Quote
    asset: Quote
    ratio: Decimal


#: (asset, quote asset) -> prices of one unit of the asset in the quote.
Rates = Mapping[tuple[str, str], list[Quote]]


def rates_of(quotes: Iterable[tuple[str, Quote]]) -> Rates:
    """Prices of assets, by asset and quote: third prices for `compare`."""
    found: dict[tuple[str, str], list[Quote]] = {}
    for asset_id, quote in quotes:
        found.setdefault((asset_id, quote.quote_asset_id), []).append(quote)
    return found


def stored_quotes(price: AssetPrice) -> list[Quote]:
    """The quotes of a stored price."""
    if price.taken_at is None:
        return []
    return [
        Quote(q.quote_asset_id, q.price, price.taken_at, f"{q.venue_id} {q.venue_symbol}")
        for q in price.quotes or ()
        if q.price is not None
    ]


def compare(
    code: Iterable[Quote], asset: Iterable[Quote], rates: Rates | None = None
) -> PriceComparison:
    """Compare prices of a code with those of an asset that it may be.

    Args:
        rates: Third prices; without them only prices in the same quote asset are compared.
    """
    pairs = _pairs([*code][:QUOTES_COMPARED_MAX], [*asset][:QUOTES_COMPARED_MAX], rates or {})
    if not pairs:
        return PriceComparison(PriceVerdict.UNKNOWN, detail="no prices of the same time and quote")
    powers = {power_of_ten(pair.ratio) for pair in pairs}
    enough = _is_enough(pairs)
    if powers == {0}:
        return PriceComparison(PriceVerdict.AGREES, None, enough, _detail(pairs))
    if len(powers) == 1 and (power := next(iter(powers))) is not None:
        units = decimals.parse(decimals.plain(Decimal(1).scaleb(power)))
        return PriceComparison(PriceVerdict.RATIO, units, enough, _detail(pairs))
    if None in powers and all(_apart(pair.ratio) > CONTRADICT_ABOVE for pair in pairs):
        return PriceComparison(PriceVerdict.CONTRADICTS, is_enough=True, detail=_detail(pairs))
    return PriceComparison(PriceVerdict.UNKNOWN, detail=_detail(pairs))


def power_of_ten(ratio: Decimal) -> int | None:
    """The power of ten that a ratio is within 2 % of; None: of none up to 10^9."""
    nearest = (ratio.adjusted(), ratio.adjusted() + 1)
    for power in nearest:
        if abs(power) <= POWER_MAX and _apart(_RATIOS.scaleb(ratio, -power)) < AGREE_BELOW:
            return power
    return None


def _apart(ratio: Decimal) -> Decimal:
    """How many times the smaller price the larger one is."""
    return ratio if ratio >= 1 else _RATIOS.divide(Decimal(1), ratio)


def _pairs(code: list[Quote], asset: list[Quote], rates: Rates) -> list[_Pair]:
    found = []
    for ours in code:
        for theirs in asset:
            if abs(ours.taken_at - theirs.taken_at) > SAME_TIME:
                continue
            rate = _rate(theirs.quote_asset_id, ours.quote_asset_id, ours.taken_at, rates)
            if rate is not None and ours.price > 0 and theirs.price > 0 and rate > 0:
                worth = _RATIOS.multiply(theirs.price, rate)
                found.append(_Pair(ours, theirs, _RATIOS.divide(ours.price, worth)))
    # What is in one quote says more than what a third price brings together.
    direct = [p for p in found if p.code.quote_asset_id == p.asset.quote_asset_id]
    quoted = {p.code.quote_asset_id for p in direct}
    return direct + [p for p in found if p.code.quote_asset_id not in quoted]


def _rate(source: str, target: str, at: dt.datetime, rates: Rates) -> Decimal | None:
    """Units of the target for one of the source, by a third price of the time."""
    if source == target:
        return Decimal(1)
    for quote in rates.get((source, target), ()):
        if abs(quote.taken_at - at) <= SAME_TIME:
            return quote.price
    for quote in rates.get((target, source), ()):
        if abs(quote.taken_at - at) <= SAME_TIME and quote.price > 0:
            return _RATIOS.divide(Decimal(1), quote.price)
    return None


def _is_enough(pairs: list[_Pair]) -> bool:
    if len({pair.code.quote_asset_id for pair in pairs}) > 1:
        return True
    times = [pair.code.taken_at for pair in pairs]
    return max(times) - min(times) >= SAME_TIME


def _detail(pairs: list[_Pair]) -> str:
    """The pair that lies farthest apart, and how many there are."""
    pair = max(pairs, key=lambda p: _apart(p.ratio))
    ours, theirs = (
        f"{decimals.plain(q.price)}{f' ({q.where})' if q.where else ''}"
        for q in (pair.code, pair.asset)
    )
    more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"{ours} against {theirs}{more}"[:256]
