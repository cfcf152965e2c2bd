"""One method for each RPC that changes something: its parameters are the request's fields.

What is positional, and what a method does, is as the command line says it of the same RPC.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from cqar.cli.nouns.model import Verb
from cqar.cli.nouns.noun_table import NOUNS
from cqar.sdk.write_requests import RENAMED
from cqar_shared.domain.kinds import KINDS

_SDK: Final = Path(__file__).resolve().parents[2] / "cqar" / "sdk"
#: File -> whether its methods are awaited.
FILES: Final = {_SDK / "sync_writes.py": False, _SDK / "async_writes.py": True}
_METHODS: Final = pb.DESCRIPTOR.services_by_name["AssetRegistry"].methods_by_name
_READS: Final = ("Get", "List", "Search", "Check")
_STRUCT_OF: Final = {k.message.DESCRIPTOR.full_name: k.entity for k in KINDS}
#: Where the command takes more than the RPC does.
_SUMMARIES: Final = {"ResolveQualityFlag": "Resolve a flag; it stays on record."}
_HEADER: Final = '''"""The writes of `cqar.{name}`, made by `make sdk-writes`: do not edit."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cqar.sdk.decimal_input import Exact
from cqar.sdk.write_requests import Written
{imports}


class {mixin}:
    """One method for each change; what a method leaves out stays as it is, or is not known.

    Enumerations are words such as `spot`, instants have a time zone, decimals are Decimal, int or
    text. Every method takes `reason` for the audit log. `if_revision` refuses the change if the
    entity changed after that revision; by default it is the one at which this writer saw it last.

    Raises:
        InvalidRequest: A rule refuses a value; `violations` names all of them.
        NotFound, AlreadyExists, ChangedMeanwhile, Refused, Denied, NotReady: As their names say.
    """

    @abstractmethod
    {kind} _write(self, rpc: str, values: Mapping[str, Any]) -> Written[Any]:
        """Make the call with a method's parameters, `self` and `reason` among them."""
'''


def text_of(*, is_async: bool) -> str:
    """The module of one of the two classes."""
    methods = [_METHODS[name] for name in _METHODS if not name.startswith(_READS)]
    structs = sorted({s.__module__ + " " + s.__name__ for m in methods if (s := _struct(m))})
    imports = "\n".join("from {} import {}".format(*each.split(" ")) for each in structs)
    names = ("AsyncWriter", "AsyncWrites") if is_async else ("Writer", "SyncWrites")
    kind = "async def" if is_async else "def"
    parts = [_HEADER.format(name=names[0], mixin=names[1], imports=imports, kind=kind)]
    parts += [_method(method, is_async=is_async) for method in methods]
    text = "\n".join(parts)
    command = (sys.executable, "-m", "ruff", "format", "--stdin-filename", "x.py", "-")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)  # noqa: S603  (our own text)
    return done.stdout


def _struct(method: MethodDescriptor) -> type | None:
    field = method.output_type.fields[0]
    return _STRUCT_OF.get(field.message_type.full_name) if field.message_type else None


def _method(method: MethodDescriptor, *, is_async: bool) -> str:
    verb = _verb(method.name)
    names = {field: parameter for parameter, field in RENAMED.get(method.name, {}).items()}
    required = [
        names.get(name, name) for name, is_required in verb.arguments.items() if is_required
    ]
    struct = _struct(method)
    result = f"Written[{struct.__name__ if struct else 'None'}]"
    parameters = dict(_parameters(method))
    head = [f"{name}: {parameters.pop(name)}" for name in required]
    # What the command line takes as an argument comes first here, too.
    others = [names.get(name, name) for name in verb.arguments if not verb.arguments[name]]
    head += [f"{name}: {parameters.pop(name)} | None = None" for name in others]
    options = [f"{name}: {kind} | None = None" for name, kind in parameters.items()]
    options.append('reason: str = ""')
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
    call = f"self._write({method.name!r}, locals())"
    kind, wait = ("async def", "await ") if is_async else ("def", "")
    signature = ", ".join(["self", *head, "*", *options])
    return (
        f"    {kind} {name}({signature}) -> {result}:\n"
        f'        """{_SUMMARIES.get(method.name, verb.summary)}"""\n'
        f"        return {wait}{call}\n"
    )


def _verb(rpc: str) -> Verb:
    return next(verb for noun in NOUNS for verb in noun.verbs.values() if verb.rpc == rpc)


def _parameters(method: MethodDescriptor) -> Iterator[tuple[str, str]]:
    """Name and type of each field that a caller sets."""
    names = {field: parameter for parameter, field in RENAMED.get(method.name, {}).items()}
    for field in method.input_type.fields:
        if field.name in ("reason", "raised_by", "resolved_by", "native_asset_symbol"):
            continue
        if field.name == "exact" and field.message_type is not None:
            yield from ((inner.name, "Exact") for inner in field.message_type.fields)
        elif field.type != FieldDescriptor.TYPE_DOUBLE:
            yield names.get(field.name, field.name), _type(field)


def _type(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "Sequence[str]" if field.message_type is None else "Sequence[Any]"
    if field.message_type is not None:
        stamp = field.message_type.full_name == "google.protobuf.Timestamp"
        return "dt.datetime" if stamp else "Mapping[str, Any]"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "bool"
    if field.enum_type is not None or field.type == FieldDescriptor.TYPE_STRING:
        return "Exact" if field.name in ("weight_exact", "conversion_rate") else "str"
    return "int"
