"""What the wheel's extras bring, for those who want what they did not install."""

from __future__ import annotations

from importlib import import_module
from typing import Final

#: Packages of the wheel itself: one of these that is missing is a bug, and shows its traceback.
OWN: Final = frozenset({"cqar", "cqc", "migrations", "resolver", "shared", "writer"})


def run(where: str, extra: str) -> None:
    """Call a program's `module:function`, which needs what `extra` brings.

    Raises:
        SystemExit: Something of it is not installed; names it, and the extra.
    """
    module, _, name = where.partition(":")
    try:
        program = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise SystemExit(wanting("this program", error, extra)) from None
    program()


def wanting(what: str, error: ModuleNotFoundError, extra: str) -> str:
    """The error in words that say what to install.

    Raises:
        ModuleNotFoundError: `error` itself, where no extra would help.
    """
    missing = error.name or ""
    if missing.partition(".")[0] in OWN:
        raise error
    return f"{what} needs {missing}, which is not installed: pip install 'cqar[{extra}]'"
