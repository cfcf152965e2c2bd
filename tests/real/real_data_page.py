"""docs/REAL_DATA.md, written from what the product's planners make of third parties' lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cqar.importer.reference.statements import ListRow, RowOutcome
from tests.real import undetected_errors
from tests.real.evidence import evidence_of
from tests.real.list_imports import ListImport

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "REAL_DATA.md"
EXAMPLES_MAX: Final = 6

HEAD: Final = """\
# Real data through the importer

*Written by `python -m tests.real`; `tests/integration/both/test_real_data.py` holds it current.*

Third parties' lists as they are in `../shared/data`, imported as `cqar import KIND FILE` does, one
after the other, into a registry that begins empty. Nothing is cleaned first. How each kind of list
is read: [IMPORTING](IMPORTING.md#reference-lists). A second import of each list changes nothing.

"""
LOOKS: Final = f"""
## What was not taken, and why that is right

Up to {EXAMPLES_MAX} rows are shown for each reason, spread over all of them. The second column
comes from raw records only, by another route than the product's (`tests/real/evidence.py`). The
test checks it for every such row.
"""
LEARNT: Final = """
## What the rows taught the rules

Before the rules were changed, they refused these right rows and accepted these wrong ones:

- **Refused though right**: Union's coin `au` (a Cosmos denomination may have two characters);
  Rootstock's WRBTC, whose case is a checksum by EIP-1191, not EIP-55.
- **Accepted though wrong**: Ether as a token at address zero; a second list's other decimals for
  the same contract, which silently overwrote the first's (now in quarantine); and, found without
  the data, a Cosmos contract's address with a wrong character, which passed as a denomination.
"""
UNSEEN: Final = """
## What no rule can see in a row

These rows are taken, and are wrong or doubtful nevertheless:

- Tokens of a dead network whose number lives on elsewhere (Kovan's 42 is LUKSO's now):
{reused}
- Of {paths} IBC vouchers with a stated path, {hashed} are called by its hash; the other {others}
  state a part of their path, or a wrong one. The registry keeps no paths.
- `bridgeInfo` does not distinguish issued coins from bridged ones: linked addresses of one ticker
  are one asset.
"""


class NotTaken(NamedTuple):
    """A row that was not taken as it is."""

    title: str
    row: ListRow


def text_of(imports: Sequence[ListImport]) -> str:
    return "".join(
        (HEAD, *_table(imports), *_findings(imports), *_looks(imports), LEARNT, _unseen())
    )


def _table(imports: Sequence[ListImport]) -> Iterator[str]:
    names = [outcome.value for outcome in RowOutcome]
    yield f"| list | rows | {' | '.join(names)} | asset known by |\n"
    yield f"|---|---:|{'---:|' * len(names)}---|\n"
    for source, plan, _ in imports:
        counts = (len(plan.rows), *(plan.outcomes[name] for name in names))
        by = ", ".join(f"{name} {count:,}" for name, count in plan.evidence.items())
        yield f"| {source.title} | {' | '.join(f'{count:,}' for count in counts)} | {by} |\n"


def _findings(imports: Sequence[ListImport]) -> Iterator[str]:
    yield "\nFindings that people decide. The registry begins without verified assets, so that no\n"
    yield "ticker is taken and SAME_TICKER does not occur.\n\n| list | findings |\n|---|---|\n"
    for source, plan, _ in imports:
        if plan.findings:
            said = ", ".join(f"{kind} {count:,}" for kind, count in plan.findings.items())
            yield f"| {source.title} | {said} |\n"


def not_taken(imports: Sequence[ListImport]) -> dict[str, list[NotTaken]]:
    """Rows that another look can judge, by the beginning of their reason."""
    found: defaultdict[str, list[NotTaken]] = defaultdict(list)
    for source, plan, _ in imports:
        for row in plan.rows:
            look = evidence_of(row) if row.reason else None
            if look is not None:
                found[look[0]].append(NotTaken(source.title, row))
    return dict(sorted(found.items()))


def proof_of(one: NotTaken) -> str | None:
    """What another look at the raw records says against a row; None if nothing."""
    look = evidence_of(one.row)
    return look[1](one.title, one.row) if look is not None else None


def _looks(imports: Sequence[ListImport]) -> Iterator[str]:
    yield LOOKS
    for reason, found in not_taken(imports).items():
        yield f"\n### {reason.rstrip(chr(39)).strip()}: {len(found):,}\n\n"
        yield "| row | another look |\n|---|---|\n"
        step = max(1, len(found) // EXAMPLES_MAX)
        for one in found[::step][:EXAMPLES_MAX]:
            yield f"| {one.title}: `{one.row.text.replace('|', '/')}` | {proof_of(one)} |\n"


def _unseen() -> str:
    paths = list(undetected_errors.ibc_paths())
    return UNSEEN.format(
        reused="\n".join(f"  - {line}" for line in undetected_errors.on_reused_numbers()),
        paths=len(paths),
        hashed=paths.count(True),
        others=paths.count(False),
    )
