"""The history checker finds what must never be."""

from __future__ import annotations

from typing import Final

import pytest
from cqc.assets.v1.asset_pb2 import Asset
from cqc.assets.v1.quality_flag_pb2 import AssetQualityFlag
from cqc.resolver.v1 import resolver_pb2 as pb

from tests.chaos.history_checker import (
    FLAG,
    LIVE,
    AcknowledgedChange,
    ChainReport,
    ClientRecord,
    EntityAnswer,
    FlagPeriod,
    History,
    VerdictAnswer,
    compare,
)

REF: Final = ("asset", "a")
FIRST, SECOND = Asset(name="first"), Asset(name="second")
STALE: Final = pb.SNAPSHOT_STATE_STALE
RAISED = AssetQualityFlag(flag_id="f")


def a_history() -> History:
    """Two changes of an asset, then a flag."""
    truth = History(commits={n: (1, bytes([n])) for n in (1, 2, 3)}, last=3)
    truth.states[REF] = [(1, FIRST), (2, SECOND)]
    truth.states[FLAG, "f"] = [(3, RAISED)]
    return truth


#: Each was acknowledged at ten times its revision.
CHANGES: Final = (
    AcknowledgedChange("writer-1", 9.0, 9.0, 10.0, 1, 1, REF, FIRST),
    AcknowledgedChange("writer-2", 19.0, 19.0, 20.0, 1, 2, REF, SECOND),
    AcknowledgedChange("writer-2", 29.0, 29.0, 30.0, 1, 3, (FLAG, "f"), RAISED),
)
FLAGGED: Final = FlagPeriod("f", 30.0, 40.0)
SEEN: Final = EntityAnswer("resolver-1", 24.0, 24.1, 1, 1, LIVE, 4_000, REF, FIRST)
CLOSED: Final = VerdictAnswer("resolver-1", 35.0, 35.1, 1, 3, LIVE, 10, allowed=False)
#: It does not know of the flag, and says that it may lack what is younger than 6 s.
OPENED: Final = VerdictAnswer("resolver-2", 35.0, 35.1, 1, 2, LIVE, 6_000, allowed=True)
CHAINED: Final = ChainReport("the stream", 1, 2, b"\2")


def observed(**changes: list[object]) -> ClientRecord:
    given = {
        "changes": [*CHANGES],
        "reads": [SEEN],
        "verdicts": [CLOSED, OPENED],
        "flags": [FLAGGED],
        "chains": [CHAINED],
    }
    return ClientRecord(**{**given, **changes})  # type: ignore[arg-type]


def test_a_history_in_which_all_is_right_has_nothing_wrong() -> None:
    found = compare(observed(), a_history())
    assert found.violations == []
    assert (found.acknowledged, found.bounds, found.values, found.verdicts) == (3, 3, 1, 2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"changes": [*CHANGES, CHANGES[1]._replace(revision=4)]}, "is lost"),
        ({"changes": [*CHANGES, CHANGES[1]._replace(epoch=2)]}, "is lost"),
        ({"changes": [*CHANGES, CHANGES[1]._replace(value=FIRST)]}, "is lost"),
        ({"reads": [SEEN._replace(epoch=2)]}, "no more"),
        ({"verdicts": [CLOSED._replace(revision=4)]}, "no more"),
        ({"chains": [CHAINED._replace(chain=b"x")]}, "twice"),
        ({"chains": [CHAINED._replace(epoch=2)]}, "twice"),
        ({"reads": [SEEN._replace(value=SECOND)]}, "wrong value"),
        ({"reads": [SEEN._replace(staleness_ms=3_999)]}, "staler"),
        ({"verdicts": [OPENED._replace(staleness_ms=4_999)]}, "staler"),
        ({"verdicts": [OPENED._replace(staleness_ms=4_999)]}, "in spite of"),
        ({"verdicts": [OPENED._replace(state=STALE)]}, "not LIVE"),
        ({"verdicts": [CLOSED._replace(allowed=True)]}, "at a revision with"),
        ({"reads": [SEEN, SEEN._replace(asked_s=36.0, staleness_ms=None)]}, "went back"),
        ({"wrong_errors": ["writer-1: INTERNAL"]}, "excuses"),
    ],
)
def test_what_must_never_be_is_found(changes: dict[str, list[object]], expected: str) -> None:
    found = compare(observed(**changes), a_history())
    assert [text for text in found.violations if expected in text]
