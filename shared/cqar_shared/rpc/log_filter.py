"""Keeps what callers send out of gRPC's own log.

gRPC writes a header that is no UTF-8 there whole, with a traceback, for each call: an API key with
a stray byte at its end is such a header. The call is answered all the same, as one without a key
that is valid.
"""

from __future__ import annotations

import logging
from typing import Final

#: Of grpcio's compiled part: `_decode` in grpc_string.pyx.pxi.
LOGGER: Final = "grpc._cython.cygrpc"
_ABOUT_A_HEADER: Final = "Invalid encoding"


def _shows_no_header(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_ABOUT_A_HEADER)


def silence() -> None:
    """To be called before a server listens; once or often."""
    logging.getLogger(LOGGER).addFilter(_shows_no_header)
