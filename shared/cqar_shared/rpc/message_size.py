"""How large a message may be, and what one is made of. Pure."""

from __future__ import annotations

from typing import Final

#: What both services receive and send.
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
#: What gRPC clients receive that are not told otherwise.
DEFAULT_BYTES_MAX: Final = 4 * 1024 * 1024
#: Of many parts in one answer; what stands beside them, such as freshness, finds its room.
ANSWER_BYTES_MAX: Final = 15 * 1024 * 1024
ANSWER_MIB_MAX: Final = ANSWER_BYTES_MAX // 1024**2
