"""`cqar audit`: evidence that nobody changed the registry's past afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
from cqc.writer.v1 import api_key_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin import pagination
from cqar.admin.audit import HISTORY, RegistryAltered, verify_registry
from cqar.admin.audit_signatures import SignatureReport
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.history import history_entries
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import print_json, say
from cqar.cli.progress import progress_bar
from cqar.cli.target import Target, with_target
from cqar.embedded.endpoints import read_endpoints
from cqar.sdk.session_position import Position as PositionText
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.trust import signatures
from cqar_shared.trust.trusted_keys import TrustedKeys, Unsigned


@click.group(cls=GroupedGroup)
def audit() -> None:
    """Evidence that the registry's past is unaltered.

    \b
    Example: cqar audit verify
    """


@audit.command("keys")
@list_options
@with_target
def audit_keys(target: Target, *, listing: ListOptions) -> None:
    """Show who made each API key and who revoked it, when and why. Needs a key with role admin.

    Keys are never removed, so the list has every key that was ever made, oldest first.

    \b
    Example: cqar audit keys
    """
    with target.to_writer() as connection:
        request = apb.ListApiKeysRequest()
        listed = pagination.entities(connection, connection.admin.ListApiKeys, request, "keys")
        documents = [_key_document(connection, key) for key in listed]
    documents.sort(key=lambda document: document["made"]["when"])
    columns = (
        *("id", "actor", "role", "made", "made by", "made why"),
        *("revoked", "revoked by", "revoked why"),
    )
    rows = [
        OutputRow(
            (d["key_id"], d["actor"], d["role"], *_cells(d["made"]), *_cells(d["revoked"])), d
        )
        for d in documents
    ]
    show_list(ListView(f"{len(rows)} keys", columns, rows, ("id",), "no keys."), listing)


def _key_document(connection: Connection, key: api_key_pb2.ApiKey) -> dict[str, Any]:
    """A key and its two events; `revoked` is None for a key that is not revoked."""
    ref = apb.EntityRef(kind="api_key", key=key.key_id)
    changes = list(history_entries(connection, ref))
    revocations = (c for c in changes if any(d.field == "revoked_at" for d in c.differences))
    revocation = next(revocations, None)
    return {
        "key_id": key.key_id,
        "actor": key.actor,
        "role": api_key_pb2.Role.Name(key.role).removeprefix("ROLE_").lower(),
        "made": _cause(changes[-1]),
        "revoked": None if revocation is None else _cause(revocation),
    }


def _cause(entry: apb.HistoryEntry) -> dict[str, str]:
    return {
        "when": entry.committed_at.ToJsonString(),
        "by": entry.actor,
        "why": entry.reason,
        "revision": f"{entry.epoch}:{entry.revision}",
    }


def _cells(cause: dict[str, str] | None) -> tuple[str, str, str]:
    return ("", "", "") if cause is None else (cause["when"], cause["by"], cause["why"])


@audit.command()
@click.option(
    "--trusted",
    type=click.Path(path_type=Path),
    help="File of public keys, one per line; fails unless one of them signed the head.",
)
@with_target
def head(target: Target, trusted: Path | None) -> None:
    """Print the end of the chain and its signature, to be stored elsewhere for `verify --noted`.

    The line has the form of the writer's log: EPOCH:REVISION:CHAIN, signed by KEY: SIGNATURE. With
    --trusted the signature is checked here, so that the writer need not be trusted.

    \b
    Example: cqar audit head --trusted signing-keys >> noted
    """
    with target.to_writer() as connection:
        current = connection.call(connection.admin.GetHead, apb.GetHeadRequest()).head
    if trusted is not None:
        try:
            TrustedKeys(_trusted_keys(trusted) or ()).require(current)
        except Unsigned as error:
            raise CallFailed(str(error), "DATA_LOSS") from error
    position = position_of(current).whole
    say(signatures.signature_text(position, current.signing_key_id, current.signature))


def _trusted_keys(path: Path | None) -> list[bytes] | None:
    """The public keys in a file; None without a file."""
    try:
        return None if path is None else signatures.read_trusted(path)
    except signatures.KeyFileError as error:
        raise click.BadParameter(str(error), param_hint="--trusted") from None


def _parse_recorded(text: str) -> LogPosition:
    """EPOCH:REVISION:CHAIN as writers log it; a signature may follow after a comma."""
    position, _, chain = text.partition(",")[0].rpartition(":")
    try:
        return LogPosition(*PositionText.parse(position), bytes.fromhex(chain))
    except ValueError as error:
        message = f"{text!r} is not an EPOCH:REVISION:CHAIN from a writer's log: {error}"
        raise click.BadParameter(message) from None


@audit.command()
@click.option("--database-url", default="", help="Database URL; default: the stack's database.")
@click.option(
    "--noted",
    "recorded",
    multiple=True,
    metavar="EPOCH:REVISION:CHAIN",
    callback=lambda _, __, texts: [_parse_recorded(text) for text in texts],
    help="Earlier end of the chain, from a writer's log; repeatable.",
)
@click.option(
    "--trusted",
    type=click.Path(path_type=Path),
    help="File of public keys, one per line; one of them, or a key they vouch for, must have"
    " signed the head.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target
def verify(
    target: Target,
    database_url: str,
    recorded: list[LogPosition],
    trusted: Path | None,
    *,
    as_json: bool,
) -> None:
    """Replay every change set from the first one; report the first thing that does not match.

    The result is compared with everything that is read, in one PostgreSQL snapshot: the head, each
    revision with its chain and domain events, `current`, the relational tables, listings' terms,
    and the index of each entity's history. The command needs a temporary file of the registry's
    size and about 200 MiB of memory.

    The chain is evidence only against somebody who cannot rewrite all of it. So writers log its end
    once an hour ("the chain is at …"), and --noted compares with such a line. Signatures of
    revisions are checked against the registry's own keys; with --trusted the head must be signed by
    a key that you know from elsewhere.

    Exit codes: 0 nothing was altered; 1 something was, or PostgreSQL does not answer.

    \b
    Example: cqar audit verify --noted "$(cat noted)" --trusted signing-keys
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    keys = _trusted_keys(trusted)
    try:
        with progress_bar("verifying") as advance:
            report = asyncio.run(
                verify_registry(url, recorded, keys, lambda _, done, total: advance(done, total))
            )
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    except RegistryAltered as error:
        if as_json:
            print_json(_altered_document(error))
        raise CallFailed(_altered_text(error), "DATA_LOSS") from error
    if as_json:
        document = {**report._asdict(), "chain": report.chain.hex()}
        print_json({"whole": True, **document, "signed": report.signed._asdict()})
        return
    say(
        f"{report.revisions} revisions, none altered; {report.entities} current entities match the"
        f" log. The chain ends in {report.chain.hex()}.{_recorded_text(recorded)}"
        f" {_signature_text(report.signed)}"
    )


