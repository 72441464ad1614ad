import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def prepared(path, tmp_path, seed=0, **options):
    from sortline.pipeline.prepare import check_run, draft_run
    from sortline.pipeline.request import RunRequest

    request = RunRequest(str(path), [f"{key}={value}" for key, value in options.items()], seed=seed)
    return check_run(draft_run(request), ("train",), tmp_path / "split").cfg


def draw(cfg, count=3, late=False):
    from sortline.pipeline.preview import draw_samples

    return draw_samples(cfg, count, late)


def test_samples_are_what_the_pipeline_packs(make_dataset, make_config, tmp_path):
    drawn = draw(prepared(make_config(make_dataset()), tmp_path))
    assert len(drawn) == 3
    for sample in drawn:
        # 64 x 48 photos, resized to 64 x 64 by the tiny config
        assert sample.image.shape == (64, 64, 3)
        assert sample.photo.shape == (48, 64, 3)
        assert sample.file_name.endswith(".jpg")
        np.testing.assert_allclose(
            sample.objects.boxes_xyxy, sample.photo_objects.boxes_xyxy * [1, 64 / 48, 1, 64 / 48], atol=1e-3
        )
        assert sample.objects.labels.tolist() == sample.photo_objects.labels.tolist()
        assert sample.objects.masks is None


def test_pictures_are_rgb(make_dataset, make_config, tmp_path):
    from PIL import Image

    root = make_dataset()
    for path in (root / "train").glob("*.jpg"):
        Image.new("RGB", (64, 48), (200, 30, 30)).save(path)
    (sample,) = draw(prepared(make_config(root), tmp_path), count=1)
    for picture in (sample.image, sample.photo):
        assert np.abs(picture.reshape(-1, 3).mean(axis=0) - (200, 30, 30)).max() < 4


def test_the_seed_decides(make_dataset, make_config, tmp_path):
    mosaic = 'train_pipeline.insert(2, dict(type="OwnSizeMosaic", max_cached_images=5))'
    path = make_config(make_dataset(), mosaic)
    first, second, third = (draw(prepared(path, tmp_path, seed)) for seed in (1, 1, 2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    assert any((one.image != other.image).any() for one, other in zip(first, third, strict=True))
    # Transforms that mix photos have some to mix from the first picture on.
    assert len(first[0].objects.labels) > len(first[0].photo_objects.labels)


def test_more_samples_than_images_begin_another_epoch(make_dataset, make_config, tmp_path):
    drawn = draw(prepared(make_config(make_dataset()), tmp_path), count=9)
    assert len(drawn) == 9
    assert len({sample.file_name for sample in drawn}) == 4  # 2 of 6 are held out


def test_class_balanced_sampling_and_wrapped_datasets_are_drawn_as_trained(make_dataset, make_config, tmp_path):
    wrapped = """
load_pipeline = train_pipeline[:2]
train_pipeline = train_pipeline[2:]
train_dataloader = dict(
    sampler=dict(_delete_=True, type="ClassBalancedSampler"),
    dataset=dict(
        _delete_=True, type="MultiImageMixDataset", dataset=dict(type="DetectionDataset"), skip_type_keys=None
    ),
)
"""
    drawn = draw(prepared(make_config(make_dataset(), wrapped), tmp_path), count=2)
    assert [sample.image.shape for sample in drawn] == [(64, 64, 3)] * 2


def test_the_last_epochs_have_their_own_pipeline(make_dataset, make_config, tmp_path):
    path = make_config(
        make_dataset(),
        """
train_cfg = dict(max_epochs=2)
recipe_small = dict(resize=dict(type="Resize", scale=(32, 32), keep_ratio=False), last_epochs_without=1)
""",
    )
    cfg = prepared(path, tmp_path)
    assert draw(cfg, 1)[0].image.shape == (32, 32, 3)
    assert draw(cfg, 1, late=True)[0].image.shape == (64, 64, 3)


def test_a_config_of_one_pipeline_has_no_last_epochs_to_draw(make_dataset, make_config, tmp_path):
    with pytest.raises(InputError, match="one pipeline throughout"):
        draw(prepared(make_config(make_dataset()), tmp_path), 1, late=True)


def test_the_summary_counts_boxes_before_and_after():
    from mmengine.config import Config

    from sortline.pipeline.drawn_samples import Drawn, Objects
    from sortline.pipeline.preview import summary

    def objects(labels):
        return Objects(np.tile([0.0, 0, 5, 5], (len(labels), 1)), np.array(labels, dtype=np.int64), np.zeros((0, 4)))

    pictures = [np.zeros((40, 30, 3), np.uint8), np.zeros((20, 60, 3), np.uint8)]
    drawn = [
        Drawn("a.jpg", pictures[0], objects([0, 1, 1, 1]), pictures[0], objects([0, 1]), 0.010),
        Drawn("b.jpg", pictures[1], objects([]), pictures[1], objects([0, 0]), 0.030),
    ]
    cfg = Config(dict(metainfo=dict(classes=("can", "cup")), train_dataloader=dict(num_workers=4)))
    assert summary(drawn, cfg) == [
        "sizes: 30-60 wide, 20-40 high",
        "boxes an image: 2.0 annotated, 2.0 fed to the model",
        "lost: at least 50% of the annotated boxes; 1 of 2 images lost all",
        "classes with more boxes than annotated: cup 1 -> 3",
        "time: 20 ms an image (median); 4 at a time load 200 images a second",
    ]
