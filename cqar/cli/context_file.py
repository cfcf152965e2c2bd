"""The file of named servers and keys, which its owner alone can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import msgspec

from cqar.admin.connection import CallFailed
from cqar.embedded.private_files import make_private_folder, read_private, write_private

FILE_NAME: Final = "contexts.json"
#: Contexts that the file holds.
CONTEXTS_MAX: Final = 200


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where servers are, and with which key they are called; empty: not stated."""

    state: str = ""
    writer: str = ""
    resolver: str = ""
    key: str = ""
    ca: str = ""
    cert: str = ""
    cert_key: str = ""


class Contexts(msgspec.Struct, frozen=True):
    """All contexts by name, and the name of the one that is in use; empty: none."""

    current: str = ""
    named: Mapping[str, Context] = {}


def contexts_path() -> Path:
    """`CQAR_CONTEXTS`, else contexts.json in the user's configuration folder."""
    if given := os.environ.get("CQAR_CONTEXTS"):
        return Path(given)
    folder = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "cqar" / FILE_NAME


def read_contexts() -> Contexts:
    """The file's contexts; none without the file.

    Raises:
        UsageError: The file is no file of contexts.
        UnsafePath: The file or its folder is not this user's alone.
    """
    path = contexts_path()
    try:
        content = read_private(path)
    except FileNotFoundError:
        return Contexts()
    try:
        return msgspec.json.decode(content, type=Contexts)
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"{path} is no file of contexts: {error}") from error


def write_contexts(contexts: Contexts) -> None:
    """Replace the file. Raises UnsafePath like `read_contexts`."""
    path = contexts_path()
    folder = make_private_folder(path.parent)
    text = msgspec.json.format(msgspec.json.encode(contexts), indent=2)
    write_private(folder / path.name, text + b"\n")


def named_context(name: str) -> Context:
    """A context by name; of an empty name, the one that is in use.

    Raises:
        CallFailed: No context has the name.
    """
    contexts = read_contexts()
    wanted = name or contexts.current
    if not wanted:
        return Context()
    if wanted not in contexts.named:
        known = ", ".join(sorted(contexts.named)) or "none yet"
        text = f"no context {wanted!r}: there are {known}; see cqar context --help"
        raise CallFailed(text, "NOT_FOUND", "CONTEXT_NOT_FOUND")
    return contexts.named[wanted]
