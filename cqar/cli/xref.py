"""`cqar xref`: from any identifier to all others of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from cqc.assets.v1 import identifier_pb2
from cqc.markets.v1 import identifier_pb2 as symbol_identifier_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli.cross_walk import Document, asset_document, owners_document, symbol_document
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.nouns.field_names import enum_words
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.output import print_json, say, table
from cqar.cli.target import Target, with_target
from cqar_shared.domain import caip
from cqar_shared.domain.identifier_formats import NotAnIdentifier
from cqar_shared.domain.identifier_rules import SHARED_SOURCES, check_external_id

#: Word of a source -> its number; of assets and of symbols.
ASSET_SOURCES: Final = enum_words(identifier_pb2.DataSource.DESCRIPTOR)
SYMBOL_SOURCES: Final = enum_words(symbol_identifier_pb2.DataSource.DESCRIPTOR)


@click.command("xref", cls=GroupedCommand)
@click.argument("name", metavar="SOURCE:ID|ASSET")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@with_target
def xref(target: Target, *, name: str, as_json: bool) -> None:
    """Show what an asset or a symbol is called everywhere else.

    Name it by SOURCE:ID, where SOURCE is caip19, cfi, coingecko, coinmarketcap, defillama, dti,
    figi, glassnode, internal, isin, messari or mic; or by an asset's ticker or id. It prints all
    identifiers, the deployments by CAIP-19 and the codes by venue. CFI and MIC are shared: all that
    have it are listed.

    \b
    Examples:
      cqar xref caip19:eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7
      cqar xref dti:4H95J0R2X
      cqar xref isin:XTV15WLZJMF0 --json
      cqar xref BTC
    """
    source, external_id = source_of(name)
    with target.to_resolver() as connection:
        if not source:
            with target.to_writer() as writer:
                asset_id = IdLookup(writer).id_of("asset", name)
            document = asset_document(connection, rpb.ResolveAssetRequest(asset_id=asset_id))
        else:
            document = _identified(connection, source, external_id)
    if as_json:
        print_json(document)
    else:
        _show(name, document)


def source_of(name: str) -> tuple[str, str]:
    """Split a name into the word of its source and the id there; no word: it names an asset.

    Raises:
        UsageError: the id cannot be one of its source, or the source is unknown.
    """
    word, colon, external_id = name.partition(":")
    source = word.lower()
    if source in ASSET_SOURCES or source in SYMBOL_SOURCES:
        number = ASSET_SOURCES.get(source) or SYMBOL_SOURCES[source]
        for violation in check_external_id(source, number, external_id):
            raise click.UsageError(f"{name!r}: {violation.message}")
        return source, external_id
    if not colon:
        return "", name
    try:
        caip.parse_asset(name)
    except NotAnIdentifier:
        known = ", ".join(sorted({*ASSET_SOURCES, *SYMBOL_SOURCES}))
        raise click.UsageError(f"no source {word!r}: the sources are {known}") from None
    raise click.UsageError(f"no source {word!r}: did you mean caip19:{name}")


def _identified(connection: Connection, source: str, external_id: str) -> Document:
    """The asset, or the symbol, that an identifier names; of a shared one all.

    Raises:
        CallFailed: it names none, or several.
    """
    number = ASSET_SOURCES.get(source, 0)
    if number in SHARED_SOURCES:
        document = owners_document(connection, number, external_id)
        if not any(document.values()):
            text = f"no asset and no symbol has {source} {external_id!r}"
            raise CallFailed(_with_hint(text, source, external_id), "NOT_FOUND")
        return document
    missing: CallFailed | None = None
    if number:
        by = rpb.ExternalId(source=number, external_id=external_id)  # type: ignore[arg-type]
        try:
            return asset_document(connection, rpb.ResolveAssetRequest(external_id=by))
        except CallFailed as error:
            if error.code != "NOT_FOUND":
                raise
            missing = error
    if number := SYMBOL_SOURCES.get(source, 0):
        request = pb.GetSymbolRequest(data_source=number, external_id=external_id)  # type: ignore[arg-type]
        try:
            answer = connection.call(connection.registry.GetSymbol, request)
            return symbol_document(connection, answer.symbol)
        except CallFailed as error:
            if error.code != "NOT_FOUND":
                raise
            missing = missing or error
    text = _with_hint(str(missing), source, external_id)
    raise CallFailed(text, "NOT_FOUND", missing.reason if missing else "")


def _with_hint(text: str, source: str, external_id: str) -> str:
    return f"{text}\nrecord it with: cqar identifier add asset ASSET {source} '{external_id}'"


def _show(name: str, document: Document) -> None:
    if "assets" in document:
        rows = [
            ("asset", each["symbol"], each["name"], each["asset_id"]) for each in document["assets"]
        ]
        rows += [("symbol", each["symbol"], "", each["symbol_id"]) for each in document["symbols"]]
        table(name, ("what", "symbol", "name", "id"), rows)
        return
    if "asset" in document:
        asset = document["asset"]
        say(f"{asset['symbol']}  {asset['name']}  {asset['asset_id']}", bold=True)
    else:
        symbol = document["symbol"]
        say(f"{symbol['symbol']}  {symbol['symbol_id']}", bold=True)
    identifiers = [
        (each["source"], each["external_id"], "primary" if each["is_primary"] else "")
        for each in document["identifiers"]
    ]
    _table("Identifiers", ("source", "id", ""), identifiers)
    if "spellings" in document:
        spellings = [(each["venue_id"], each["venue_symbol"]) for each in document["spellings"]]
        _table("Spellings", ("venue", "spelling"), spellings)
        return
    deployments = [
        (each["caip19"] or "", each["chain_id"], each["address"] or "own coin")
        for each in document["deployments"]
    ]
    _table("Deployments", ("caip19", "chain", "address"), deployments)
    codes = [
        (
            each["venue_id"],
            " ".join([each["code"], *each["other_codes"]]),
            each["delisted_at"] or "",
        )
        for each in document["codes"]
    ]
    _table("Codes", ("venue", "code", "until"), codes)


def _table(title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        table(title, columns, rows)
    else:
        say(f"{title}: none")
