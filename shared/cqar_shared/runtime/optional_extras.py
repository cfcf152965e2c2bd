"""What the wheel's extras bring, for those who want what they did not install."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

#: Packages of the wheel itself: one of these that is missing is a bug, and shows its traceback.
OWN: Final = frozenset({"cqar", "cqc", "cqar_resolver", "cqar_shared", "cqar_writer"})


def run(where: str, extra: str) -> None:
    """Call a program's `module:function`, which needs what `extra` brings.

    Raises:
        SystemExit: Something of it is not installed; names it, and the extra.
    """
    module, _, name = where.partition(":")
    getattr(require_extra(module, "this program", extra), name)()


def require_extra(module: str, what: str, extra: str) -> Any:
    """A module that `extra` brings.

    Args:
        what: Who needs it, for the error.

    Raises:
        SystemExit: Something of it is not installed; names it, and the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise SystemExit(missing_message(what, error, extra)) from None


def missing_message(what: str, error: ModuleNotFoundError, extra: str) -> str:
    """The error in words that say what to install.

    Raises:
        ModuleNotFoundError: `error` itself, where no extra would help.
    """
    missing = error.name or ""
    if missing.partition(".")[0] in OWN:
        raise error
    return f"{what} needs {missing}, which is not installed: pip install 'cqar[{extra}]'"
