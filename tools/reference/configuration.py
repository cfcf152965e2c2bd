"""docs/CONFIGURATION.md, from the structs that the services check their settings with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta

from cqar.reconciler.config import ReconcilerConfig, VenueSetting
from cqar_resolver.config import ResolverConfig
from cqar_shared.runtime.config import BY_FILE, SCHEMES, ProcessConfig, ServiceConfig
from cqar_writer.config import WriterConfig
from tools.reference.docstrings import attributes_of
from tools.reference.markdown_table import MADE, table

PREFACE: Final = f"""\
# Settings

{MADE}

A setting has a default. The file that `CQAR_CONFIG` names overrides it (`config.yaml` if the variable is unset; no
file if it is empty), and the environment overrides the file. In the file, settings stand under `common:`, `writer:`, `resolver:` or `reconciler:`.
A process checks all settings at start. It names each one that is missing, misspelt or out of range, and does not start.
`cqar-writer config`, `cqar-resolver config` and `cqar-reconciler config` show what is in effect, without passwords. A name ends in its unit.

An address that may hold a password (`{"`, `".join(SCHEMES)}`) can be read from a file at start instead:
the same variable with `{BY_FILE.upper()}` appended names the file.
"""
ALONE: Final = """
## Other programs

| variable | of | meaning |
|---|---|---|
| `CQAR_CONFIG` | both services, the reconciler | the file of settings |
| `CQAR_DATABASE_URL`, `CQAR_DATABASE_URL_FILE` | `cqar-migrate` | the database to migrate |
| `CQAR_STATE` | `cqar` | folder of the stack of `cqar up`; default: `.cqar` |
| `CQAR_CONTEXT` | `cqar` | servers and key of this context (`cqar context`) |
| `CQAR_CONTEXTS` | `cqar` | file of the contexts; default: `~/.config/cqar/contexts.json` |
| `CQAR_KEY` | `cqar` | the API key for every call |
| `CQAR_CA`, `CQAR_CERT`, `CQAR_CERT_KEY` | `cqar` | TLS: the authorities to trust, and the client's certificate and key |
"""
#: Meta's limits, and how they are written.
LIMITS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def configuration_page() -> str:
    every, own = ProcessConfig.__struct_fields__, ServiceConfig.__struct_fields__
    common = [name for name in own if name not in every]
    parts = [
        *(PREFACE, "\n## Every process\n\n"),
        rows_of(ProcessConfig, every, ("WRITER", "RESOLVER", "RECONCILER")),
        *("\n## Both services\n\n", rows_of(ServiceConfig, common, ("WRITER", "RESOLVER"))),
    ]
    for section, config in (("WRITER", WriterConfig), ("RESOLVER", ResolverConfig)):
        said = attributes_of(config)
        names = [n for n in config.__struct_fields__ if n not in ServiceConfig.__struct_fields__]
        parts += [f"\n## The {section.lower()}\n\n"]
        parts += [f"- `{n}`: {said[n]}\n" for n in ServiceConfig.__struct_fields__ if n in said]
        parts += ["\n", rows_of(config, names, (section,))]
    names = [n for n in ReconcilerConfig.__struct_fields__ if n not in every]
    parts += ["\n## The reconciler\n\n", rows_of(ReconcilerConfig, names, ("RECONCILER",))]
    parts += ["\nA venue of `venues` has:\n\n"]
    parts += [f"- `{name}`: {said}\n" for name, said in attributes_of(VenueSetting).items()]
    return "".join([*parts, ALONE])


def rows_of(config: type[ProcessConfig], names: Any, sections: tuple[str, ...]) -> str:
    """A table of these settings.

    Raises:
        KeyError: One of them has no meaning in the docstring.
    """
    fields = {field.name: field for field in msgspec.structs.fields(config)}
    said = attributes_of(config)
    rows = []
    for name in names:
        variables = [f"`CQAR_{section}_{name.upper()}`" for section in sections]
        default = shown(_default_of(fields[name]))
        rows.append(
            (f"`{name}`", "<br>".join(variables), default, values(fields[name]), said[name])
        )
    return table(("name", "variable", "default", "values", "meaning"), rows)


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return field.default if made is NODEFAULT else made()


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
    words = {
        "str": "text",
        "bool": "true or false",
        "int": "whole number",
        "float": "number",
        "tuple": "list",
        "dict": "object",
    }
    return words[kind.__name__] + (f", {limits}" if limits else "")


def is_meta(note: object) -> bool:
    return isinstance(note, Meta)


def _limits(found: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{LIMITS[name]} {limit}" for name, limit in found.items() if limit is not None
    )
