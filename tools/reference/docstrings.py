"""What a class's docstring says of its attributes, in Google's form."""

from __future__ import annotations

import inspect
import re
import textwrap

_ENTRY = re.compile(r"^(\w+(?:, \w+)*): ", re.MULTILINE)


def attributes_of(cls: type) -> dict[str, str]:
    """Name -> its meaning, each on one line; `a, b: …` is said of both."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("\nAttributes:\n")[2]
    parts = _ENTRY.split(textwrap.dedent(text))[1:]
    found: dict[str, str] = {}
    for names, meaning in zip(parts[::2], parts[1::2], strict=True):
        said = " ".join(meaning.split())
        found |= dict.fromkeys(names.split(", "), said)
    return found
