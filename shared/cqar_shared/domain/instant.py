"""The instant that an answer is for, and how long the answer stays true. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_DAY_S: Final = 86_400
_SECOND_NS: Final = 1_000_000_000
#: Later than any timestamp in a message.
NEVER_NS: Final = 2**80


class Instant:
    """The instant of an answer. Each comparison also limits how long the answer stays true.

    Attributes:
        ns: Nanoseconds since 1970.
        holds_until_ns: The earliest compared instant that was not reached. Before it, the same
            comparisons have the same results.
    """

    __slots__ = ("holds_until_ns", "ns")

    def __init__(self, ns: int) -> None:
        self.ns = ns
        self.holds_until_ns = NEVER_NS

    @classmethod
    def of(cls, moment: dt.datetime) -> Instant:
        return cls((moment - _EPOCH) // _MICROSECOND * 1000)

    @property
    def moment(self) -> dt.datetime:
        """The instant, to the microsecond."""
        return _EPOCH + self.ns // 1000 * _MICROSECOND

    def reached(self, other: Timestamp) -> bool:
        """Whether this instant is at or after the other."""
        ns = ns_of(other)
        if ns <= self.ns:
            return True
        self.holds_until_ns = min(self.holds_until_ns, ns)
        return False


def moment_of(timestamp: Timestamp) -> dt.datetime:
    """Read a timestamp to the microsecond, five times as fast as protobuf's own method.

    Raises:
        ValueError: the nanoseconds are not within a second.
        OverflowError: the instant is outside the calendar.
    """
    if not 0 <= timestamp.nanos < _SECOND_NS:
        message = f"{timestamp.nanos} nanoseconds"
        raise ValueError(message)
    return _EPOCH + dt.timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1000)


def state(target: Timestamp, moment: dt.datetime) -> None:
    """Set a message's field to an instant."""
    since = moment - _EPOCH
    target.seconds = since.days * _DAY_S + since.seconds
    target.nanos = since.microseconds * 1000


def ns_of(moment: Timestamp) -> int:
    """Nanoseconds since 1970."""
    return moment.seconds * _SECOND_NS + moment.nanos
