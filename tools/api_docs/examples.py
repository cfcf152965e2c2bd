"""What docs/API.md calls, in order: `examples.json`, and each example as a line to type.

The examples run from top to bottom on a registry that holds the catalogue alone. What they
need beyond it, the first of them, `before`, adds under ids that are stated, so that every line
runs as it is printed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Final

import msgspec

from cqar.importer.stable_ids import catalogue_id
from tools.api_docs.json_layout import LINE_CHARS_MAX, lay_out

PATH: Final = Path(__file__).with_name("examples.json")
#: How a shell's line goes on in the next.
_CONTINUED: Final = " \\\n  "
#: `$asset:bitcoin` stands for the catalogue's id of that slug; ids of our own are made alike.
_NAMED: Final = re.compile(r"\$([a-z_]+):(.+)")


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call.

    Attributes:
        about: What there is to see, in a sentence.
        fails: The reason of the error that it is an example of; empty where it succeeds.
        unanswered: No release answers it yet.
        to, key, reason, metadata, count: Options of `cqar call`.
    """

    rpc: str
    request: dict[str, Any] = {}
    about: str = ""
    fails: str = ""
    unanswered: bool = False
    to: str = ""
    key: str = ""
    reason: str = ""
    metadata: list[str] = []
    count: int = 0

    @property
    def line(self) -> str:
        """What to type into a shell."""
        line = f"cqar call {self.rpc}"
        if self.request:
            line += f" {_quoted(lay_out(self.request, taken=len(line) + 3))}"
        given = [(name, getattr(self, name)) for name in ("to", "key", "reason")]
        given += [("metadata", pair) for pair in self.metadata]
        given += [("count", str(self.count or ""))]
        options = [f"--{name} {shlex.quote(value)}" for name, value in given if value]
        flat = " ".join([line, *options])
        return flat if "\n" not in flat and len(flat) <= LINE_CHARS_MAX else _broken(line, options)

    @property
    def arguments(self) -> list[str]:
        """What the shell makes of the line, for `cqar` to read."""
        return shlex.split(self.line.replace(_CONTINUED, " "))[1:]


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    before: Example
    calls: list[Example]


def read_examples() -> Examples:
    return msgspec.convert(_with_ids(msgspec.json.decode(PATH.read_bytes())), Examples)


def _with_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_ids(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_with_ids(v) for v in value]
    if isinstance(value, str) and (found := _NAMED.fullmatch(value)):
        return catalogue_id(*found.groups())
    return value


def _broken(line: str, options: list[str]) -> str:
    return _CONTINUED.join([line, *options])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
