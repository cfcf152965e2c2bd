"""Environment variables -> a frozen struct, checked once, at startup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

C = TypeVar("C", bound=msgspec.Struct)


def load(config: type[C], environ: Mapping[str, str], prefix: str) -> C:
    """Build `config` from the variables that start with `prefix`.

    Raises:
        SystemExit: A variable is missing, malformed or misspelt. The message names it; a
            service that cannot trust its configuration must not start.
    """
    fields = {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
    unknown = fields.keys() - set(config.__struct_fields__)
    if unknown:
        names = ", ".join(prefix + name.upper() for name in sorted(unknown))
        raise SystemExit(f"configuration: unknown setting {names}")
    try:
        return msgspec.convert(fields, config, strict=False)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`")
        raise SystemExit(f"configuration ({prefix}*): {text}") from error


def host_and_port(listen: str) -> tuple[str, int]:
    """`127.0.0.1:9090` -> its two parts; `[::1]:9090` too.

    Raises:
        SystemExit: It is not of this form.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise SystemExit(f"configuration: {listen!r} is no HOST:PORT such as 127.0.0.1:9090")
    return host.strip("[]"), int(port)


def is_loopback(listen: str) -> bool:
    host, _ = host_and_port(listen)
    return host in ("localhost", "::1") or host.startswith("127.")
