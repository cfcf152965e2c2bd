"""`cqar context`: names for servers and keys, so that commands need no addresses."""

from __future__ import annotations

import re
from typing import Any, Final

import click
import msgspec

from cqar.cli.context_file import (
    CONTEXTS_MAX,
    Context,
    Contexts,
    contexts_path,
    named_context,
    read_contexts,
    write_contexts,
)
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import say
from cqar.cli.target import connection_options

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Characters of a key that are shown.
_SHOWN_CHARS: Final = 4


@click.group("context", cls=GroupedGroup)
def context() -> None:
    """Name servers with their keys, and choose which ones commands call.

    The file of names can be read by its owner alone. An address or a folder that a command is
    given, or CQAR_STATE, goes before the context in use.

    \b
    Examples:
      cqar context add live --writer registry.internal:9090 --resolver registry.internal:9091
      cqar context use live
      cqar status --context live
    """


@context.command("add")
@click.argument("name")
@connection_options
def add(name: str, **options: Any) -> None:
    """Add a context, or replace the one of that name; the first one is in use at once.

    \b
    Example:
      cqar context add live --writer registry.internal:9090 --resolver registry.internal:9091
    """
    options.pop("context")
    if not _NAME.fullmatch(name):
        raise click.UsageError("NAME: give 1 to 64 letters, digits, dots, hyphens, underscores")
    if not any(options[field] for field in ("state", "writer", "resolver")):
        raise click.UsageError("give at least one of --writer, --resolver and --state")
    known = read_contexts()
    named = {**known.named, name: Context(**options)}
    if len(named) > CONTEXTS_MAX:
        raise click.UsageError(f"there are {CONTEXTS_MAX} contexts already: remove one")
    write_contexts(Contexts(known.current or name, named))
    say(f"added context {name} to {contexts_path()}.")


@context.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Let commands call the servers of a context, unless they are told otherwise.

    \b
    Example: cqar context use live
    """
    known = read_contexts()
    named_context(name)
    write_contexts(Contexts(name, known.named))
    say(f"context {name} is in use.")


@context.command("rm")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a context from the file; its servers are not touched.

    \b
    Example: cqar context rm live
    """
    known = read_contexts()
    named_context(name)
    named = {each: known.named[each] for each in known.named if each != name}
    write_contexts(Contexts("" if known.current == name else known.current, named))
    say(f"removed context {name}.")


@context.command("list")
@list_options
def list_contexts(*, listing: ListOptions) -> None:
    """List the contexts; of a key only the beginning is shown.

    \b
    Example: cqar context list
    """
    known = read_contexts()
    columns = ("name", "in use", "writer", "resolver", "state", "key", "ca")
    rows = []
    for name, each in sorted(known.named.items()):
        shown = msgspec.structs.replace(each, key=_masked(each.key))
        in_use = "yes" if name == known.current else "no"
        cells = (name, in_use, *(getattr(shown, field) for field in columns[2:]))
        rows.append(OutputRow(cells, {"name": name, **msgspec.to_builtins(shown)}))
    none = "no contexts: add one with cqar context add NAME --writer HOST:PORT"
    show_list(ListView(f"{len(rows)} contexts", columns, rows, ("name",), none), listing)


def _masked(key: str) -> str:
    return f"{key[:_SHOWN_CHARS]}…" if key else ""
