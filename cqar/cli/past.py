"""`cqar history`, `cqar audit verify`: who changed what, and that nobody changed it afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import click
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf import json_format

from cqar.audit import Broken, verified
from cqar.audit_signatures import Signed
from cqar.cli.target import Target, override
from cqar.cli.words import out, print_json, table
from cqar.connection import CallFailed, Connection
from cqar.embedded.endpoints import read_endpoints
from cqar.position import Position as PositionText
from shared import signatures
from shared.history import Position, position_of
from shared.trust import Trust, Unsigned


@click.command()
@click.argument("entity")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@override
def history(target: Target, entity: str, *, as_json: bool) -> None:
    """What became of ENTITY, newest first: when, by whom, why, and which fields.

    ENTITY is a venue's spelling, or KIND:KEY.

    \b
    Examples:
      cqar history binance/BTCUSDT
      cqar history venue:binance
    """
    with target.to_writer() as connection:
        entries = list(_entries(connection, _ref(connection, entity)))
    if as_json:
        print_json(
            [
                json_format.MessageToDict(entry, preserving_proto_field_name=True)
                for entry in entries
            ]
        )
        return
    rows = [
        (
            f"{entry.epoch}:{entry.revision}",
            entry.committed_at.ToJsonString(),
            entry.actor,
            entry.reason,
            "\n".join(f"{d.field}: {d.before} → {d.after}" for d in entry.differences),
        )
        for entry in entries
    ]
    table(f"{entity}: {len(rows)} changes", ("revision", "when", "who", "why", "what"), rows)


def _ref(connection: Connection, entity: str) -> apb.EntityRef:
    kind, colon, key = entity.partition(":")
    venue, slash, spelling = entity.partition("/")
    if colon and "/" not in kind:
        return apb.EntityRef(kind=kind, key=key)
    if not slash:
        raise click.UsageError("name it as VENUE/SPELLING, such as binance/BTCUSDT, or KIND:KEY")
    request = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
    answer = connection.call(connection.registry.GetVenueSymbol, request)
    return apb.EntityRef(kind="venue_symbol", key=answer.venue_symbol.listing_id)


def _entries(connection: Connection, ref: apb.EntityRef) -> Any:
    token = ""
    while True:
        request = apb.HistoryRequest(entity=ref, page_token=token)
        answer = connection.call(connection.admin.History, request)
        yield from answer.entries
        token = answer.next_page_token
        if not token:
            return


def _and_noted(noted: list[Position]) -> str:
    return f" It went through all {len(noted)} that were noted." if noted else ""


def _said(signed: Signed) -> str:
    if signed.first is None and not signed.is_head:
        return "Nothing is signed."
    since = "" if signed.first is None else f", from {signed.first} on"
    told = f"{signed.revisions} revisions are signed{since}"
    if not signed.is_head:
        return f"{told}, but not the head."
    if signed.by_trusted:
        return f"{told}, and the head by a trusted key."
    return f"{told}, and the head, by keys that only the registry vouches for (see --trusted)."


def _noted(text: str) -> Position:
    """EPOCH:REVISION:CHAIN as writers log it; who signed it may follow behind a comma."""
    try:
        epoch, revision, chain = text.partition(",")[0].split(":")
        return Position(*PositionText.parse(f"{epoch}:{revision}"), bytes.fromhex(chain))
    except ValueError:
        message = f"{text!r} is no EPOCH:REVISION:CHAIN as a writer's log has it"
        raise click.BadParameter(message) from None


@click.group()
def audit() -> None:
    """Evidence that the registry's past is as it was written."""


@audit.command()
@click.option(
    "--trusted",
    type=click.Path(path_type=Path),
    help="File of public keys, one a line: one of them signed the head, or this fails.",
)
@override
def head(target: Target, trusted: Path | None) -> None:
    """Print where the chain is and who signed it, to be kept elsewhere for `verify --noted`.

    It is the writer's answer, as its log has it: EPOCH:REVISION:CHAIN, signed by KEY: SIGNATURE.
    With --trusted the signature is checked here, so that a writer need not be believed.

    \b
    Example: cqar audit head --trusted signing-keys >> noted
    """
    with target.to_writer() as connection:
        told = connection.call(connection.admin.GetHead, apb.GetHeadRequest()).head
    if trusted is not None:
        try:
            Trust(_trusted(trusted) or ()).require(told)
        except Unsigned as error:
            raise CallFailed(str(error), "DATA_LOSS") from error
    said = signatures.said_of(position_of(told).whole, told.signing_key_id, told.signature)
    out.print(said, soft_wrap=True)


def _trusted(path: Path | None) -> list[bytes] | None:
    """The public keys in a file; None where none is named."""
    try:
        return None if path is None else signatures.read_trusted(path)
    except signatures.KeyFileError as error:
        raise click.BadParameter(str(error), param_hint="--trusted") from None


@audit.command()
@click.option("--database-url", default="", help="Instead of the stack's own database.")
@click.option(
    "--noted",
    multiple=True,
    metavar="EPOCH:REVISION:CHAIN",
    callback=lambda _, __, given: [_noted(text) for text in given],
    help="Where the chain was, by a writer's log of then; may be given several times.",
)
@click.option(
    "--trusted",
    type=click.Path(path_type=Path),
    help="File of public keys, one a line: one of them, or one they vouch for, signed the head.",
)
@override
def verify(target: Target, database_url: str, noted: list[Position], trusted: Path | None) -> None:
    """Recompute the hash chain from the first revision; name the first that does not fit.

    Also compared: what everybody reads, with what the revisions made of it, and the index of
    each entity's history. Domain events are part of the chain but for epochs that releases before
    0.2 began. The chain is evidence only against whoever cannot rewrite all of it: writers log once
    an hour where it is ("the chain is at …"), and --noted compares with what such a line of the
    past says. Signatures are checked, too: those of revisions against the registry's own keys; with
    --trusted the head must have one by a key that you know from elsewhere.

    \b
    Example: cqar audit verify --noted "$(cat noted)" --trusted signing-keys
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    try:
        found = asyncio.run(verified(url, noted, _trusted(trusted)))
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    except Broken as error:
        raise CallFailed(str(error), "DATA_LOSS") from error
    out.print(
        f"{found.revisions} revisions, none altered; {found.entities} entities are as they say."
        f" The chain ends in {found.chain.hex()}.{_and_noted(noted)} {_said(found.signed)}",
        soft_wrap=True,
    )
