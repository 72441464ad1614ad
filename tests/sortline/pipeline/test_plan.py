import pytest
from mmengine.config import Config

pytestmark = pytest.mark.mm


def schedule(**changes):
    return Config(
        dict(
            optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.1)),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=4),
                dict(type="MultiStepLR", by_epoch=True, begin=0, end=4, milestones=[2], gamma=0.1),
            ],
            train_dataloader=dict(batch_size=8),
        )
        | changes
    )


def test_learning_rates_follow_warm_up_and_steps():
    from sortline.pipeline.plan import learning_rates

    # 4 epochs of 10 iterations: warm-up from 0.1 x 0.1 over the first 4, a tenth from iteration 20 on
    rates = dict(learning_rates(schedule(), per_epoch=10, iterations=40))
    assert rates[0] == pytest.approx(0.1 * 0.1)
    assert rates[10] == pytest.approx(0.1)
    assert rates[39] == pytest.approx(0.1 * 0.1)
    assert len(rates) == 9


def test_auto_scaling_multiplies_by_the_ratio_of_batch_sizes():
    from sortline.pipeline.plan import learning_rates

    scaled = schedule(auto_scale_lr=dict(enable=True, base_batch_size=16), param_scheduler=[])
    assert dict(learning_rates(scaled, 10, 40))[0] == pytest.approx(0.1 * 8 / 16)


@pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        ([dict(type="Resize", scale=(800, 600)), dict(type="Pack")], (800, 600)),
        ([dict(type="RandomChoiceResize", scales=[(640, 640), (1152, 1152), (640, 320)])], (1152, 1152)),
        ([dict(type="Resize", scale=(1280, 1280)), dict(type="RandomCrop", crop_size=(640, 640))], (640, 640)),
        ([dict(type="Load")], (1024, 1024)),
    ],
)
def test_the_largest_image_of_a_pipeline(pipeline, size):
    from sortline.pipeline.plan import image_size

    assert image_size(pipeline) == size


def test_a_plan_counts_images_iterations_and_parameters(make_dataset, make_config):
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config
    from sortline.pipeline.plan import make_plan

    cfg = load_config(make_config(make_dataset()))
    cfg.ann_files.val = "train.json"
    bind(cfg)
    small = make_plan(cfg)
    assert small.images == dict(train=6, val=6, test=3)
    assert (small.epochs, small.iterations, small.batch_size) == (1, 6 // 2, 2)
    assert 0 < small.parameters[1] <= small.parameters[0]
    cfg.train_dataloader.batch_size = 4
    assert make_plan(cfg).memory_mib > small.memory_mib
    cfg.train_dataloader.sampler = dict(type="WeightedSampler", epoch_size=13)
    assert make_plan(cfg).iterations == 4  # 13 / 4, rounded up


def test_memory_that_does_not_grow_with_the_image_is_not_scaled():
    import torch

    from sortline.pipeline.plan import BYTES_PER_MIB, _training_memory

    class Toy(torch.nn.Module):
        """Keeps 1,000 numbers and the image of each photo for its backward pass."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def loss(self, images, samples):
            assert samples[0].gt_instances.masks.masks
            return (torch.zeros(len(images), 1000) * self.weight).sum() + (images * self.weight).sum()

    toy = Toy()
    pipeline = [dict(type="LoadAnnotations", with_mask=True), dict(type="Resize", scale=(1024, 512))]
    memory = _training_memory(schedule(train_pipeline=pipeline), toy, list(toy.parameters()), batch_size=2)
    # weight, gradient and momentum; for each of two photos the numbers and three channels; four bytes each
    assert memory * BYTES_PER_MIB == pytest.approx(4 * 3 + 2 * (4 * 1000 + 4 * 3 * 1024 * 512))
