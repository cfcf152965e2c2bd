"""The review list: which assets that listings stand on are asked about, and why nothing decides.

A cause is what the files show of the ticker; of several the first that holds counts.
"""

from __future__ import annotations

import enum
import functools
from collections import Counter, defaultdict
from typing import Any, Final, NamedTuple

from cqar.importer.readers.registry import product_lines
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import EnvironmentCode
from tests.catalogue.evidence import Evidence, evidence, tickers_of
from tests.catalogue.namesakes import another_coin, false_friends
from tests.identity.world import World

#: Findings that ask which coin a code or a spelling means.
IDENTITY_KINDS: Final = ("SAME_TICKER", "REUSE", "RENAMED", "SWAP", "DUPLICATE", "MULTIPLIER")


class Cause(enum.StrEnum):
    """Why a person is asked."""

    CAME_BACK = "a code or spelling came back, was renamed or swapped: held by the policy"
    DUPLICATE = "two assets may be one coin; merging takes two people"
    TESTS = "test environments alone have it"
    FALSE_FRIEND = "the ticker is in the list of false friends"
    TWO_KNOWN = "two assets of the catalogue have the ticker, or had it"
    ANOTHER = "the files show that another coin is or was traded under the catalogue's ticker"
    AGAINST = "one coin has the ticker, and what the venue says or has listed speaks against it"
    NOT_KNOWN = "the catalogue has no coin of the ticker"


class ReviewList(NamedTuple):
    """What is asked of people.

    Attributes:
        listed: Number of assets that listings stand on.
        causes: Of those that are asked about, each with its cause.
    """

    listed: int
    causes: dict[str, Cause]

    @property
    def counts(self) -> Counter[Cause]:
        return Counter(self.causes.values())


def review_list(world: World) -> ReviewList:
    listed = {s.base_asset_id for s in world.all(SYMBOL)}
    listed |= {s.quote_asset_id for s in world.all(SYMBOL)}
    asked: defaultdict[str, list[Any]] = defaultdict(list)
    for finding in world.open_findings():
        if finding.kind in IDENTITY_KINDS and finding.asset_id in listed:
            asked[finding.asset_id].append(finding)
    causes = {a: _cause(world.get(ASSET, a).symbol, found) for a, found in asked.items()}
    return ReviewList(len(listed), causes)


def _cause(ticker: str, found: list[Any]) -> Cause:
    kinds = {str(finding.kind) for finding in found}
    if kinds & {"REUSE", "RENAMED", "SWAP"}:
        return Cause.CAME_BACK
    if "SAME_TICKER" not in kinds:
        return Cause.DUPLICATE
    if all(finding.venue_id in _test_environments() for finding in found):
        return Cause.TESTS
    return _cause_of(ticker.upper())


@functools.cache
def _test_environments() -> frozenset[str]:
    lines = product_lines().items()
    tests = {v: line for v, line in lines if line.environment is not EnvironmentCode.PRODUCTION}
    return frozenset(tests) | {line.operator for line in tests.values()}


@functools.cache
def _cause_of(ticker: str) -> Cause:
    if ticker in false_friends():
        return Cause.FALSE_FRIEND
    known = _by_ticker().get(ticker, [])
    if not known:
        return Cause.NOT_KNOWN
    if len(known) > 1:
        return Cause.TWO_KNOWN
    is_another = any(True for _ in another_coin(known[0], frozenset()))
    return Cause.ANOTHER if is_another else Cause.AGAINST


@functools.cache
def _by_ticker() -> dict[str, list[Evidence]]:
    found: defaultdict[str, list[Evidence]] = defaultdict(list)
    for known in evidence().values():
        for ticker in tickers_of(known.row):
            found[ticker].append(known)
    return dict(found)
