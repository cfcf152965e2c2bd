"""Parameter types for times and positions."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

import click

from cqar.sdk.session_position import Position

_LENGTH: Final = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class InstantParam(click.ParamType[Any]):
    """An ISO 8601 time; without a zone it is UTC."""

    name = "TIME"

    def convert(self, value: Any, _: Any, __: Any) -> dt.datetime:
        if isinstance(value, dt.datetime):
            return value
        try:
            instant = dt.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}: give an ISO 8601 time such as 2021-10-12T00:00Z")
        try:
            return instant.astimezone(dt.UTC) if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
        except OverflowError:
            self.fail(f"{value!r}: the time is out of range")


class LengthParam(click.ParamType[Any]):
    """How long: 90s, 15m, 12h, 1d, 2w."""

    name = "LENGTH"

    def convert(self, value: Any, _: Any, __: Any) -> dt.timedelta:
        length = value if isinstance(value, dt.timedelta) else length_of(str(value))
        if length is None:
            self.fail(f"{value!r}: give a length such as 10m")
        return length


class SinceParam(InstantParam):
    """An instant, or how long ago it was: 90s, 15m, 12h, 1d, 2w."""

    name = "TIME|AGE"

    def convert(self, value: Any, param: Any, context: Any) -> dt.datetime:
        age = length_of(str(value))
        if age is None:
            return super().convert(value, param, context)
        try:
            return dt.datetime.now(dt.UTC) - age
        except OverflowError:
            self.fail(f"{value!r}: that long ago there was nothing")


def length_of(text: str) -> dt.timedelta | None:
    """The length that a text such as `10m` states; None if it states none."""
    found = _LENGTH.fullmatch(text)
    return dt.timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


class PositionParam(click.ParamType[Any]):
    """A position in the registry's history."""

    name = "EPOCH:REVISION"

    def convert(self, value: Any, _: Any, __: Any) -> Position:
        if isinstance(value, Position):
            return value
        try:
            return Position.parse(str(value))
        except ValueError as error:
            self.fail(str(error))
