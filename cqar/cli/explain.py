"""`cqar explain`: where each value of a listing is from, and what says which coin it is."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.explain_identity import BINDING_COLUMNS, bindings, open_findings
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import print_json, say, table
from cqar.cli.param_types import InstantParam
from cqar.cli.target import Target, with_target
from cqar.importer.terms import STATED_TERMS
from cqar_shared.codec import entity_codec
from cqar_shared.domain import entity_diff
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL


@click.command("explain", cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("spelling", shell_complete=completion_names.spellings)
@click.option("--as-of", type=InstantParam(), help="What held then; default: now.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_target
def explain(target: Target, **options: Any) -> None:
    """Show where the terms of VENUE's SPELLING are from, and what says which coin it is.

    It prints the terms that hold, the evidence for the assets that it is of and what is not decided
    about them, the venue's answer that stated the terms (request, time, SHA-256, reader), and the
    fields of the raw record that decided.

    \b
    Example:
      cqar explain binance BTCUSDT
    """
    key: dict[str, Any] = {"venue_id": options["venue"], "venue_symbol": options["spelling"]}
    with target.to_writer() as connection:
        request = registry_pb.GetVenueSymbolRequest(**key)
        if options["as_of"] is not None:
            request.as_of.FromDatetime(options["as_of"])
        answer = connection.call(connection.registry.GetVenueSymbol, request)
        source = _source(connection, key, options["as_of"])
        symbol: Any = entity_codec.from_message(SYMBOL, answer.symbol)
        bound = bindings(connection, options["venue"], symbol)
        spelling = options["spelling"]
        left = open_findings(connection, options["venue"], spelling, symbol.base_asset_id)
    listing: Any = entity_codec.from_message(VENUE_SYMBOL, answer.venue_symbol)
    terms = {
        name: entity_diff.value_text(value)
        for name in ("status", "unit_multiplier", *STATED_TERMS, "doubts")
        if (value := getattr(listing, name)) not in (None, ())
    }
    if options["as_json"]:
        document = {
            **key,
            "terms": terms,
            "source": _document(source),
            "bindings": [binding._asdict() for binding in bound],
            "findings": [msgspec.to_builtins(finding) for finding in left],
        }
        print_json(document)
        return
    table(f"{options['venue']} {options['spelling']}", ("term", "value"), terms.items())
    table("Which assets it is of, and what says so", BINDING_COLUMNS, bound)
    if left:
        undecided = [(f.kind, f.summary or "", f.finding_id) for f in left]
        table("Not decided (cqar findings show ID)", ("finding", "asked", "id"), undecided)
    if source is None:
        say("Nothing is recorded of where they are from: they were entered by hand, or imported")
        say("before CQAR kept it. `cqar history` shows who set them.")
        return
    rows = [("reader", source.reader)]
    for recorded in (source, *(source.answers or ())):
        rows.append(("request", recorded.request))
        rows.append(("taken at", entity_diff.value_text(recorded.taken_at)))
        rows.append(("sha256", recorded.sha256))
    table("Stated by the venue's answer", ("what", "value"), rows)
    raw = msgspec.json.decode(source.raw or "{}")
    fields = [
        (name, value if isinstance(value, str) else _json(value)) for name, value in raw.items()
    ]
    table("Fields of its record that decided", ("field", "value"), fields)


def _source(connection: Connection, key: dict[str, Any], as_of: Any) -> Any:
    request = pb.GetListingSourceRequest(**key)
    if as_of is not None:
        request.as_of.FromDatetime(as_of)
    try:
        answer = connection.call(connection.admin.GetListingSource, request)
    except CallFailed as error:
        if error.code == "NOT_FOUND":
            return None
        raise
    return entity_codec.from_message(LISTING_SOURCE, answer.listing_source)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _document(source: Any) -> dict[str, Any] | None:
    if source is None:
        return None
    plain: dict[str, Any] = msgspec.to_builtins(source)
    return {**plain, "raw": msgspec.json.decode(source.raw or "{}")}
