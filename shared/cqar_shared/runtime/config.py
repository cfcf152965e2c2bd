"""Reads the settings once at start: defaults, then `config.yaml`, then the environment.

A setting that is unknown, has a wrong type or is out of range is an error with the setting's name,
never with its value: the process must not start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from cqar_shared.errors import InvalidConfiguration

#: Read if it exists. `CQAR_CONFIG` names another file; if it is empty, no file is read.
FILE: Final = "config.yaml"
FILE_VARIABLE: Final = "CQAR_CONFIG"
#: Settings of both services, in the file.
COMMON: Final = "common"
#: CQAR_WRITER_DATABASE_URL_FILE names a file that holds CQAR_WRITER_DATABASE_URL. Each setting that
#: may contain a password has such a variable: more programs see an environment than a file.
BY_FILE: Final = "_file"
SECTIONS: Final = frozenset({COMMON, "writer", "resolver", "reconciler"})


class ProcessConfig(Struct, frozen=True, kw_only=True):
    """The settings of every process of ours. Names end in their unit.

    Attributes:
        log_level: DEBUG also logs each read.
        log_format: `auto` is readable on a terminal and JSON elsewhere.
        drain_s: How long what is running may take to finish after SIGTERM.
    """

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = "auto"
    drain_s: Annotated[float, Meta(ge=0, le=300)] = 30.0


class ServiceConfig(ProcessConfig, frozen=True, kw_only=True):
    """The settings of both services. Names end in their unit.

    Attributes:
        database_url: postgresql://user:password@host:port/database.
        nats_url: nats://host:port, or tls://.
        redis_url: redis://, rediss:// or unix://; empty: no Redis.
        integrity_key_file: File of keys of 32 random bytes or more, one a line, as hex or base64.
            The first key tags what is stored in Redis and in last good files; all of them verify.
            It is the same for all writers and resolvers of a registry, and is required with
            `redis_url` and `last_good_file`. `make-integrity-key` makes it.
        tls_certificate, tls_key: PEM files; with them gRPC is served over TLS. They are read
            again when they change.
        tls_client_ca: PEM file; with it clients must present a certificate that it signed.
        plaintext_anywhere: Accept API keys in plaintext from other machines: behind a TLS proxy.
        reflection: Serve gRPC reflection without a key: for development.
        traces_url: Destination of OpenTelemetry traces, by OTLP over gRPC: http://host:4317, or
            https://. Needs the extra `cqar[otel]`.
        traces_sampled: Fraction of the traces begun here that are kept.
    """

    database_url: str
    nats_url: str
    redis_url: str = ""
    integrity_key_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    plaintext_anywhere: bool = False
    reflection: bool = False
    traces_url: str = ""
    traces_sampled: Annotated[float, Meta(ge=0, le=1)] = 1.0


C = TypeVar("C", bound=ProcessConfig)

#: Setting -> permitted URL schemes.
SCHEMES: Final = {
    "database_url": ("postgresql",),
    "nats_url": ("nats", "tls"),
    "redis_url": ("redis", "rediss", "unix"),
    "traces_url": ("http", "https"),
}


def load(config: type[C], section: str, environ: Mapping[str, str]) -> C:
    """Read the settings of a section: `writer` from CQAR_WRITER_* and the file's `writer:`.

    Raises:
        InvalidConfiguration: a setting is missing, unknown, malformed or out of range.
    """
    prefix = f"CQAR_{section.upper()}_"
    settings: dict[str, Any] = {}
    if path := environ.get(FILE_VARIABLE, FILE if Path(FILE).exists() else ""):
        for name, values in _read(Path(path)).items():
            if name == COMMON:
                _require_known((config, ServiceConfig), values, f"{path}: {name}.")
                # A process without PostgreSQL and NATS may share the file of those that have them.
                known = config.__struct_fields__
                settings |= {name: value for name, value in values.items() if name in known}
            elif name == section:
                _require_known((config,), values, f"{path}: {name}.")
                settings |= values
    named = {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix)
    }
    for name in [name for name in SCHEMES if name + BY_FILE in named]:
        del named[name + BY_FILE]
        named[name] = secret(environ, prefix + name.upper())
    _require_known((config,), named, prefix, upper=True)
    try:
        # Values in the file have types; those in the environment are texts.
        found = msgspec.convert({**settings, **_typed(config, named, prefix)}, config)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`")
        raise InvalidConfiguration(
            f"configuration of the {section}: {text}: set it in {FILE}, or {prefix}NAME"
        ) from None
    for name in found.__struct_fields__:
        require_address(prefix + name.upper(), name, getattr(found, name))
    return found


def secret(environ: Mapping[str, str], variable: str) -> str:
    """Read `variable`, or the file that `variable`_FILE names; empty if neither is set.

    Raises:
        InvalidConfiguration: both are set, or the file cannot be read.
    """
    named = variable + BY_FILE.upper()
    if not (path := environ.get(named)):
        return environ.get(variable, "")
    if environ.get(variable):
        raise InvalidConfiguration(f"configuration: {variable} and {named} are both set")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise InvalidConfiguration(f"configuration: {named}: {path}: {why}") from None


def require_address(variable: str, name: str, value: Any) -> None:
    """Refuse a malformed URL or HOST:PORT; an optional URL may be empty.

    Raises:
        InvalidConfiguration: the value is malformed; the message names the variable.
    """
    if name.endswith("_listen"):
        try:
            host_and_port(value)
        except InvalidConfiguration as error:
            raise InvalidConfiguration(f"{error} ({variable})") from None
    if name not in SCHEMES or not (value or name in ("database_url", "nats_url")):
        return
    schemes = SCHEMES[name]
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  (raises if it is not a number)
        # PostgreSQL and Redis may listen on a Unix socket.
        socket = parts.scheme in ("unix", "postgresql") and parts.path not in ("", "/")
        good = parts.scheme in schemes and bool(parts.hostname or socket)
    except ValueError:
        good = False
    if not good:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise InvalidConfiguration(f"configuration: {variable} must be a URL of {wanted}")


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = msgspec.yaml.decode(path.read_bytes()) or {}
    except OSError as error:
        raise InvalidConfiguration(f"configuration: {path}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"configuration: {path} is no YAML: {error}") from None
    if not isinstance(document, dict) or document.keys() - SECTIONS:
        extra = sorted(map(str, document.keys() - SECTIONS)) if isinstance(document, dict) else []
        raise InvalidConfiguration(
            f"configuration: {path}: unknown section {', '.join(extra) or '(none at all)'};"
            f" there are {', '.join(sorted(SECTIONS))}"
        )
    sections = {name: values or {} for name, values in document.items()}
    if not all(isinstance(values, dict) for values in sections.values()):
        raise InvalidConfiguration(f"configuration: {path}: a section holds names and their values")
    return sections


def _require_known(
    configs: Iterable[type[ProcessConfig]],
    values: Mapping[str, Any],
    where: str,
    *,
    upper: bool = False,
) -> None:
    known = {name for config in configs for name in config.__struct_fields__}
    unknown = sorted(map(str, values.keys() - known))
    if unknown:
        names = ", ".join(where + (name.upper() if upper else name) for name in unknown)
        raise InvalidConfiguration(f"configuration: unknown setting {names}")


def _typed(config: type[C], named: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Convert texts from the environment to the types of their settings."""
    types = {field.name: field.type for field in msgspec.structs.fields(config)}
    found: dict[str, Any] = {}
    for name, text in named.items():
        try:
            value = msgspec.json.decode(text) if _is_list(types[name]) else text
            found[name] = msgspec.convert(value, types[name], strict=False)
        except msgspec.DecodeError as error:
            raise InvalidConfiguration(f"configuration: {prefix}{name.upper()}: {error}") from None
    return found


