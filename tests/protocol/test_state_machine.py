"""Hypothesis looks for a schedule that violates an invariant, and shortens what it finds."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.protocol.rest import come_to_rest
from tests.protocol.world import ACTIONS, World

WORK: Final = (
    *("write", "relay", "follow", "probe", "relay_to_cache", "read", "wait"),
    *("publish_image", "keep_file"),
)
FAULTS: Final = tuple(sorted(ACTIONS.keys() - set(WORK)))
NUMBERS: Final = st.integers(0, 4095)


class Protocol(RuleBasedStateMachine):
    """Whatever is done and goes wrong, and then everything comes to rest."""

    def __init__(self) -> None:
        super().__init__()
        self._world = World()

    @rule(action=st.sampled_from(WORK), number=NUMBERS)
    def work(self, action: str, number: int) -> None:
        self._world.do(action, number)

    @rule(first=st.integers(0, 1), rounds=st.integers(1, 4))
    def run(self, first: int, rounds: int) -> None:
        """Publish and follow at one writer and one resolver, undisturbed."""
        for _ in range(rounds):
            self._world.do("relay", first + 10)
            self._world.do("follow", first + 8)

    @rule(fault=st.sampled_from(FAULTS), number=NUMBERS)
    def go_wrong(self, fault: str, number: int) -> None:
        self._world.do(fault, number)

    def teardown(self) -> None:
        try:
            come_to_rest(self._world)
        finally:
            self._world.close()


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
