"""The validation loss is that of the same images in training, and leaves no trace in the model."""

import pytest

torch = pytest.importorskip("torch")

from mmengine.hooks import EMAHook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

pytestmark = pytest.mark.mm


@pytest.fixture
def make_detection_runner(make_dataset, make_config, tmp_path):
    """Build a runner of the tiny detector on real files, ready for its validation."""

    def make(extra=""):
        import custom_modules.register_all  # noqa: F401
        from sortline.pipeline.prepare import check_run, draft_run
        from sortline.pipeline.request import RunRequest

        config = make_config(make_dataset(), extra)
        cfg = check_run(draft_run(RunRequest(str(config), work_dir=str(tmp_path / "run"), seed=0))).cfg
        cfg.visualizer.vis_backends = []
        cfg.default_hooks.checkpoint = None  # there is no training to save
        runner = Runner.from_cfg(cfg)
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner._val_loop = runner.build_val_loop(runner._val_loop)
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        return runner

    return make


LOADS_BOXES_FIRST = """
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(96, 96), keep_ratio=False),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
"""
AVERAGED = """
custom_hooks = [dict(type="EMAHook", update_buffers=True, priority=49)]
"""
LOADS_BOXES_LAST = """
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(96, 96), keep_ratio=False),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
"""


def losses(runner):
    metrics = runner.val_loop.run()
    return {name: value for name, value in metrics.items() if name.startswith("loss")}


def test_boxes_are_where_the_model_sees_them_however_they_are_loaded(make_detection_runner):
    first = losses(make_detection_runner(LOADS_BOXES_FIRST))
    assert first.keys() == {"loss", "loss_cls", "loss_bbox"}
    assert first["loss"] == pytest.approx(first["loss_cls"] + first["loss_bbox"])
    assert losses(make_detection_runner(LOADS_BOXES_LAST)) == pytest.approx(first)


def test_it_is_the_training_loss_in_use(make_detection_runner):
    runner = make_detection_runner(LOADS_BOXES_FIRST)
    found = losses(runner)
    sums, images = {"loss_cls": 0.0, "loss_bbox": 0.0}, 0
    runner.model.eval()
    for batch in runner.val_dataloader:
        data = runner.model.data_preprocessor(batch, False)
        with torch.no_grad():
            parts = runner.model(**data, mode="loss")
        for name in sums:
            sums[name] += float(sum(parts[name])) * len(batch["inputs"])
        images += len(batch["inputs"])
    assert {name: found[name] for name in sums} == pytest.approx({name: sums[name] / images for name in sums})


def test_the_model_is_left_as_it_was(make_detection_runner):
    runner = make_detection_runner(LOADS_BOXES_FIRST)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.val_loop.run()
    assert all(torch.equal(value, before[name]) for name, value in runner.model.state_dict().items())
    assert not runner.model.training


def test_averaged_buffers_stay_what_they_were(make_detection_runner):
    runner = make_detection_runner(LOADS_BOXES_FIRST + AVERAGED)
    runner.call_hook("before_run")
    (hook,) = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
    for model, value in ((hook.src_model, 1.0), (hook.ema_model.module, 2.0)):
        for buffer in model.buffers():
            buffer.fill_(value)
    runner.val_loop.run()
    assert {float(buffer.float().mean()) for buffer in hook.src_model.buffers()} == {1.0}
    assert {float(buffer.float().mean()) for buffer in hook.ema_model.module.buffers()} == {2.0}


def test_without_boxes_a_line_says_why_there_is_none(make_detection_runner):
    runner = make_detection_runner()  # its test pipeline loads no annotations
    said = []
    runner.logger.log = lambda level, text: said.append(text)
    assert losses(runner) == {}
    assert sum("no validation loss" in text for text in said) == 1


def test_a_test_has_none(make_detection_runner):
    runner = make_detection_runner(LOADS_BOXES_FIRST)
    runner._train_loop = {}
    assert losses(runner) == {}
