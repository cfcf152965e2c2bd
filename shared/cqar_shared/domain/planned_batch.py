"""A batch whose items follow from the registry, such as those of a merge or a decision. Pure.

The plan runs with the rules, in the same rounds: what it asks for is loaded, and it runs again.
So its items and their judgement are of one state of the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from cqar_shared.domain.evaluation import Batch, Item, Outcome
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import RegistryError, TooLarge

#: Items judged in all rounds together: 50 us each, while the write lock is held.
JUDGED_MAX: Final = 200_000

T = TypeVar("T")
#: Makes the items, each entity at most once. It may raise a `RegistryError`.
Plan = Callable[[RegistryView], Sequence[Item]]
#: Looks at what the items change.
Review = Callable[[WorkingSet, Sequence[Outcome]], T]


class PlannedBatch(Batch, Generic[T]):
    """Items that a plan makes.

    Args:
        plan: Runs once a round, so it must be pure.
        review: Runs after the items were judged, once they lack nothing; None: nothing does.
        items_max: More items are refused.

    Attributes:
        reviewed: What `review` returned in the last round.
    """

    def __init__(self, plan: Plan, review: Review[T] | None = None, items_max: int = 5_000) -> None:
        super().__init__(())
        self._plan = plan
        self._review = review
        self._items_max = items_max
        self._judged = 0
        self.reviewed: T | None = None

    def judge(self, registry: WorkingSet) -> list[Outcome]:
        """Plan and evaluate all items once; return their outcomes in the order of the plan.

        Raises:
            RegistryError: The plan refuses. While something is missing, that counts for nothing.
            TooLarge: The plan has more items than one request may have.
        """
        registry.begin_round()
        try:
            self.items = list(self._plan(registry))
        except RegistryError:
            if registry.missing:
                return []
            raise
        self._judged += len(self.items)
        if len(self.items) > self._items_max or self._judged > JUDGED_MAX:
            raise TooLarge(f"it changes {len(self.items)} entities; at most {self._items_max}")
        self.order = sorted(range(len(self.items)), key=self._place)
        outcomes = self._judge_items(registry)
        if self._review is not None and not registry.missing:
            self.reviewed = self._review(registry, outcomes)
        return outcomes
