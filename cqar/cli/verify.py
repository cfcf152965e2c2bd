"""`cqar audit verify`: evidence that nobody changed the registry's past afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
from cqc.writer.v1 import registry_admin_pb2 as apb

from cqar.admin.audit import HISTORY, Broken, verified
from cqar.admin.audit_signatures import Signed
from cqar.admin.connection import CallFailed
from cqar.cli.key_audit import keys
from cqar.cli.output import print_json, say
from cqar.cli.progress import bar
from cqar.cli.target import Target, override
from cqar.embedded.endpoints import read_endpoints
from cqar.sdk.session_position import Position as PositionText
from cqar_shared.replication.positions import LogPosition, position_of
from cqar_shared.trust import signatures
from cqar_shared.trust.trusted_keys import TrustedKeys, Unsigned


def _and_noted(noted: list[LogPosition]) -> str:
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


def _noted(text: str) -> LogPosition:
    """EPOCH:REVISION:CHAIN as writers log it; who signed it may follow behind a comma."""
    position, _, chain = text.partition(",")[0].rpartition(":")
    try:
        return LogPosition(*PositionText.parse(position), bytes.fromhex(chain))
    except ValueError as error:
        message = f"{text!r} is no EPOCH:REVISION:CHAIN as a writer's log has it: {error}"
        raise click.BadParameter(message) from None


@click.group()
def audit() -> None:
    """Evidence that the registry's past is as it was written."""


audit.add_command(keys)


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
            TrustedKeys(_trusted(trusted) or ()).require(told)
        except Unsigned as error:
            raise CallFailed(str(error), "DATA_LOSS") from error
    said = signatures.signature_text(position_of(told).whole, told.signing_key_id, told.signature)
    say(said)


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
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@override
def verify(
    target: Target,
    database_url: str,
    noted: list[LogPosition],
    trusted: Path | None,
    *,
    as_json: bool,
) -> None:
    """Replay every change set from the first on; name the first thing that does not fit.

    Compared with what comes of them, in one view of PostgreSQL: the head, each revision with its
    chain and domain events, `current`, every table that is searched, listed or looked up, listings'
    terms, and the index of each entity's history. Takes a temporary file of the registry's size
    and some 200 MiB of memory.

    The chain is evidence only against whoever cannot rewrite all of it: writers log once an hour
    where it is ("the chain is at …"), and --noted compares with what such a line of the past says.
    Signatures are checked, too: those of revisions against the registry's own keys; with --trusted
    the head must have one by a key that you know from elsewhere.

    Exit codes: 0 nothing was altered, 1 something was, or PostgreSQL does not answer.

    \b
    Example: cqar audit verify --noted "$(cat noted)" --trusted signing-keys
    """
    url = database_url or read_endpoints(target.state_dir).postgres
    try:
        with bar("verifying") as advance:
            work = verified(
                url, noted, _trusted(trusted), lambda _, done, total: advance(done, total)
            )
            found = asyncio.run(work)
    except (OSError, asyncpg.PostgresError) as error:
        raise CallFailed(f"PostgreSQL: {error}", "UNAVAILABLE") from error
    except Broken as error:
        if as_json:
            print_json(_altered(error))
        raise CallFailed(_told(error), "DATA_LOSS") from error
    if as_json:
        signed = found.signed._asdict()
        told = {**found._asdict(), "chain": found.chain.hex(), "signed": signed}
        print_json({"whole": True, **told})
        return
    say(
        f"{found.revisions} revisions, none altered; {found.entities} entities are as they say,"
        f" in every table. The chain ends in {found.chain.hex()}.{_and_noted(noted)}"
        f" {_said(found.signed)}"
    )


def _altered(error: Broken) -> dict[str, Any]:
    differences = error.differences
    counts = [{"table": t, "what": w, "count": n} for (t, w), n in differences.counts.items()]
    return {
        "whole": False,
        "first": error.first._asdict(),
        "differences": counts,
        "looked_at_everything": differences.is_all,
    }


def _told(error: Broken) -> str:
    """What was found, and what to do about it."""
    differences = error.differences
    counts = ", ".join(f"{t}.{w}: {n}" for (t, w), n in differences.counts.most_common())
    more = "" if differences.is_all else "; it looked no further"
    is_past = any(table in HISTORY for table, _ in differences.counts)
    advice = _PAST_ALTERED if is_past else _PRESENT_ALTERED
    return f"{error}\nIn all: {counts}{more}.\n{advice}"


_FIRST: Final = "Stop the writers, and keep this database as it is for whoever looks into it."
_PAST_ALTERED: Final = (
    f"{_FIRST} The history itself is not as it was written: restore a backup that verifies, and"
    " that went through what was noted outside (docs/OPERATIONS.md, Backup and restore)."
)
_PRESENT_ALTERED: Final = (
    f"{_FIRST} The history is whole, and what is read was altered behind it: change whose passwords"
    " may write there, and restore a backup that verifies (docs/OPERATIONS.md, Backup and restore)."
)
