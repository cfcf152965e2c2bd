"""`cqar asset duplicates`: assets that may be one, and what speaks for and against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.list_output import ListOptions, ListView, list_options, rows_of, show_list
from cqar.cli.target import Target, with_target

#: Findings that say that two assets may be one.
KINDS: Final = ("SAME_TICKER", "DUPLICATE", "RENAMED", "REUSE")
UNDECIDED: Final = (finding_pb2.FINDING_STATE_OPEN, finding_pb2.FINDING_STATE_HELD)
COLUMNS: Final = ("ticker", "asset", "may be", "for", "against", "finding")

Assets = Mapping[str, Any]


@click.command(cls=GroupedCommand)
@click.option("--ticker", default="", help="Only assets with this ticker.")
@list_options
@with_target
def duplicates(target: Target, *, ticker: str, listing: ListOptions) -> None:
    """List assets that may be one, by ticker, with what speaks for and against each candidate.

    They come from undecided findings, and from assets that have the same ticker and name. Decide
    with `cqar findings approve`, or merge with `cqar asset merge`.

    \b
    Example: cqar asset duplicates --ticker LIT
    """
    with target.to_writer() as connection:
        assets = {a.asset_id: a for a in _all(connection, "ListAssets", "assets")}
        found = [*_of_findings(_findings(connection), assets), *_of_names(assets.values())]
    shown = sorted(row for row in found if not ticker or row[0] == ticker)
    rows = rows_of(COLUMNS, shown)
    empty = "no assets are known that may be one."
    show_list(ListView("Assets that may be one", COLUMNS, rows, ("finding",), empty), listing)


def _all(connection: Connection, rpc: str, field: str) -> Iterator[Any]:
    request = getattr(registry_pb, f"{rpc}Request")()
    return pagination.entities(connection, getattr(connection.registry, rpc), request, field)


def _findings(connection: Connection) -> Iterator[Any]:
    request = pb.ListProposalsRequest(states=UNDECIDED, kinds=KINDS)
    return pagination.entities(connection, connection.admin.ListProposals, request, "findings")


def _of_findings(findings: Iterable[Any], assets: Assets) -> Iterator[tuple[str, ...]]:
    """Yield a row for each candidate of each finding; one without a candidate has a row, too."""
    for finding in findings:
        evidence = defaultdict[str, list[Any]](list)
        for each in finding.evidence:
            evidence[each.asset_id].append(each)
        candidates = dict.fromkeys((finding.proposed_asset_id, *evidence))
        named = [each for each in candidates if each and each != finding.asset_id] or [""]
        own = assets.get(finding.asset_id)
        ticker = own.symbol if own is not None else finding.code
        for candidate in named:
            pieces = [*evidence[candidate], *(evidence[""] if candidate else ())]
            yield (
                ticker,
                _named(finding.asset_id, assets),
                _named(candidate, assets),
                _texts(each for each in pieces if not each.is_against),
                _texts(each for each in pieces if each.is_against),
                f"{finding.kind} {finding.finding_id}",
            )


def _of_names(assets: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each asset that has ticker, name and class of another one."""
    by_name = defaultdict[tuple[str, str, int], list[Any]](list)
    for asset in assets:
        by_name[asset.symbol, asset.name.casefold(), asset.asset_class].append(asset)
    for same in by_name.values():
        known = {asset.asset_id: asset for asset in same}
        first, *others = sorted(same, key=lambda asset: (asset.unverified, asset.asset_id))
        # A name that says no more than the ticker says nothing.
        for other in others if first.name != first.symbol else ():
            pair: Sequence[str] = (other.asset_id, first.asset_id)
            meant, candidate = (_named(asset_id, known) for asset_id in pair)
            yield first.symbol, meant, candidate, f"NAME: {first.name}", "", ""


def _named(asset_id: str, assets: Assets) -> str:
    asset = assets.get(asset_id)
    if asset is None:
        return asset_id
    note = " (unverified)" if asset.unverified else ""
    return f"{asset_id} {asset.name}{note}"


def _texts(evidence: Iterable[Any]) -> str:
    return "\n".join(
        f"{each.kind}: {each.detail}" if each.detail else each.kind for each in evidence
    )
