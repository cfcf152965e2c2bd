"""The parts of docs/VENUES.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from cqar.importer.readers.registry import product_line_of, product_lines
from tools.reference.markdown_table import table
from tools.venues.beside import beside_part
from tools.venues.causes import CAUSES, Cause, cause_of, how
from tools.venues.ccxt_comparison import Compared, Disagreement
from tools.venues.one_registry import Imported, OneRegistry
from tools.venues.readings import FileReading

_HEAD: Final = """# Venues

*Made by `make venues`, from files that venues have answered; a test holds the first five tables.*

What every reader makes of the venues' own files that we have, and how it compares: with an oracle,
which is a second reading that was written apart from the readers and compares every field of every
record (`tests/readers`), and with [ccxt](https://github.com/ccxt/ccxt).
[IMPORTING](IMPORTING.md) says what the words mean. A sample or a fixture shows the shape of a
record, not a venue's whole listing.
"""


def whole_page(files: list[FileReading], ccxt_text: str, registry: OneRegistry) -> str:
    """The page. `ccxt_text` is of `ccxt_part`."""
    parts = (_HEAD, venues_part(files), files_part(files), beside_part(), ccxt_text)
    return "\n".join((*parts, registry_part(registry)))


def venues_part(files: list[FileReading]) -> str:
    """A row a venue."""
    by_venue: dict[str, list[FileReading]] = defaultdict(list)
    for file in files:
        by_venue[file.listing.venue_id].append(file)
    rows = [_venue_row(venue_id, found) for venue_id, found in sorted(by_venue.items())]
    names = ("venue", "product line", "files", "records", "markets", "unsupported", "unreadable")
    others = ", ".join(f"`{line}`" for line in sorted(product_lines().keys() - by_venue.keys()))
    total = (
        str(sum(len(found) for found in by_venue.values())),
        *_outcomes(files),
        str(sum(file.wrong for file in files)),
    )
    return (
        "## By venue\n\n"
        + table((*names, "wrong fields", "newest file"), [*rows, ("all", "", *total, "")])
        + f"\nReaders without a file here, tested with records of the documentation: {others}.\n"
    )


def _venue_row(venue_id: str, files: list[FileReading]) -> tuple[str, ...]:
    line = product_line_of(venue_id)
    dated = [file.date for file in files if file.date[0].isdigit()]
    return (
        f"`{venue_id}`",
        line.name if line else "",
        str(len(files)),
        *_outcomes(files),
        str(sum(file.wrong for file in files)),
        max(dated, default=files[0].date),
    )


def _outcomes(files: Iterable[FileReading]) -> tuple[str, str, str, str]:
    total: Counter[str] = Counter()
    for file in files:
        total += Counter({**file.reading.outcomes, "RECORDS": file.reading.records})
    return tuple(  # type: ignore[return-value]
        f"{total[name]:,}" for name in ("RECORDS", "MARKET", "UNSUPPORTED", "UNREADABLE")
    )


def files_part(files: list[FileReading]) -> str:
    """A row a file."""
    names = ("file", "venue", "request", "records", "markets", "unsupported", "unreadable")
    rows = [
        (
            f"`{file.listing.file}`",
            f"`{file.listing.venue_id}`",
            f"`{file.listing.request}`",
            f"{file.reading.records:,}",
            f"{len(file.reading.markets):,}",
            _counted(file.unsupported),
            _counted(file.unreadable),
            str(file.wrong),
            file.date,
        )
        for file in files
    ]
    return "## By file\n\n" + table((*names, "wrong fields", "date"), rows)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))


def ccxt_part(compared: list[Compared], ccxt_version: str) -> str:
    """Disagreements by venue and field, with who is right.

    Raises:
        NoCause: One has no cause.
    """
    groups: dict[tuple[str, str, str], list[Disagreement]] = defaultdict(list)
    used: dict[tuple[str, str, str], Cause] = {}
    for file in compared:
        line = product_line_of(file.listing.venue_id)
        for found in file.disagreements:
            key = (found.venue_id, found.field, how(found))
            groups[key].append(found)
            used[key] = cause_of(line.operator if line else "", found)
    names = ("venue", "field", "markets", "example", "ours", "ccxt's", "right", "why")
    rows = [_group_row(key, found, used[key]) for key, found in sorted(groups.items())]
    refused = [file for file in compared if file.refused]
    read = [file for file in compared if not file.refused]
    markets = sum(file.markets for file in read)
    agreeing = markets - sum(
        len({d.spelling for d in file.disagreements if d.field != "record"}) for file in read
    )
    return (
        f"## Where ccxt reads otherwise\n\nccxt {ccxt_version} read {len(read)} of the files, with"
        f" {markets:,} markets that both read. Of {agreeing:,} every compared field is equal: tick,"
        " lot, minimum and maximum quantity, minimum value, contract size, expiry, strike, and"
        " whether orders are taken. The others, by venue and field:\n\n"
        + table(names, rows)
        + f"\nccxt cannot read the other {len(refused)}: they are of an API that the venue has"
        " left, or ccxt needs several answers at once:\n\n"
        + table(
            ("file", "venue", "what ccxt says"),
            [
                (f"`{f.listing.file}`", f"`{f.listing.venue_id}`", _one_line(f.refused))
                for f in refused
            ],
        )
    )


def _group_row(
    key: tuple[str, str, str], found: list[Disagreement], cause: Cause
) -> tuple[str, ...]:
    venue_id, field, _ = key
    first = found[0]
    count = f"{len(found):,}"
    return (
        f"`{venue_id}`",
        field,
        count,
        f"`{first.spelling}`",
        first.ours,
        first.ccxts,
        cause.right,
        cause.why,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def unused_causes(compared: list[Compared]) -> list[tuple[str, str, str]]:
    """Causes of no disagreement any more."""
    used = set()
    for file in compared:
        line = product_line_of(file.listing.venue_id)
        operator = line.operator.removesuffix("-testnet") if line else ""
        used |= {(operator, found.field, how(found)) for found in file.disagreements}
    return sorted(CAUSES.keys() - used)


def registry_part(registry: OneRegistry) -> str:
    """What the registry has after all imports, and the assets that nobody has identified."""
    names = ("file", "as of", "venue", "listed", "changed", "ended", "new assets", "bound")
    unverified = ", ".join(
        ticker if count == 1 else f"{ticker} ({count})"
        for ticker, count in sorted(registry.unverified.items())
    )
    several = sum(count > 1 for count in registry.unverified.values())
    return (
        f"## {registry.venues} venues in one registry\n\nThe newest file of each venue was imported"
        " into a fresh stack that has the bundled catalogue without its listings, oldest file"
        f" first. The registry then has **{registry.assets:,} assets**, **{registry.symbols:,}"
        f" symbols** and **{registry.listings:,} open listings**. Planning and applying took"
        f" {registry.took_s:.0f} s on two cores. *Bound*: codes that were bound to assets of the"
        " registry by evidence.\n\n"
        + table((*names, "rejected", "seconds"), [_import_row(i) for i in registry.imports])
        + f"\n**{sum(registry.unverified.values()):,} assets are unverified**: nobody has said what"
        f" they are, and the same coin at two operators is two of them. They have"
        f" {len(registry.unverified):,} tickers, of which {several:,} belong to several"
        " (the number in brackets):\n\n"
        f"{unverified}\n"
    )


def _import_row(done: Imported) -> tuple[str, ...]:
    counts = (done.listed, done.changed, done.ended, done.new_assets, done.by_ticker)
    return (
        f"`{done.file.listing.file}`",
        done.file.date,
        f"`{done.file.listing.venue_id}`",
        *(f"{count:,}" for count in counts),
        _counted(done.rejected),
        f"{done.ours_s:.1f}",
    )
