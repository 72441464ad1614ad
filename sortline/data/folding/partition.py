"""Share groups of images out among parts so that every part gets its share of many counted features at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, cycle, islice

import numpy as np
from scipy.sparse import csr_array, vstack

from sortline.arrays import BoolArray, FloatArray, IntArray

#: How much more the strict features count, from one round of improvement to the next. The first round balances all
#: features together; the later ones mend what is left in the strict ones at the least cost to the others.
STRICTNESS = (1.0, 2.0**6, 2.0**12)
#: Groups of each of two parts that are compared at a time: all pairs of them in a fraction of a millisecond.
SAMPLE = 256
#: Rounds over all pairs of parts without any gain after which nothing more is looked for.
PATIENCE = 1
#: Most pairs of parts looked at for one strictness; reached by large files only, which are balanced long before.
MOST_STEPS = 1000
#: Totals below this are weighed as if they were this, so that what is too rare to be shared out steers nothing.
LEAST_TOTAL = 20
TARGET_STEP = 2.0**-10
#: Few groups leave few ways to share them out, and one attempt may end far from the best. So several are made and the
#: best is kept: as many as come to this number of groups together, but not more than the second number.
ATTEMPTS_UP_TO = 2000
MOST_ATTEMPTS = 8


def partition(
    features: csr_array,
    sizes: IntArray,
    importance: FloatArray,
    strict: BoolArray,
    shares: FloatArray,
    rng: np.random.Generator,
    pinned: BoolArray | None = None,
) -> IntArray:
    """Assign each group to one part.

    What is made small is the sum, over parts and features, of ``importance * (count - target)**2 / total**2``, where a
    part's target is its share of the feature's total: first group by group, the weightiest first, each to the part that
    it brings nearest to its targets; then by exchanging groups between two parts, and moving single ones, as long as
    that helps. The number of images in a part stays within the largest group of its share.

    Args:
        features: Counts by group, shape ``(G, F)``.
        sizes: Images in each group, shape ``(G,)``.
        importance: Weight of each feature, shape ``(F,)``.
        strict: Mask of the features that go before all others, shape ``(F,)``.
        shares: Share of each part, shape ``(K,)``, summing to 1.
        rng: Decides between equals and draws what is compared.
        pinned: Mask of the groups that belong to the first part whatever the balance, shape ``(G,)``.

    Returns:
        Part of each group, shape ``(G,)``.
    """
    totals = features.sum(axis=0)
    floor = np.where(strict, 1, LEAST_TOTAL)
    weights = _powers_of_two(importance / np.maximum(totals, floor) ** 2)
    pinned = np.zeros(len(sizes), dtype=bool) if pinned is None else pinned
    rounds = [np.where(strict, factor * weights, weights) for factor in STRICTNESS]
    attempts = min(max(ATTEMPTS_UP_TO // len(sizes), 1), MOST_ATTEMPTS)
    made = [_attempt(_Parts(features, sizes, shares, pinned), rounds, rng) for _ in range(attempts)]
    return min(made, key=lambda parts: parts.cost(rounds[-1])).of_group


def _attempt(parts: _Parts, rounds: Sequence[FloatArray], rng: np.random.Generator) -> _Parts:
    """Assign the groups, then improve on it with the weights of each round."""
    parts.fill(rounds[0], rng)
    for weights in rounds:
        parts.improve(weights, rng)
    return parts


def _powers_of_two(weights: FloatArray) -> FloatArray:
    """Round weights to powers of two.

    Products and sums of counts, weights and targets then have no rounding error, so that no processor or library
    that adds in another order comes to another result.
    """
    rounded: FloatArray = 2.0 ** np.round(np.log2(weights))
    return rounded


class _Parts:
    """Groups assigned to parts, and how far each part is from what it should hold.

    Attributes:
        of_group: Part of each group, shape ``(G,)``.
        features: Counts by group, with a last row of zeros, shape ``(G + 1, F)``.
        empty: That last row, an empty group: to exchange a group with it is to move the group.
        sizes: Images in each group, the empty one included, shape ``(G + 1,)``.
        excess: Counts minus targets by part, shape ``(K, F)``.
        room: Images that each part should still get, shape ``(K,)``.
        members: Groups in each part, shape ``(K,)``.
        free: Mask of the groups that may go to any part, shape ``(G,)``.
    """

    def __init__(self, features: csr_array, sizes: IntArray, shares: FloatArray, pinned: BoolArray) -> None:
        self.of_group: IntArray = np.zeros(len(sizes), dtype=np.int64)
        self.features = vstack([features, csr_array((1, features.shape[1]))], format="csr")
        self.empty = len(sizes)
        self.sizes = np.append(sizes, 0)
        self.excess = -np.round(np.outer(shares, features.sum(axis=0)) / TARGET_STEP) * TARGET_STEP
        self.room = np.diff(np.rint(np.cumsum(shares) * sizes.sum()).astype(np.int64), prepend=0)
        self.members = np.zeros(len(shares), dtype=np.int64)
        self.free = ~pinned
        for group in np.flatnonzero(pinned):
            self._put(group, 0)

    def fill(self, weights: FloatArray, rng: np.random.Generator) -> None:
        """Assign every free group, the weightiest first; those of like weight in random order."""
        weight = _squares(self.features, weights)[:-1]
        order = rng.permutation(len(weight))
        exponents = np.frexp(weight[order])[1]
        for group in order[np.argsort(-exponents, kind="stable")]:
            if self.free[group]:
                self._put(group, self._best_part(group, weights))

    def _best_part(self, group: int, weights: FloatArray) -> int:
        """Return the part with room for the group that it brings nearest to its targets, else the emptiest.

        A part without groups has room for any, so that none stays empty.
        """
        has_room = (self.room >= self.sizes[group]) | (self.members == 0)
        if not has_room.any():
            return int(np.argmax(self.room))
        columns, counts = self._row(group)
        costs = ((2 * self.excess[:, columns] + counts) * (weights[columns] * counts)).sum(axis=1)
        return int(np.argmin(np.where(has_room, costs, np.inf)))

    def _row(self, group: int) -> tuple[IntArray, FloatArray]:
        """Return the columns in which a group counts, and its counts there."""
        row = slice(self.features.indptr[group], self.features.indptr[group + 1])
        return self.features.indices[row], self.features.data[row]

    def _put(self, group: int, part: int) -> None:
        self._count(group, part, 1)
        self.of_group[group] = part

    def _count(self, group: int, part: int, times: int) -> None:
        """Add a group to a part's sums, or with ``times`` of -1 take it away."""
        columns, counts = self._row(group)
        self.excess[part, columns] += times * counts
        self.room[part] -= times * self.sizes[group]
        self.members[part] += times

    def cost(self, weights: FloatArray) -> float:
        """Return the weighted sum of squared differences from the targets."""
        return float((weights * self.excess**2).sum())

    def improve(self, weights: FloatArray, rng: np.random.Generator) -> None:
        """Exchange groups between parts, pair of parts by pair, until that brings no gain any more."""
        count = len(self.room)
        patience = PATIENCE * count * (count - 1) // 2
        idle = 0
        for first, second in islice(cycle(combinations(range(count), 2)), MOST_STEPS):
            idle = 0 if self._exchange(first, second, weights, rng) else idle + 1
            if idle == patience:
                return

    def _exchange(self, first: int, second: int, weights: FloatArray, rng: np.random.Generator) -> bool:
        """Make every exchange between samples of two parts that brings a gain, the best first.

        Returns:
            Whether there was any.
        """
        left, right = self._sample(first, rng), self._sample(second, rng)
        left_features, right_features = self.features[left], self.features[right]
        # Exchanging groups with counts l and r, d = r - l, changes the sum of squares by twice
        # w * d**2 + w * d * (excess of the first part - excess of the second).
        products = ((left_features * weights) @ right_features.T).toarray()
        change = _squares(left_features, weights)[:, None] + _squares(right_features, weights) - 2 * products
        gained_images = self.sizes[right] - self.sizes[left][:, None]
        any_gain = False
        while True:
            slope = weights * (self.excess[first] - self.excess[second])
            costs = change + right_features @ slope - (left_features @ slope)[:, None]
            costs[~self._may_exchange(first, second, gained_images)] = np.inf
            row, column = divmod(int(np.argmin(costs)), costs.shape[1])
            if not costs[row, column] < 0:
                return any_gain
            any_gain = True
            # Both stay in their new place for the rest of this sample.
            if left[row] != self.empty:
                self._move(left[row], first, second)
                change[row] = np.inf
            if right[column] != self.empty:
                self._move(right[column], second, first)
                change[:, column] = np.inf

    def _move(self, group: int, source: int, target: int) -> None:
        self._count(group, source, -1)
        self._put(group, target)

    def _sample(self, part: int, rng: np.random.Generator) -> IntArray:
        """Draw some of a part's free groups, and the empty group."""
        members = np.flatnonzero((self.of_group == part) & self.free)
        if len(members) > SAMPLE:
            members = rng.choice(members, SAMPLE, replace=False)
        return np.append(members, self.empty)

    def _may_exchange(self, first: int, second: int, gained_images: IntArray) -> BoolArray:
        """Tell which exchanges leave both parts near their share of the images, and neither without groups.

        Args:
            first: A part; the empty group stands last in its sample.
            second: Another; likewise.
            gained_images: What the first part gains by each exchange, shape ``(L, R)``.
        """
        largest = int(self.sizes.max())
        allowed: BoolArray = np.ones(gained_images.shape, dtype=bool)
        for part, gained in ((first, gained_images), (second, -gained_images)):
            # Within the largest group of its share; one that is not yet may come nearer.
            limit = max(abs(int(self.room[part])), largest - 1)
            allowed &= np.abs(self.room[part] - gained) <= limit
        allowed[:, -1] &= self.members[first] > 1
        allowed[-1] &= self.members[second] > 1
        return allowed


def _squares(features: csr_array, weights: FloatArray) -> FloatArray:
    """Return each row's weighted sum of squares, shape ``(G,)``."""
    squares: FloatArray = (features * features) @ weights
    return squares
