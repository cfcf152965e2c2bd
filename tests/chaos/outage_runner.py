"""An outage under load: what was told is compared with the history, and healing is measured."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cqc.replication.v1 import replication_pb2

from cqar_resolver.replication.freshness import boot_clock_s
from cqar_shared.messaging.jetstream import CHANGES
from tests.chaos.convergence import require_equal
from tests.chaos.failover_clients import Clients
from tests.chaos.failover_cluster import FailoverCluster
from tests.chaos.history_checker import (
    AcknowledgedChange,
    ChainReport,
    ClientRecord,
    Comparison,
    History,
    LiveReport,
    compare,
)
from tests.chaos.outages import Outage, OutageEnd
from tests.support.commits import eventually, raw_messages

BEFORE_S: Final = 1.0
AFTER_S: Final = 1.0
#: Ends a failure.
HEAL_S: Final = 90.0
#: Of a failure's kind, in the log.
TEXT_CHARS: Final = 60

log = logging.getLogger(__name__)
_numbers = itertools.count()


class OutageReport(NamedTuple):
    """What came of an outage.

    Attributes:
        silent_s: The longest time between two acknowledgements.
        not_live_s: The longest time for which a resolver did not say LIVE.
        healed_s: From its end, until each writer had acknowledged a change sent after it, and each
            resolver was LIVE with the first of them.
        writes_s: From the promotion, until a change sent after it was acknowledged.
        live_s: From then, until each resolver was LIVE with it.
    """

    outage: Outage
    comparison: Comparison
    silent_s: float
    not_live_s: float
    healed_s: float
    writes_s: float | None
    live_s: float | None


async def run_outage(
    lab: FailoverCluster, outage: Outage, truth: History, seed: int
) -> OutageReport:
    """Strike once.

    Args:
        truth: The history so far, which is read on.

    Raises:
        AssertionError: It never healed, or resolvers do not equal PostgreSQL in the end.
    """
    cluster = lab.cluster
    clients = Clients(cluster, f"{outage.name}-{next(_numbers)}", seed)
    observed = clients.observed
    names = [one.log.stem for one in cluster.writers], [one.log.stem for one in cluster.resolvers]
    async with clients.running():
        await asyncio.sleep(BEFORE_S)
        struck_s = boot_clock_s()
        ended = await outage.strike(lab)
        log.info("%s, seed %d: over after %.1f s", outage.name, seed, ended.ended_s - struck_s)
        await eventually(lambda: _healed_s(observed, ended, *names) is not None, HEAL_S)
        healed_s = boot_clock_s()
        await asyncio.sleep(AFTER_S)
    await lab.settle()
    await cluster.until_ready()
    await require_equal(cluster)
    if not outage.keeps:
        truth.forget()
    await truth.read_on(cluster.engine)
    observed.chains += await _published(lab)
    found = compare(observed, truth)
    writes_s, live_s = _failover_s(observed, ended, names[1])
    endured = OutageReport(
        *(outage, found),
        _longest((one.answered_s for one in observed.changes), struck_s, healed_s),
        max(
            _longest(
                (one.answered_s for one in observed.live_reports if one.who == who),
                struck_s,
                healed_s,
            )
            for who in names[1]
        ),
        _healed_s(observed, ended, *names) or 0.0,
        *(writes_s, live_s),
    )
    _tell(endured, observed)
    return endured


def _healed_s(
    observed: ClientRecord, ended: OutageEnd, writers: Sequence[str], resolvers: Sequence[str]
) -> float | None:
    """Seconds since its end; None while it has not healed."""
    after = [one for one in observed.changes if one.resent_s > ended.ended_s]
    told = [_first(one for one in after if one.via == writer) for writer in writers]
    if None in told or not after:
        return None
    first = min(after, key=lambda one: one.answered_s)
    live_s = _live_s(observed.live_reports, first, resolvers)
    if live_s is None:
        return None
    return max(live_s, *(one.answered_s for one in told if one)) - ended.ended_s


def _failover_s(
    observed: ClientRecord, ended: OutageEnd, resolvers: Sequence[str]
) -> tuple[float | None, float | None]:
    """From the promotion to the first change, from that to resolvers that serve it."""
    promoted_s = ended.promoted_s
    if promoted_s is None:
        return None, None
    first = _first(one for one in observed.changes if one.resent_s > promoted_s)
    if first is None:
        return None, None
    live_s = _live_s(observed.live_reports, first, resolvers)
    return first.answered_s - promoted_s, None if live_s is None else live_s - first.answered_s


def _first(changes: Iterable[AcknowledgedChange]) -> AcknowledgedChange | None:
    return min(changes, key=lambda one: one.answered_s, default=None)


def _live_s(
    live: Iterable[LiveReport], made: AcknowledgedChange, resolvers: Sequence[str]
) -> float | None:
    """When the last of the resolvers was first LIVE with a change."""
    first_s: dict[str, float] = {}
    for one in live:
        if one.revision >= made.revision and one.answered_s > made.answered_s:
            first_s.setdefault(one.who, one.answered_s)
    return max(first_s.values()) if first_s.keys() >= set(resolvers) else None


def _longest(instants_s: Iterable[float], since_s: float, until_s: float) -> float:
    """The longest time without one."""
    within = [since_s, *(s for s in instants_s if since_s < s < until_s), until_s]
    return max(after - before for before, after in itertools.pairwise(within))


def _longest_not_live_s(
    observed: ClientRecord, resolver: str, since_s: float, until_s: float
) -> float:
    live_s = (report.answered_s for report in observed.live_reports if report.who == resolver)
    return _longest(live_s, since_s, until_s)


async def _published(lab: FailoverCluster) -> list[ChainReport]:
    """Every position that the stream names."""
    async with lab.cluster.jetstream() as (_, js):
        messages = await raw_messages(js, CHANGES)
    found = []
    for message in messages:
        head = replication_pb2.StreamMessage.FromString(message.data or b"").head
        found.append(ChainReport("the stream", head.epoch, head.revision, head.chain))
    return found


def _tell(endured: OutageReport, observed: ClientRecord) -> None:
    found = endured.comparison
    log.info(
        "%s: no change for %.1f s, not LIVE for %.1f s, healed in %.1f s, writes %s, LIVE %s;"
        " %d acknowledged, %d lost, %d ghosts, %d wrong; refused %s",
        *(endured.outage.name, endured.silent_s, endured.not_live_s, endured.healed_s),
        *(endured.writes_s, endured.live_s),
        *(found.acknowledged, len(found.lost), len(found.ghosts), len(found.wrong)),
        dict(observed.refused),
    )
    kinds = Counter(
        text.partition(",")[0].partition(":")[0][:TEXT_CHARS] for text in found.violations
    )
    for kind, times in kinds.items():
        example = next(text for text in found.violations if text.startswith(kind))
        log.warning("%s: %d times: %s", endured.outage.name, times, example[: 4 * TEXT_CHARS])