def _is_list(type_: Any) -> bool:
    """Whether a setting is a list or an object, which the environment states as JSON."""
    inner = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    return get_origin(inner) in (tuple, dict)


def host_and_port(listen: str) -> tuple[str, int]:
    """Split `127.0.0.1:9090` or `[::1]:9090` into host and port.

    Raises:
        InvalidConfiguration: the text is not HOST:PORT.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise InvalidConfiguration(
            f"configuration: {listen!r} is no HOST:PORT such as 127.0.0.1:9090"
        )
    return host.strip("[]"), int(port)


def is_loopback(listen: str) -> bool:
    host, _ = host_and_port(listen)
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, which may resolve to any address


def require_private(config: ServiceConfig, listen: str, prefix: str) -> None:
    """Refuse to accept API keys in plaintext from other machines, unless that is configured.

    Raises:
        InvalidConfiguration: the TLS settings are incomplete, or there is no TLS.
    """
    if bool(config.tls_certificate) != bool(config.tls_key):
        raise InvalidConfiguration(
            f"configuration: {prefix}TLS_CERTIFICATE and {prefix}TLS_KEY go together"
        )
    if config.tls_client_ca and not config.tls_certificate:
        raise InvalidConfiguration(
            f"configuration: {prefix}TLS_CLIENT_CA needs {prefix}TLS_CERTIFICATE"
        )
    private = config.tls_certificate or config.plaintext_anywhere or is_loopback(listen)
    if not private:
        raise InvalidConfiguration(
            f"{prefix}GRPC_LISTEN={listen} would carry API keys in plaintext: listen on loopback,"
            f" set {prefix}TLS_CERTIFICATE and {prefix}TLS_KEY, or say"
            f" {prefix}PLAINTEXT_ANYWHERE=true behind a TLS proxy"
        )


def shown(config: ProcessConfig, section: str) -> str:
    """Write the settings in effect as config.yaml, without passwords."""
    values = {name: getattr(config, name) for name in config.__struct_fields__}
    values |= {name: _without_password(values[name]) for name in values if name.endswith("_url")}
    return msgspec.yaml.encode({section: values}).decode()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    who = f"{parts.username}:…@" if parts.password is not None else "…@" if parts.username else ""
    # The query may also contain a password.
    return parts._replace(netloc=who + host, query="…" if parts.query else "").geturl()
