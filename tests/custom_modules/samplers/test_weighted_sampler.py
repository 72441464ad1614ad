import pytest

pytest.importorskip("torch")

from custom_modules.samplers import WeightedSampler
from sortline.errors import InputError

pytestmark = pytest.mark.mm

LABELS = [[0], [0, 0], [1], [], [0, 2]]


def drawn(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_without_weights_each_image_is_drawn_once(boxes):
    sampler = WeightedSampler(boxes(LABELS), seed=1)
    assert len(sampler) == 5
    assert sorted(drawn(sampler, 0)) == [0, 1, 2, 3, 4]
    assert drawn(sampler, 0) != drawn(sampler, 1)


def test_epoch_three_of_a_new_sampler_is_that_of_a_running_one(boxes):
    running = WeightedSampler(boxes(LABELS), seed=1, epoch_size=7)
    epochs = [drawn(running, epoch) for epoch in range(4)]
    assert drawn(WeightedSampler(boxes(LABELS), seed=1, epoch_size=7), 3) == epochs[3]
    assert drawn(WeightedSampler(boxes(LABELS), seed=2, epoch_size=7), 3) != epochs[3]


@pytest.mark.parametrize("size", [6, 7])
def test_processes_share_one_draw(boxes, process, size):
    parts = []
    for rank in (0, 1):
        process(rank, 2)
        sampler = WeightedSampler(boxes([[0]] * size), seed=1)
        parts.append(drawn(sampler, 2))
        assert len(parts[-1]) == len(sampler) == (size + 1) // 2
    together = [index for pair in zip(*parts, strict=True) for index in pair]
    assert together == sampler.draw(2).tolist()
    # 7 images make 2 x 4 draws: one image comes twice, none is left out
    assert set(together) == set(range(size))
    assert len(together) == size + size % 2


def test_a_source_adds_its_weight_for_each_main_image(boxes):
    dataset = boxes([[0]] * 12, ["main"] * 8 + ["more"] * 4)
    sampler = WeightedSampler(dataset, source_weights={"more": 0.25}, seed=0)
    assert len(sampler) == 8 + 0.25 * 8
    indices = drawn(sampler, 0)
    assert sorted(index for index in indices if index < 8) == list(range(8))
    assert len({index for index in indices if index >= 8}) == 2


def test_an_epoch_size_keeps_the_shares_of_the_sources(boxes):
    dataset = boxes([[0]] * 12, ["main"] * 8 + ["more"] * 4)
    sampler = WeightedSampler(dataset, source_weights={"more": 0.25}, epoch_size=20, seed=0)
    assert sum(index >= 8 for index in drawn(sampler, 0)) == 20 * 0.25 / 1.25


def test_crowd_regions_are_no_boxes(boxes):
    assert WeightedSampler(boxes([[0, -1], [-2]]), seed=0).pool.counts.tolist() == [[1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [(dict(epoch_size=0), "epoch_size"), (dict(source_weights={"mor": 1}), "did you mean 'more'")],
)
def test_bad_settings_are_refused(boxes, settings, message):
    with pytest.raises(InputError, match=message):
        WeightedSampler(boxes([[0], [0]], ["main", "more"]), seed=0, **settings)


def test_it_works_below_batches_of_one_aspect_ratio_and_mixing_wrappers(make_dataset):
    from helpers import CLASSES
    from mmdet.datasets import MultiImageMixDataset
    from mmdet.datasets.samplers import AspectRatioBatchSampler

    import custom_modules.register_all  # noqa: F401

    leaf = dict(type="DetectionDataset", data_root=str(make_dataset()), ann_file="train.json", pipeline=[])
    leaf.update(data_prefix=dict(img=""), metainfo=dict(classes=CLASSES), indices=4)
    joined = dict(type="SourcesDataset", datasets=[leaf, dict(leaf, indices=6)], names=["main", "more"])
    sampler = WeightedSampler(MultiImageMixDataset(joined, []), source_weights={"more": 0.5}, seed=0)
    batches = list(AspectRatioBatchSampler(sampler, batch_size=2))
    # 4 main images and 0.5 x 4 of the other source's 6
    assert [len(batch) for batch in batches] == [2, 2, 2]
    assert sampler.pool.source_sizes.tolist() == [4, 6]
    assert sum(index >= 4 for batch in batches for index in batch) == 0.5 * 4
    # coco() puts one box of class i modulo 3 on image i
    assert sampler.pool.counts[:, :3].sum(axis=0).tolist() == [2 + 2, 1 + 2, 1 + 2]
