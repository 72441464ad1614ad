import op_references as references
import pytest
import torch

from custom_modules.ops import pooling

pytestmark = pytest.mark.mm


def test_corners_give_the_sample_as_mmcv_defines_it():
    feature = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points = torch.cartesian_prod(torch.arange(-2, 6, 0.25), torch.arange(-2, 7, 0.25)).double()
    index, weight = pooling.corners(points[:, 0], points[:, 1], 4, 5)
    sampled = (feature.flatten(1)[:, index] * weight).sum(2)
    expected = torch.stack([references.bilinear(feature, y, x) for y, x in points], dim=1)
    torch.testing.assert_close(sampled, expected)


def test_cells_of_a_grid_row_by_row():
    bag, row, column = pooling.grid_cells(torch.tensor([2, 0, 1]), torch.tensor([2, 3, 3]))
    assert bag.tolist() == [0, 0, 0, 0, 2, 2, 2]
    assert row.tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert column.tolist() == [0, 1, 0, 1, 0, 1, 2]


def test_chunks_cover_all_regions_in_order_and_stay_small(monkeypatch):
    monkeypatch.setattr(pooling, "MAX_ENTRIES", 10)
    entries = torch.tensor([3, 3, 3, 25, 0, 4, 9])
    chunks = pooling.chunks(entries)
    regions = torch.arange(len(entries))
    assert torch.cat([regions[chunk] for chunk in chunks]).equal(regions)
    # One region is never cut.
    assert all(entries[chunk].sum() - entries[chunk].max() < 10 for chunk in chunks)
    assert pooling.chunks(entries[:0]) == []


def test_corners_of_bins():
    low, high = pooling.bin_corners(torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 6.0]]), (2, 3))
    assert low[0].tolist() == [[1, 2], [1, 4], [1, 6], [3, 2], [3, 4], [3, 6]]
    assert (high - low)[0].tolist() == [[2, 2]] * 6


def test_pixel_rows_are_undone():
    features = torch.randn(2, 3, 4, 5)
    assert pooling.pixel_maps(pooling.pixel_rows(features, torch.float32), features.shape).equal(features)


def test_sums_and_their_gradient(device):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(7, 3, generator=generator, dtype=torch.float64).to(device)
    bag = torch.tensor([0, 0, 2, 2, 2], device=device)
    index = torch.tensor([6, 1, 1, 1, 4], device=device)
    weight = torch.rand(5, generator=generator, dtype=torch.float64).to(device)
    matrix = torch.zeros(4, 7, dtype=torch.float64, device=device).index_put_((bag, index), weight, accumulate=True)
    torch.testing.assert_close(pooling.weighted_sums(pixels, bag, index, weight, 4), matrix @ pixels)
    grad = torch.randn(4, 3, generator=generator, dtype=torch.float64).to(device)
    torch.testing.assert_close(pooling.spread(grad, bag, index, weight, 7), matrix.T @ grad)


def test_maxima_name_the_first_of_equal_pixels(device):
    pixels = torch.tensor([[1.0, 5.0], [1.0, 2.0], [-3.0, 5.0]], device=device)
    bag, index = torch.tensor([0, 0, 0, 2], device=device), torch.tensor([1, 0, 2, 2], device=device)
    values, rows = pooling.maxima(pixels, bag, index, 3)
    assert values.tolist() == [[1, 5], [0, 0], [-3, 5]]
    assert rows.tolist() == [[1, 0], [-1, -1], [2, 2]]
