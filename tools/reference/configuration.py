"""docs/CONFIGURATION.md, from the structs that the services check their settings with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta

from cqar_resolver.config import ResolverConfig
from cqar_shared.runtime.config import BY_FILE, SCHEMES, ServiceConfig
from cqar_writer.config import WriterConfig
from tools.reference.docstrings import attributes_of
from tools.reference.markdown_table import MADE, table

PREFACE: Final = f"""\
# Settings

{MADE}

Each is a default, then what the file says that `CQAR_CONFIG` names (`config.yaml` where it names none; empty: no
file), then what the environment says. In the file they stand under `common:`, `writer:` or `resolver:`, by their
names. They are checked whole at start: what is missing, misspelt or out of range is named, and nothing starts.
`cqar-writer config` and `cqar-resolver config` show what is in effect, without passwords. Names end in their unit.

An address that may hold a password (`{"`, `".join(SCHEMES)}`) can be read from a file at start instead:
the same variable with `{BY_FILE.upper()}` behind it names the file.
"""
ALONE: Final = """
## Beside the services

| variable | of | meaning |
|---|---|---|
| `CQAR_CONFIG` | both services | the file of settings |
| `CQAR_DATABASE_URL`, `CQAR_DATABASE_URL_FILE` | `cqar-migrate` | the database whose schema is brought up to date |
| `CQAR_STATE` | `cqar` | folder of the stack that `cqar up` keeps: `.cqar` |
| `CQAR_KEY` | `cqar` | the API key that goes with every call |
| `CQAR_CA`, `CQAR_CERT`, `CQAR_CERT_KEY` | `cqar` | TLS: whom to trust, and who one is |
"""
#: Meta's limits, and how they are written.
LIMITS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def configuration_page() -> str:
    common = rows_of(ServiceConfig, ServiceConfig.__struct_fields__, ("WRITER", "RESOLVER"))
    parts = [PREFACE, "\n## Both services\n\n", common]
    for section, config in (("WRITER", WriterConfig), ("RESOLVER", ResolverConfig)):
        said = attributes_of(config)
        names = [n for n in config.__struct_fields__ if n not in ServiceConfig.__struct_fields__]
        parts += [f"\n## The {section.lower()}\n\n"]
        parts += [f"- `{n}`: {said[n]}\n" for n in ServiceConfig.__struct_fields__ if n in said]
        parts += ["\n", rows_of(config, names, (section,))]
    return "".join([*parts, ALONE])


def rows_of(config: type[ServiceConfig], names: Any, sections: tuple[str, ...]) -> str:
    """A table of these settings.

    Raises:
        KeyError: One of them has no meaning in the docstring.
    """
    fields = {field.name: field for field in msgspec.structs.fields(config)}
    said = attributes_of(config)
    rows = []
    for name in names:
        variables = [f"`CQAR_{section}_{name.upper()}`" for section in sections]
        default = shown(fields[name].default)
        rows.append(
            (f"`{name}`", "<br>".join(variables), default, values(fields[name]), said[name])
        )
    return table(("name", "variable", "default", "values", "meaning"), rows)


def shown(default: Any) -> str:
    if default is NODEFAULT:
        return "**required**"
    return f"`{msgspec.json.encode(default).decode()}`" if default != "" else "empty"


def values(field: msgspec.structs.FieldInfo) -> str:
    """What a setting may be: its type, its limits, or each of its words."""
    if field.name in SCHEMES:
        return ", ".join(f"`{scheme}://`" for scheme in SCHEMES[field.name])
    kind, limits = field.type, ""
    for note in getattr(kind, "__metadata__", ()):
        limits = _limits({name: getattr(note, name) for name in LIMITS} if is_meta(note) else {})
        kind = kind.__origin__
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind))
    words = {"str": "text", "bool": "true or false", "int": "whole number", "float": "number"}
    return words[kind.__name__] + (f", {limits}" if limits else "")


def is_meta(note: object) -> bool:
    return isinstance(note, Meta)


def _limits(found: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{LIMITS[name]} {limit}" for name, limit in found.items() if limit is not None
    )
