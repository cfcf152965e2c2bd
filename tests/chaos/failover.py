"""Every outage of the lab, CQAR_FAILOVER_TIMES each (1), into docs/RELIABILITY.md.

`python -m tests.chaos.failover NAME…` strikes with these only, and writes nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from cqar.embedded.servers import embedded_servers
from tests.chaos import reliability_page
from tests.chaos.event_check import require_events
from tests.chaos.failover_cluster import failover_cluster_on
from tests.chaos.history_checker import Comparison, History
from tests.chaos.outage_runner import HEAL_S, OutageReport, run_outage
from tests.chaos.outages import OUTAGES, Outage
from tests.support.memory_folder import server_folder

TIMES: Final = int(os.environ.get("CQAR_FAILOVER_TIMES", "1"))
#: What is aimed at, in seconds: from the promotion to the first change, from there to LIVE, and
#: from a link's recovery until all is well.
WRITES_GOAL_S: Final = 10.0
LIVE_GOAL_S: Final = 2.0
HEAL_GOAL_S: Final = 5.0

log = logging.getLogger(__name__)


async def measure(outages: Sequence[Outage]) -> tuple[list[OutageReport], list[Outage]]:
    """What came of each, and those that did not heal; after one of those the lab is made anew."""
    endured: list[OutageReport] = []
    failed: list[Outage] = []
    pending = [(outage, seed) for seed in range(TIMES) for outage in outages]
    while pending:
        try:
            await _in_one_lab(pending, endured)
        except (AssertionError, TimeoutError, ExceptionGroup):
            outage, _ = pending.pop(0)
            log.exception("%s: failed", outage.name)
            failed.append(outage)
    return endured, failed


async def _in_one_lab(pending: list[tuple[Outage, int]], endured: list[OutageReport]) -> None:
    """Those that are pending, from the first; what is done is taken off the list."""
    with server_folder() as folder:
        async with (
            embedded_servers(folder / "servers", durable=False) as servers,
            failover_cluster_on(servers, folder / "services", folder / "databases") as lab,
        ):
            truth = History()
            while pending:
                outage, seed = pending[0]
                one = await run_outage(lab, outage, truth, seed)
                await require_events(lab.cluster)
                endured.append(one)
                pending.pop(0)


# ---------------------------------------------------------------- the page

TABLE: Final = """\
| fault | no change acknowledged for | a resolver was not LIVE for | time to heal | lost | wrong |
|---|---:|---:|---:|---:|---:|
"""


def _row(outage: Outage, ones: list[OutageReport], failed: int) -> str:
    if not ones:
        return f"| {outage.title} | | | not within {HEAL_S:g} s | | |\n"
    promoted = [one for one in ones if one.writes_s is not None and one.live_s is not None]
    healed = f"{_middle(one.healed_s for one in ones)} s"
    if promoted:
        writes = _middle(one.writes_s or 0.0 for one in promoted)
        live = _middle(one.live_s or 0.0 for one in promoted)
        healed = f"writes {writes} s, LIVE {live} s later; all {healed}"
    if failed:
        healed += f"; not within {HEAL_S:g} s {failed} times"
    found = _sum(ones)
    cells = [
        outage.title,
        f"{_middle(one.silent_s for one in ones)} s",
        f"{_middle(one.not_live_s for one in ones)} s",
        healed,
        str(len(found.lost)),
        str(len(found.ghosts) + len(found.reused) + len(found.wrong)),
    ]
    return f"| {' | '.join(cells)} |\n"


def _middle(values: Iterable[float]) -> str:
    return f"{statistics.median(values):.1f}"


def _sum(endured: Iterable[OutageReport]) -> Comparison:
    found = Comparison()
    for one in endured:
        found.add(one.comparison)
    return found


def table_of(
    wanted: Sequence[Outage], endured: list[OutageReport], failed: list[Outage], on: dt.date
) -> str:
    rows = "".join(
        _row(outage, [one for one in endured if one.outage is outage], failed.count(outage))
        for outage in wanted
    )
    kept = _sum(one for one in endured if one.outage.keeps)
    total = _sum(endured)
    note = (
        f"*{len(endured)} outages, {on.isoformat()}, on {reliability_page.machine()}. Compared: "
        f"{total.operations:,} operations, {total.acknowledged:,} acknowledged changes, "
        f"{total.bounds:,} staleness bounds, {total.values:,} values, {total.verdicts:,} verdicts, "
        f"{total.positions:,} positions. Where a synchronous standby followed:"
        f" {len(kept.lost)} lost, {len(kept.violations) - len(kept.lost)} wrong.*\n"
    )
    return f"{TABLE}{rows}\n{note}"


def _missed(endured: Iterable[OutageReport]) -> list[str]:
    """The goals that were not reached, each in a sentence."""
    found = []
    for one in endured:
        for what, took_s, goal_s in (
            ("healed", one.healed_s, HEAL_GOAL_S),
            ("had writes", one.writes_s or 0.0, WRITES_GOAL_S),
            ("was LIVE", one.live_s or 0.0, LIVE_GOAL_S),
        ):
            if took_s > goal_s:
                found.append(f"{one.outage.name} {what} after {took_s:.1f} s, not {goal_s:g} s")
    return found


async def main(names: list[str]) -> int:
    wanted = [outage for outage in OUTAGES if not names or outage.name in names]
    endured, failed = await measure(wanted)
    table = table_of(wanted, endured, failed, dt.datetime.now(dt.UTC).date())
    sys.stdout.write(table)
    for text in _missed(endured):
        sys.stdout.write(f"{text}\n")
    for outage in failed:
        sys.stdout.write(f"{outage.name} FAILED\n")
    if not names:
        page = reliability_page.PATH.read_text()
        reliability_page.PATH.write_text(reliability_page.FAILOVERS.put(page, table))
    never = [text for one in endured if one.outage.keeps for text in one.comparison.violations]
    return 1 if failed or never else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("tests.chaos").setLevel(logging.INFO)
    log = logging.getLogger("tests.chaos.failover")
    sys.exit(asyncio.run(main(sys.argv[1:])))
