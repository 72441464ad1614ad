import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from sortline.data.folding.partition import partition


def share_out(features, sizes, shares, seed=0, strict=None, pinned=None):
    features = np.asarray(features, dtype=float)
    columns = features.shape[1]
    strict = np.zeros(columns, dtype=bool) if strict is None else np.asarray(strict)
    pinned = None if pinned is None else np.asarray(pinned)
    rng = np.random.default_rng(seed)
    return partition(
        csr_array(features), np.asarray(sizes), np.ones(columns), strict, np.asarray(shares, dtype=float), rng, pinned
    )


def unevenness(features, parts, count):
    sums = np.stack([np.asarray(features)[parts == part].sum(axis=0) for part in range(count)])
    return float(((sums - sums.mean(axis=0)) ** 2).sum())


CASES = st.integers(1, 3).flatmap(
    lambda columns: st.lists(st.lists(st.integers(0, 9), min_size=columns, max_size=columns), min_size=2, max_size=8)
)


@settings(deadline=None, max_examples=40)
@given(CASES, st.integers(0, 3))
def test_no_exchange_of_two_groups_would_be_better(features, seed):
    # All totals are below LEAST_TOTAL or alike, so that equal weights can be compared without knowing them.
    features = [[min(value, 2) for value in row] for row in features]
    sizes = np.ones(len(features), dtype=int)
    parts = share_out(features, sizes, [0.5, 0.5], seed)
    reached = unevenness(features, parts, 2)
    for left, right in itertools.product(np.flatnonzero(parts == 0), np.flatnonzero(parts == 1)):
        other = parts.copy()
        other[[left, right]] = other[[right, left]]
        assert unevenness(features, other, 2) >= reached


def test_groups_of_unlike_size_are_moved_until_the_sums_are_even():
    # 6 + 1 and 4 + 3: the only way to two sums of 7.
    counts = [6, 4, 3, 1]
    parts = share_out([[count] for count in counts], counts, [0.5, 0.5])
    assert sorted(np.bincount(parts, weights=counts)) == [7, 7]


@pytest.mark.parametrize(("strict", "together"), [(True, [0, 1]), (False, [0, 2])])
def test_strict_features_go_before_all_others(strict, together):
    # The first feature is even as 4 + 1 and 3 + 2, the three others as 4 + 1 and 3 + 2 of other groups.
    features = [[4, 4, 4, 4], [1, 3, 3, 3], [3, 1, 1, 1], [2, 2, 2, 2]]
    parts = share_out(features, np.ones(4, dtype=int), [0.5, 0.5], strict=[strict, False, False, False])
    assert np.flatnonzero(parts == parts[0]).tolist() == together


def test_unequal_shares():
    parts = share_out(np.ones((10, 1)), np.ones(10, dtype=int), [0.7, 0.3])
    assert np.bincount(parts).tolist() == [7, 3]


def test_a_group_larger_than_its_share_leaves_no_part_empty():
    parts = share_out([[5], [5]], [5, 5], [0.9, 0.1])
    assert sorted(parts.tolist()) == [0, 1]


def test_pinned_groups_stay_in_the_first_part():
    pinned = [True, True, True, False]
    parts = share_out(np.ones((4, 1)), np.ones(4, dtype=int), [0.25, 0.75], pinned=pinned)
    assert parts.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("groups", [30, 3000])
def test_features_in_another_order_give_the_same_parts(groups):
    # Every sum is exact, so that the order in which a processor adds can't decide between equals.
    rng = np.random.default_rng(0)
    features = rng.poisson(0.7, (groups, 7))
    order = rng.permutation(7)
    sizes = np.ones(groups, dtype=int)
    shares = [0.21, 0.79]
    assert (share_out(features, sizes, shares) == share_out(features[:, order], sizes, shares)).all()
