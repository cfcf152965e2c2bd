"""docs/REAL_DATA.md, written from what was read and judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.real import undetected_errors
from tests.real.evidence import BY_REASON
from tests.real.report import Reason, Tally
from tests.real.rule_evaluation import EvaluatedRow

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "REAL_DATA.md"
EXAMPLES_MAX: Final = 10

HEAD: Final = """\
# Real data through the rules

*Written by `python -m tests.real`; `tests/integration/both/test_real_data.py` holds it current.*

The writer's own rules judge third parties' lists, row by row as they are in `../shared/data`.
Nothing is cleaned first: a reader says what a row states, and the rules find what is
wrong with it. A rejected entity stops no other: if a row's deployment is refused, its asset may
still be accepted.

"""
IDENTITY: Final = """
## Which asset a row means

A place is an address on a chain, or a chain's own coin. All lists that name a place mean the same
deployment. Two places are one asset if a list links them (Uniswap's `bridgeInfo`, the Superchain's
`opTokenId`) *and* gives them the same symbol, and if both are on main networks or both on test
networks. (The links also lead from USDC to USDC.e, which is another asset.) A Cosmos trace that
says how a place came to be overrules the link: a wrapper of its chain's coin is an asset of its
own, and so is a bridged coin. The first list states an asset. Lists are read in the order of the
table: lists that read the chain come before lists that compile others.

A trace is a relationship from its asset to its counterparty: `ibc`, `ibc-cw20`, `ibc-bridge` and
`bridge` BRIDGES, `wrapped` WRAPS, `liquid-stake` STAKES, `synthetic` SYNTHETIC_OF, `legacy-mintage`
MIGRATES_TO (in all ten, the row is the old coin). `additional-mintage` is the same asset issued on
another chain, so it joins places instead. Of several traces the last is the asset's own.
"""
REJECTED: Final = f"""
## What was rejected, and why it is truly wrong

Up to {EXAMPLES_MAX} rows are shown for each reason, spread over all of them. The second column
comes from raw records only, by another route than the rule's (`tests/real/evidence.py`). The test
checks it for every rejected row.
"""
LEARNT: Final = """
## What the rows taught the rules

Before the rules were changed, they refused these right rows and accepted these wrong ones:

- **Refused though right**: Union's coin `au` (a Cosmos denomination may have two characters);
  Rootstock's WRBTC, whose case is a checksum by EIP-1191, not EIP-55.
- **Accepted though wrong**: Ether as a token at address zero; a second list's other decimals for
  the same contract, which silently overwrote the first's (now immutable); and, found without the
  data, a Cosmos contract's address with a wrong character, which passed as a denomination.
"""
UNSEEN: Final = """
## What no rule can see in a row

These rows are accepted, and are wrong or doubtful nevertheless:

- Tokens of a dead network whose number lives on elsewhere (Kovan's 42 is LUKSO's now):
{reused}
- Of {paths} IBC vouchers with a stated path, {hashed} are called by its hash; the other {others}
  state a part of their path, or a wrong one. The registry keeps no paths.
- The names of {spaces} tokens have white space around them. Symbols must not; names are for people.
- `bridgeInfo` does not distinguish issued coins from bridged ones. Without a Cosmos trace, both
  are one asset here.
"""


def text_of(tallies: Mapping[str, Tally]) -> str:
    found = (*_table(tallies), *_silent(tallies))
    return "".join((HEAD, *found, IDENTITY, *_rejected(tallies), LEARNT, _unseen()))


def _table(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield "| source | rows | accepted | rejected | nothing to hold | rejected for |\n"
    yield "|---|---:|---:|---:|---:|---|\n"
    for source, tally in tallies.items():
        reasons = ", ".join(f"`{reason}` {len(rows)}" for reason, rows in tally.rejected.items())
        counts = (tally.rows, tally.accepted, tally.rejected_rows, tally.silent.total())
        yield f"| {source} | {' | '.join(f'{count:,}' for count in counts)} | {reasons} |\n"


def _silent(tallies: Mapping[str, Tally]) -> Iterator[str]:
    yield "\nRows with nothing to hold:\n\n"
    for source, tally in tallies.items():
        for why, count in tally.silent.items():
            yield f"- {source}, {count}: {why}\n"
    results = sum((tally.results for tally in tallies.values()), Counter[str]())
    said = ", ".join(f"{count:,} {name.lower()}" for name, count in results.items())
    yield f"\nOf the entities that the rows state: {said}; none updates what another stated.\n"


def _rejected(tallies: Mapping[str, Tally]) -> Iterator[str]:
    by_reason: defaultdict[Reason, list[EvaluatedRow]] = defaultdict(list)
    for tally in tallies.values():
        for reason, judged in tally.rejected.items():
            by_reason[reason] += judged
    yield REJECTED
    for reason in sorted(by_reason):
        yield from _examples(reason, by_reason[reason])


def _examples(reason: Reason, found: list[EvaluatedRow]) -> Iterator[str]:
    yield f"\n### `{reason}`: {len(found)}\n\n| row | why it is wrong |\n|---|---|\n"
    step = max(1, len(found) // EXAMPLES_MAX)
    for judged in found[::step][:EXAMPLES_MAX]:
        row = judged.row
        yield f"| {row.source}: `{row.text}` | {BY_REASON[reason](row)} |\n"


def _unseen() -> str:
    paths = list(undetected_errors.ibc_paths())
    return UNSEEN.format(
        reused="\n".join(f"  - {line}" for line in undetected_errors.on_reused_numbers()),
        paths=len(paths),
        hashed=paths.count(True),
        others=paths.count(False),
        spaces=undetected_errors.names_in_spaces(),
    )
