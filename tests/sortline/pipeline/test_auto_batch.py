"""The search for the largest batch, by functions made by hand; the probing step on a CPU that says it is full."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from sortline.errors import InputError

pytestmark = pytest.mark.mm

torch = pytest.importorskip("torch")

from sortline.pipeline import auto_batch  # noqa: E402
from sortline.pipeline.auto_batch import Load, StepProbe, heaviest_load, image_count, largest_batch, scale_learning_rate  # noqa: E402  # noqa: E402


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_largest_that_fits_is_found_in_few_tries(capacity, limit):
    tried = []

    def fits(size):
        tried.append(size)
        return size <= capacity

    assert largest_batch(fits, limit) == min(capacity, limit)
    assert len(tried) == len(set(tried))
    assert max(tried) <= limit
    assert len(tried) <= 2 * math.log2(limit) + 2


def test_sizes_are_doubled_then_bisected():
    tried = []
    assert largest_batch(lambda size: tried.append(size) or size <= 11, 100) == 11
    assert tried == [1, 2, 4, 8, 16, 12, 10, 11]


def settings(optimizer="SGD", lr=0.02, base=16, enable=False):
    return Config(
        dict(
            optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type=optimizer, lr=lr)),
            auto_scale_lr=dict(enable=enable, base_batch_size=base),
            train_dataloader=dict(batch_size=2),
        )
    )


@pytest.mark.parametrize(
    ("optimizer", "total", "expected"),
    [("SGD", 4, 0.02 * 4 / 16), ("SGD", 64, 0.02 * 64 / 16), ("AdamW", 64, 0.02 * math.sqrt(64 / 16))],
)
def test_the_rate_grows_linearly_or_by_the_root(optimizer, total, expected):
    cfg = settings(optimizer)
    line = scale_learning_rate(cfg, total)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(expected)
    assert f"{expected:.3g}" in line


def test_the_rate_is_not_scaled_twice_nor_without_a_base():
    cfg = settings(enable=True)
    assert "--auto-scale-lr" in scale_learning_rate(cfg, 64)
    cfg.auto_scale_lr = None
    assert "unchanged" in scale_learning_rate(cfg, 64)
    assert cfg.optim_wrapper.optimizer.lr == 0.02


def test_the_batch_and_the_rate_are_said():
    cfg = settings()
    first, second = auto_batch.set_batch(cfg, 12, 2, Load(640, 640, 50, 10))
    assert cfg.train_dataloader.batch_size == 12
    assert "train_dataloader.batch_size = 12 (was 2)" in first
    assert f"-> {0.02 * 24 / 16:.3g}" in second


@pytest.fixture
def cfg(make_config, make_dataset):
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config

    config = load_config(make_config(make_dataset()))
    bind(config)
    return config


def test_the_heaviest_image_is_read_from_the_config(cfg):
    assert heaviest_load(cfg) == Load(64, 64, auto_batch.LEAST_BOXES, 10)
    cfg.train_pipeline[2].scale = (128, 96)
    # Without grouping by aspect ratio, landscape and portrait are padded to a square.
    assert (heaviest_load(cfg).width, heaviest_load(cfg).height) == (128, 128)
    cfg.train_dataloader.batch_sampler = dict(type="AspectRatioBatchSampler")
    assert (heaviest_load(cfg).width, heaviest_load(cfg).height) == (128, 96)
    cfg.model.data_preprocessor.batch_augments = [dict(type="BatchSyncRandomResize", random_size_range=(96, 192))]
    assert (heaviest_load(cfg).width, heaviest_load(cfg).height) == (192, 192)


def test_crowded_photos_and_mosaics_have_more_boxes(cfg, monkeypatch):
    crowded = {"annotations": [{"image_id": 7}] * 60, "images": [{}]}
    monkeypatch.setattr(auto_batch, "read_annotations", lambda path: crowded)
    assert heaviest_load(cfg).boxes == 60
    cfg.train_dataloader.dataset.pipeline.append(dict(type="CachedMosaic"))
    assert heaviest_load(cfg).boxes == 4 * 60
    assert image_count(cfg) == 1


def full_above(capacity):
    """Make a step that runs out of memory above a batch size, in the words of one of CUDA's libraries each time."""
    errors = [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")]

    def step(self, batch_size):
        if batch_size > capacity:
            raise errors[batch_size % 2]

    return step


def test_a_step_that_runs_out_of_memory_does_not_fit(cfg, monkeypatch):
    probe = StepProbe(cfg, heaviest_load(cfg), torch.device("cpu"))
    before = {name: value.clone() for name, value in probe.model.named_parameters()}
    assert probe(1)
    assert all(torch.equal(before[name], value) for name, value in probe.model.named_parameters())
    assert all(parameter.grad is None for parameter in probe.model.parameters())
    monkeypatch.setattr(StepProbe, "step", full_above(5))
    assert largest_batch(probe, 32) == 5


def test_a_defect_in_a_step_is_no_lack_of_memory(cfg, monkeypatch):
    def broken(self, batch_size):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(StepProbe, "step", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        StepProbe(cfg, heaviest_load(cfg), torch.device("cpu"))(1)


def test_what_a_run_keeps_beside_the_model_is_reserved(cfg):
    cfg.custom_hooks = [dict(type="EMAHook")]
    load = heaviest_load(cfg)
    probe = StepProbe(cfg, load, torch.device("cpu"), processes=2)
    parameters = sum(parameter.numel() for parameter in probe.model.parameters())
    trained = sum(parameter.numel() for parameter in probe.model.parameters() if parameter.requires_grad)
    assert sum(tensor.numel() for tensor in probe.ballast) == parameters + trained


def test_without_a_gpu_there_is_nothing_to_search(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="there is no GPU here"):
        auto_batch.use_auto_batch(cfg)


def _agree(rank, rendezvous, answers):
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    answers.put(auto_batch._smallest_of_all(12 - 4 * rank, torch.device("cpu")))


@pytest.mark.slow
def test_all_processes_take_the_least_that_one_found(tmp_path):
    context = torch.multiprocessing.get_context("fork")
    answers = context.Queue()
    rendezvous = (tmp_path / "rendezvous").as_uri()
    processes = [context.Process(target=_agree, args=(rank, rendezvous, answers)) for rank in (0, 1)]
    for process in processes:
        process.start()
    assert [answers.get(timeout=60), answers.get(timeout=60)] == [min(12, 12 - 4)] * 2
    for process in processes:
        process.join(60)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, whose memory it fills")
def test_a_batch_is_found_on_a_gpu(cfg):
    lines = auto_batch.use_auto_batch(cfg)
    assert cfg.train_dataloader.batch_size == 4  # all training images of the split
    assert "fit on each GPU" in lines[0]