def _recorded_text(recorded: list[LogPosition]) -> str:
    return f" It contains all {len(recorded)} recorded positions." if recorded else ""


def _signature_text(signed: SignatureReport) -> str:
    if signed.first is None and not signed.is_head:
        return "Nothing is signed."
    since = "" if signed.first is None else f", from {signed.first} on"
    text = f"{signed.revisions} revisions are signed{since}"
    if not signed.is_head:
        return f"{text}, but not the head."
    if signed.by_trusted:
        return f"{text}, and the head by a trusted key."
    return f"{text}, and the head, by keys that only the registry vouches for (see --trusted)."


def _altered_document(error: RegistryAltered) -> dict[str, Any]:
    differences = error.differences
    counts = [{"table": t, "what": w, "count": n} for (t, w), n in differences.counts.items()]
    return {
        "whole": False,
        "first": error.first._asdict(),
        "differences": counts,
        "looked_at_everything": differences.is_all,
    }


def _altered_text(error: RegistryAltered) -> str:
    """What differs, and what to do about it."""
    differences = error.differences
    counts = ", ".join(f"{t}.{w}: {n}" for (t, w), n in differences.counts.most_common())
    more = "" if differences.is_all else "; the rest was not checked"
    is_past = any(table in HISTORY for table, _ in differences.counts)
    advice = _PAST_ALTERED if is_past else _PRESENT_ALTERED
    return f"{error}\nIn all: {counts}{more}.\n{advice}"


_FIRST: Final = "Stop the writers, and keep this database unchanged for the investigation."
_PAST_ALTERED: Final = (
    f"{_FIRST} The history itself was altered: restore a backup that verifies and contains the"
    " positions recorded outside (docs/OPERATIONS.md, Backup and restore)."
)
_PRESENT_ALTERED: Final = (
    f"{_FIRST} The history is intact, but the tables made from it were altered: change the"
    " passwords that may write there, and restore a backup that verifies (docs/OPERATIONS.md,"
    " Backup and restore)."
)
