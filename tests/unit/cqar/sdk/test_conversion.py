"""A position is converted along the successions that took effect, exactly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import pytest
from cqc.assets.v1 import asset_pb2, relationship_pb2
from cqc.resolver.v1 import resolver_pb2

import cqar
from cqar.sdk import decoding
from cqar.sdk.conversion import Conversion, Holding, steps_of

JUNE: Final = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
DAY: Final = dt.timedelta(days=1)


def became(
    source: str, target: str, rate: str = "", at: dt.datetime | None = JUNE, kind: int = 2
) -> Any:
    edge = relationship_pb2.AssetRelationship(
        relationship_id=f"{source}>{target}",
        from_asset_id=source,
        to_asset_id=target,
        conversion_rate=rate,
        succession=kind,  # type: ignore[arg-type]
    )
    if at is not None:
        edge.effective_at.FromDatetime(at)
    return edge


def convert(
    edges: Iterable[Any], position: Holding, to: str, at: dt.datetime = JUNE, **how: bool
) -> Conversion:
    steps = steps_of(position, to, at, undated=how.get("undated", False))
    asked = next(steps)
    while True:
        message = resolver_pb2.ResolveAssetResponse(
            asset=asset_pb2.Asset(asset_id=asked, symbol=asked.upper()),
            successions=[edge for edge in edges if edge.from_asset_id == asked],
        )
        try:
            asked = steps.send(decoding.asset_answer(message))
        except StopIteration as done:
            converted: Conversion = done.value
            return converted


def test_along_a_chain_of_exact_rates() -> None:
    edges = [
        became("a", "b", "0.1"),
        became("b", "c", "24000", JUNE + DAY),
        became("c", "d", at=JUNE + DAY, kind=1),
    ]
    converted = convert(edges, ("a", "1.000000000000000000000000000000001"), "d", JUNE + DAY)
    assert converted.quantity == Decimal("2400.0000000000000000000000000000024")
    assert [each.to_asset_id for each in converted.successions] == ["b", "c", "d"]


def test_of_what_is_owed_and_of_itself() -> None:
    assert convert([became("a", "b", "2")], ("a", "-3"), "b").quantity == -6
    assert convert([became("a", "b", "2")], ("a", Decimal(-3)), "b").quantity == -6
    assert convert([], ("a", 7), "a").quantity == 7


@pytest.mark.parametrize(
    ("edges", "at", "why"),
    [
        ([became("a", "b", "2")], JUNE - DAY, "only at 2024-06-01"),
        ([became("a", "b", "2", None)], JUNE, "not known when a became b"),
        ([became("a", "b")], JUNE, "rate is not known at which a became b .relationship a>b"),
        ([became("b", "a", "2")], JUNE, "no known succession made A .a. b"),
        (
            [became("a", "c", "2"), became("c", "b", "2", JUNE - DAY)],
            JUNE,
            "before what was held became it",
        ),
    ],
)
def test_what_is_not_known_is_refused(edges: list[Any], at: dt.datetime, why: str) -> None:
    with pytest.raises(cqar.NotConvertible, match=why):
        convert(edges, ("a", 1), "b", at)


def test_without_an_instant_only_if_that_is_wanted() -> None:
    edges = [became("a", "b", "2", None)]
    assert convert(edges, ("a", 1), "b", undated=True).quantity == 2


def test_no_float_and_no_naive_instant() -> None:
    with pytest.raises(TypeError):
        convert([], ("a", 0.1), "a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="time zone"):
        convert([], ("a", 1), "a", dt.datetime(2024, 1, 1))  # noqa: DTZ001  (what is refused)
