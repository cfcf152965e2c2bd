"""Size limits of gRPC messages. Pure."""

from __future__ import annotations

from typing import Final

#: Limit of both services, for requests and answers.
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
#: Default limit of gRPC clients.
DEFAULT_BYTES_MAX: Final = 4 * 1024 * 1024
#: Limit of the repeated parts of an answer, with room for the rest, such as freshness.
ANSWER_BYTES_MAX: Final = 15 * 1024 * 1024
ANSWER_MIB_MAX: Final = ANSWER_BYTES_MAX // 1024**2
