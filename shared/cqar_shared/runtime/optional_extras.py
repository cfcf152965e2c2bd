"""Imports of packages that only an extra of the wheel installs, with errors that name the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from cqar_shared.errors import MissingExtra

#: The wheel's own packages: a missing module of theirs is a bug, and shows its traceback.
OWN: Final = frozenset({"cqar", "cqc", "cqar_resolver", "cqar_shared", "cqar_writer"})


def require_extra(module: str, what: str, extra: str) -> Any:
    """Import a module that needs the packages of `extra`.

    Args:
        what: What needs it, for the error.

    Raises:
        MissingExtra: A package is not installed; the message names it and the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(missing_message(what, error, extra)) from None


def missing_message(what: str, error: ModuleNotFoundError, extra: str) -> str:
    """Say which package is missing, and how to install it.

    Raises:
        ModuleNotFoundError: `error` itself, if no extra would help.
    """
    missing = error.name or ""
    if missing.partition(".")[0] in OWN:
        raise error
    return f"{what} needs {missing}, which is not installed: pip install 'cqar[{extra}]'"
