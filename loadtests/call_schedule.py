"""When a user is to act: at even intervals from its first act on, whatever answers take.

A latency counts from the instant an act was due, not from when it was sent: whoever waits for a
slow answer before asking again leaves out just the calls that would have been slow too
(coordinated omission), and a generator that is late itself cannot hide it either.
"""

from __future__ import annotations


class CallSchedule:
    """The instants of one user, in seconds of whatever clock the caller reads.

    Args:
        first_s: When the first act is due.
    """

    def __init__(self, first_s: float, every_s: float) -> None:
        self._due_s = first_s
        self._every_s = every_s

    def wait_s(self, now_s: float) -> float:
        """How long until the next act is due; 0 if it should have begun already."""
        return max(0.0, self._due_s - now_s)

    def take_s(self) -> float:
        """When the act that begins now was due; the next is one interval later."""
        due_s = self._due_s
        self._due_s += self._every_s
        return due_s
