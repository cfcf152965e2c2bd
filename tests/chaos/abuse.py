"""Attacks by one hostile caller, what a bystander sees meanwhile, and what they cost.

`python -m tests.chaos.abuse` runs each flood for CQAR_ABUSE_SECONDS (30) and writes the table of
docs/RELIABILITY.md.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.api_keys import create_key
from tests.chaos import reliability_page
from tests.chaos.attacks import ATTACKS
from tests.chaos.bystander import Bystander
from tests.chaos.cluster import Cluster, cluster_on_own_servers
from tests.chaos.soak_settings import ABUSE_SECONDS
from tests.support.commits import commit
from tests.support.entity_builders import an_asset
from tests.support.service_processes import ROOT, Running

#: Asked undisturbed, before each flood.
BEFORE_S: Final = 1.0
#: A process may take so long to give memory back.
RECOVER_S: Final = 60.0
WITHIN: Final = 1.2
P99_MS: Final = 250.0
#: A flood sends what it has begun.
GRACE_S: Final = 60.0
ASKED: Final = ("Resolve", "as of", "Get")

log = logging.getLogger(__name__)


@dataclass
class AttackReport:
    """What a flood came to.

    Attributes:
        counts: What the flood was answered, and how often.
        before_mib, after_mib: Of the writer and the resolver, their resident memory.
    """

    title: str
    counts: dict[str, int]
    bystander: Bystander
    before_mib: tuple[float, float]
    after_mib: tuple[float, float]

    @property
    def missed(self) -> list[str]:
        """Which goals were."""
        slow = [one for one in ASKED if self.bystander.within_ms(one, 0.99) > P99_MS]
        found = [f"{one} p99" for one in slow]
        found += [f"{what} ({times})" for what, times in self.bystander.refused.items()]
        found += ["state"] * bool(self.bystander.states.keys() - {"LIVE"})
        pairs = zip(self.before_mib, self.after_mib, strict=True)
        return found + ["memory"] * any(after > before * WITHIN for before, after in pairs)


async def large_registry(cluster: Cluster) -> None:
    """More than a client that does not read is sent."""
    entities = [an_asset(f"LARGE{n}", metadata={"note": "x" * 15_000}) for n in range(500)]
    await commit(cluster.mutations, *entities)


async def run_attack(
    cluster: Cluster, named: str, seconds: float, recover_s: float, before_s: float = BEFORE_S
) -> AttackReport:
    """Attack the first writer and the first resolver, and ask both as another caller.

    Args:
        recover_s: The longest time to wait for memory to be given back.
        before_s: How long the other caller asks undisturbed.
    """
    writer, resolver = cluster.writers[0], cluster.resolvers[0]
    keys = {
        role: await create_key(cluster.mutations, f"{named} {role.name.lower()}", role)
        for role in (Role.READ, Role.WRITE)
    }
    bystander = Bystander()
    before = _rss_mib(writer), _rss_mib(resolver)
    async with bystander.asking(writer.grpc, resolver.grpc, keys[Role.READ]):
        await asyncio.sleep(before_s)
        bystander.took_s.clear()
        flood = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.attacks", named),
            *(writer.grpc, resolver.grpc, keys[Role.WRITE], str(seconds)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(seconds + GRACE_S):
                out, _ = await flood.communicate()
        finally:
            if flood.returncode is None:
                flood.kill()
    after = _rss_mib(writer), _rss_mib(resolver)
    until_s = asyncio.get_running_loop().time() + recover_s
    while _grew(before, after) and asyncio.get_running_loop().time() < until_s:
        await asyncio.sleep(1)
        after = _rss_mib(writer), _rss_mib(resolver)
    found = AttackReport(ATTACKS[named].title, json.loads(out or b"{}"), bystander, before, after)
    p99_ms = {name: round(bystander.within_ms(name, 0.99)) for name in ASKED}
    log.info("%s: %s, p99 %s ms, missed %s", named, found.counts, p99_ms, found.missed)
    return found


def _grew(before: tuple[float, float], after: tuple[float, float]) -> bool:
    return any(now > then * WITHIN for then, now in zip(before, after, strict=True))


def _rss_mib(service: Running) -> float:
    text = Path(f"/proc/{service.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found.group(1)) / 1024 if found else 0.0


# ---------------------------------------------------------------- the page

TABLE: Final = """\
| flood | it was told | Resolve p50 / p99 ms | as of p50 / p99 ms | writer's Get p50 / p99 ms | resolver was | writer MiB | resolver MiB | missed |
|---|---|---:|---:|---:|---|---:|---:|---|
"""  # noqa: E501


def table_of(reports: list[AttackReport], seconds: float, on: dt.date) -> str:
    rows = "".join(map(_row, reports))
    note = (
        f"*{seconds:g} s each, {on.isoformat()}, on {reliability_page.machine()}. Memory is before,"
        f" and up to {RECOVER_S:g} s after.*\n"
    )
    return f"{TABLE}{rows}\n{note}"


def _row(one: AttackReport) -> str:
    counts = ", ".join(f"{what} {times:,}" for what, times in sorted(one.counts.items()))
    times = [
        f"{one.bystander.within_ms(name, 0.5):.0f} / {one.bystander.within_ms(name, 0.99):.0f}"
        for name in ASKED
    ]
    memory = [
        f"{before:.0f} → {after:.0f}"
        for before, after in zip(one.before_mib, one.after_mib, strict=True)
    ]
    states = ", ".join(sorted(one.bystander.states))
    missed = ", ".join(one.missed) or "nothing"
    return f"| {' | '.join([one.title, counts or 'nothing', *times, states, *memory, missed])} |\n"


async def main(names: list[str]) -> None:
    seconds = ABUSE_SECONDS or 30.0
    with tempfile.TemporaryDirectory(prefix="cqar-abuse-") as folder:
        async with cluster_on_own_servers(Path(folder)) as cluster:
            await large_registry(cluster)
            found = [await run_attack(cluster, named, seconds, RECOVER_S) for named in names]
    made = table_of(found, seconds, dt.datetime.now(dt.UTC).date())
    reliability_page.PATH.write_text(
        reliability_page.ABUSE.put(reliability_page.PATH.read_text(), made)
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(main(sys.argv[1:] or list(ATTACKS)))
