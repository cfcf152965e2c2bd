"""TLS of gRPC servers; certificates are read again when their files change."""

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
    """A server's certificate, key and client CA, from files.

    Raises:
        InvalidConfiguration: a file cannot be read.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._files = (certificate, key, client_ca)
        self._seen = self._times()
        self._newest = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """The server's credentials; with a client CA clients must present a certificate."""
        # The fetcher returns None for "unchanged", which the stub does not know.
        fetcher: Any = self._changed
        return grpc.dynamic_ssl_server_credentials(
            self._newest, fetcher, require_client_authentication=self._files[2] is not None
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """The new configuration, if a file changed since the last connection."""
        try:
            if (seen := self._times()) == self._seen:
                return None
            self._newest, self._seen = self._read(), seen
        except InvalidConfiguration as error:
            # A rotation is under way: the old certificate stays until all files are readable.
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
    """The configured credentials; None if TLS is not configured."""
    if not config.tls_certificate:
        return None
    client_ca = Path(config.tls_client_ca) if config.tls_client_ca else None
    files = Certificates(Path(config.tls_certificate), Path(config.tls_key), client_ca)
    return files.credentials()


def _tell_end(file: str, pem: bytes) -> None:
    """Export when a certificate expires; gRPC itself verifies it."""
    try:
        ENDS.labels(file).set(earliest_end(pem).timestamp())
    except ValueError as error:
        log.warning("when the TLS %s ends is not known: %s", file, error)


def _of(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except OSError as error:
        raise InvalidConfiguration(f"TLS: {path}: {error.strerror}") from error
