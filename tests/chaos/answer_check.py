"""What was answered, at which revision, and what the outbox's replay says of it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from cqc.assets.v1.asset_pb2 import Asset

from tests.support.outbox_replay import Replayed


class Answer(NamedTuple):
    """An answer about an asset.

    Attributes:
        who: Who asked whom, for a failure's text.
        asset: None where the answer was NOT_FOUND.
    """

    who: str
    epoch: int
    revision: int
    asset_id: str
    asset: Asset | None


def require_right(answers: Iterable[Answer], replayed: Replayed) -> int:
    """Each answer tells what its asset was at the answer's own revision.

    Returns:
        How many were compared.
    """
    lives: defaultdict[str, list[tuple[int, bytes | None]]] = defaultdict(list)
    for revision, changes in replayed.changes.items():
        for (kind, key), payload in changes.items():
            if kind == "asset":
                lives[key].append((revision, payload))
    compared = 0
    for answer in answers:
        assert answer.revision <= len(replayed.changes), f"of a revision nobody made: {answer}"
        life = lives[answer.asset_id]
        place = bisect_right(life, answer.revision, key=lambda step: step[0])
        payload = life[place - 1][1] if place else None
        expected = None if payload is None else Asset.FromString(payload)
        assert answer.asset == expected, f"{answer}, where there was {expected}"
        compared += 1
    return compared
