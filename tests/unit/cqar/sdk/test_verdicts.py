"""What says whether something is allowed is true where it is, and false where it is not."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import cqar.sdk
from cqar.sdk.enums import State
from cqar.sdk.results import Freshness, OrderCheck, Permission, Reason, Tradeable

WHY = (Reason("LISTING_HALTED", "venue_symbol", "k", "halted"),)
YES, NO = Permission(allowed=True), Permission(allowed=False, reasons=WHY)
FRESH = Freshness(1, 7, State.LIVE, 12)


def an_order_check(*, allowed: bool) -> OrderCheck:
    return OrderCheck(allowed, () if allowed else WHY, Decimal(1), Decimal(1), Decimal(1), FRESH)


def tradeables() -> Iterator[Tradeable]:
    """All that can be said of opening, posting, reducing and cancelling."""
    for four in itertools.product((YES, NO), repeat=4):
        yield Tradeable(*four)


VERDICTS: dict[type, list[Any]] = {
    Permission: [YES, NO],
    Tradeable: list(tradeables()),
    OrderCheck: [an_order_check(allowed=True), an_order_check(allowed=False)],
}


def results() -> set[type]:
    """Every struct of the SDK, public or not."""
    found: set[type] = set()
    for module in pkgutil.iter_modules(cqar.sdk.__path__, "cqar.sdk."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, msgspec.Struct):
                found.add(value)
    return found


def test_every_result_that_has_allowed_is_tried_here() -> None:
    has = {r for r in results() if hasattr(r, "allowed") or "allowed" in r.__struct_fields__}
    assert has == set(VERDICTS)


@pytest.mark.parametrize("verdict", [v for vs in VERDICTS.values() for v in vs], ids=repr)
def test_a_verdict_is_true_exactly_where_it_allows(verdict: Any) -> None:
    assert bool(verdict) is verdict.allowed


def test_each_of_the_four_permissions_is_true_exactly_where_it_allows() -> None:
    for verdict in tradeables():
        for name in ("open", "post_only", "reduce", "cancel"):
            permission = getattr(verdict, name)
            assert bool(permission) is permission.allowed
    assert not Tradeable(NO, YES, YES, YES)
    assert Tradeable(YES, NO, NO, NO)
