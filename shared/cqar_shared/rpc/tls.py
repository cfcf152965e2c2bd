"""TLS for gRPC servers; certificates are read again when their files change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc
from prometheus_client import Gauge

from cqar_shared.errors import InvalidConfiguration
from cqar_shared.rpc.certificate_expiry import earliest_end
from cqar_shared.runtime.config import ServiceConfig

log = logging.getLogger(__name__)

T = TypeVar("T")

#: `file` is certificate or client_ca.
ENDS: Final = Gauge(
    "cqar_certificate_expiry_timestamp_seconds",
    "When the first certificate of a file that is presented or trusted ends.",
    ["file"],
)


class Certificates:
    """The files that a server presents.

    Raises:
        InvalidConfiguration: One cannot be read.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._files = (certificate, key, client_ca)
        self._seen = self._times()
        self._newest = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """For a server; those who have a client CA ask for clients' certificates."""
        # None is how the fetcher says "as before"; the stub does not know.
        fetcher: Any = self._changed
        return grpc.dynamic_ssl_server_credentials(
            self._newest, fetcher, require_client_authentication=self._files[2] is not None
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What a new connection is to be presented, if it changed since the last one."""
        try:
            if (seen := self._times()) == self._seen:
                return None
            self._newest, self._seen = self._read(), seen
        except InvalidConfiguration as error:
            # Half of a rotation: the old certificate serves until the files are there.
            log.warning("%s: the certificate read before stays", error)
            return None
        log.info("certificates were read again")
        return self._newest

    def _times(self) -> list[int]:
        return [_of(path, lambda p: p.stat().st_mtime_ns) for path in self._files if path]

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, client_ca = self._files
        pair = (_of(key, Path.read_bytes), _of(certificate, Path.read_bytes))
        authority = _of(client_ca, Path.read_bytes) if client_ca else None
        _tell_end("certificate", pair[1])
        if authority is not None:
            _tell_end("client_ca", authority)
        return grpc.ssl_server_certificate_configuration([pair], authority)


def credentials_of(config: ServiceConfig) -> grpc.ServerCredentials | None:
    """None where the configuration asks for no TLS."""
    if not config.tls_certificate:
        return None
    client_ca = Path(config.tls_client_ca) if config.tls_client_ca else None
    files = Certificates(Path(config.tls_certificate), Path(config.tls_key), client_ca)
    return files.credentials()


def _tell_end(file: str, pem: bytes) -> None:
    """Measured only: whether it is any good gRPC itself judges."""
    try:
        ENDS.labels(file).set(earliest_end(pem).timestamp())
    except ValueError as error:
        log.warning("when the TLS %s ends is not known: %s", file, error)


def _of(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except OSError as error:
        raise InvalidConfiguration(f"TLS: {path}: {error.strerror}") from error
