"""Parameter types for times and positions."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from cqar.sdk.session_position import Position


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
