"""How much is measured: for the record, or for a look within a minute."""

from __future__ import annotations

from typing import Final

import msgspec


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are in listings.

    Attributes:
        rounds: Of each contestant; fewer where a subject says so.
        seconds: Of load, for each contestant and round.
        mutations: One after the other, in a round.
        applies: Of 1,000 entities each, in a round.
        burst: Changes that come at once.
        rest_s: Between two contestants, for what is left over to settle.
        quick: Whether it is a look only, and not for the record.
    """

    small: int
    middle: int
    large: int
    rounds: int
    seconds: float
    mutations: int
    applies: int
    burst: int
    rest_s: float
    quick: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(sorted({self.small, self.middle, self.large}))


FULL: Final = Scale(
    small=1_000,
    middle=100_000,
    large=1_000_000,
    rounds=5,
    seconds=2.0,
    mutations=150,
    applies=3,
    burst=50_000,
    rest_s=0.2,
)
QUICK: Final = Scale(
    small=4_000,
    middle=4_000,
    large=4_000,
    rounds=1,
    seconds=0.25,
    mutations=20,
    applies=1,
    burst=2_000,
    rest_s=0.0,
    quick=True,
)


def size_name(listings: int) -> str:
    """As people say it: 1k, 100k, 1M."""
    if listings % 1_000_000 == 0:
        return f"{listings // 1_000_000}M"
    return f"{listings // 1_000}k" if listings % 1_000 == 0 else str(listings)
