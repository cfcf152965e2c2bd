"""Converts a position along the successions of its asset: exactly, or not at all. No I/O.

A succession says that from an instant on units of one asset are units of another one, at a rate.
`steps_of` asks for one asset after another; whoever drives it sends the questions.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Generator, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Final

from cqar.sdk.decimal_input import Exact, exact
from cqar.sdk.errors import NotConvertible
from cqar.sdk.results import AssetAnswer, Succession
from cqar.sdk.shown_result import ShownResult

#: (asset's id, quantity); below zero of what is owed.
Holding = tuple[str, Exact]
#: Assets that one conversion asks for.
ASKED_MAX: Final = 64
_RENAME: Final = "RENAME"


class Conversion(ShownResult, frozen=True):
    """A position as it is after the successions that took effect.

    Attributes:
        quantity: Exact, whatever the number of its digits.
        successions: That were followed, in their order.
    """

    asset_id: str
    quantity: Decimal
    successions: tuple[Succession, ...]


def steps_of(
    holding: Holding, to: str, at: dt.datetime, *, undated: bool
) -> Generator[str, AssetAnswer, Conversion]:
    """Yield the id of each asset that is to be asked for, take its answer, return the result.

    Raises:
        NotConvertible: No successions that took effect by `at` lead there, or a rate is not known.
        TypeError, ValueError: The quantity is no exact number, or `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"at={at!r} has no time zone")
    asset_id, given = holding
    quantity = _signed(given)
    target = (yield to).asset.asset_id
    start = yield asset_id
    ways: deque[tuple[AssetAnswer, tuple[Succession, ...]]] = deque([(start, ())])
    seen, obstacles = {start.asset.asset_id}, list[str]()
    while ways:
        answer, followed = ways.popleft()
        if answer.asset.asset_id == target:
            return Conversion(target, _converted(quantity, followed), followed)
        for edge in answer.successions:
            if why := _obstacle(edge, followed, at, undated=undated):
                obstacles.append(why)
            elif edge.to_asset_id not in seen and len(seen) < ASKED_MAX:
                seen.add(edge.to_asset_id)
                ways.append(((yield edge.to_asset_id), (*followed, edge)))
    because = f": {'; '.join(obstacles)}" if obstacles else ""
    message = f"by {at.isoformat()} no known succession made {start.asset.symbol} ({asset_id}) {to}"
    raise NotConvertible(f"{message}{because}")


def _obstacle(
    edge: Succession, followed: Sequence[Succession], at: dt.datetime, *, undated: bool
) -> str:
    """Return why a succession is not followed; empty if it is."""
    name = f"{edge.from_asset_id} became {edge.to_asset_id}"
    if edge.effective_at is None:
        return "" if undated else f"it is not known when {name}: undated=True takes it as done"
    if edge.effective_at > at:
        return f"{name} only at {edge.effective_at.isoformat()}"
    before = next((e.effective_at for e in reversed(followed) if e.effective_at), None)
    if before is not None and edge.effective_at < before:
        return f"{name} at {edge.effective_at.isoformat()}, before what was held became it"
    return ""


def _converted(quantity: Decimal, followed: Sequence[Succession]) -> Decimal:
    for edge in followed:
        rate = edge.rate
        if rate is None and edge.kind == _RENAME:
            rate = Decimal(1)
        if rate is None:
            raise NotConvertible(
                f"the rate is not known at which {edge.from_asset_id} became {edge.to_asset_id}"
                f" (relationship {edge.relationship_id})"
            )
        digits = len(quantity.as_tuple().digits) + len(rate.as_tuple().digits)
        quantity = Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX).multiply(quantity, rate)
    return quantity


def _signed(given: Exact) -> Decimal:
    if isinstance(given, str) and given.startswith("-"):
        return -exact(given[1:])
    is_owed = isinstance(given, Decimal | int) and given < 0
    return -exact(-given) if is_owed and not isinstance(given, str) else exact(given)
