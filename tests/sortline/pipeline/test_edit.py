import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline import edit as edits
from sortline.runs.run_record import RunRecord


def test_data_root_needs_a_config_that_takes_its_paths_from_it():
    with pytest.raises(InputError, match="no ann_files"):
        edits.use_data_root(Config(dict(data_root="a")), "b")


def test_float16_needs_a_gpu_and_bfloat16_none():
    cfg = Config(dict(optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type="SGD"))))
    assert edits.amp_problem(cfg, "cpu") is None
    edits.use_amp(cfg, "fp16")
    assert cfg.optim_wrapper == dict(
        type="AmpOptimWrapper", optimizer=dict(type="SGD"), loss_scale="dynamic", dtype="float16"
    )
    assert edits.amp_problem(cfg, "cuda") is None
    assert "--amp bf16" in str(edits.amp_problem(cfg, "cpu"))
    edits.use_amp(cfg, "bf16")
    assert cfg.optim_wrapper == dict(type="BFloat16OptimWrapper", optimizer=dict(type="SGD"))
    assert edits.amp_problem(cfg, "cpu") is None


def test_a_scaled_rate_counts_all_batches_of_a_step():
    """8 images, 4 batches a step, rate for 16: twice the rate. mmengine scales by images of a batch over the base."""
    cfg = Config(dict(optim_wrapper=dict(accumulative_counts=4), auto_scale_lr=dict(enable=False, base_batch_size=16)))
    assert edits.count_accumulation(cfg) == []
    edits.use_auto_scale_lr(cfg)
    assert len(edits.count_accumulation(cfg)) == 1
    assert 8 / cfg.auto_scale_lr.base_batch_size == 8 * 4 / 16


def test_a_list_of_initialisers_is_kept():
    initialisers = [dict(type="Normal", layer="Conv2d", std=0.01)]
    model = Config(dict(model=dict(backbone=dict(type="R", init_cfg=initialisers)))).model
    edits.drop_pretrained(model)
    assert model.backbone.init_cfg == initialisers


def test_an_empty_work_dir_is_refused_and_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    cfg = Config(dict(work_dir="work_dirs/x"))
    with pytest.raises(InputError, match="is empty"):
        edits.use_work_dir(cfg, "")
    edits.use_work_dir(cfg, "~/runs")
    assert cfg.work_dir == "/home/me/runs"


def test_auto_scale_lr_needs_a_base_batch_size():
    with pytest.raises(InputError, match="base_batch_size"):
        edits.use_auto_scale_lr(Config(dict(auto_scale_lr=dict(enable=False))))
    cfg = Config(dict(auto_scale_lr=dict(enable=False, base_batch_size=16)))
    edits.use_auto_scale_lr(cfg)
    assert cfg.auto_scale_lr.enable


@pytest.mark.parametrize(
    ("option", "smoke", "fold", "expected"),
    [
        (None, False, None, "work_dirs/x"),
        (None, True, None, "work_dirs/x/smoke"),
        ("here", True, None, "here"),
        (None, False, 2, "work_dirs/x/fold_2"),
        (None, True, 0, "work_dirs/x/smoke/fold_0"),
        ("here", False, 2, "here/fold_2"),
        ("here/fold_2", False, 2, "here/fold_2"),
    ],
)
def test_smoke_runs_and_folds_have_folders_of_their_own(option, smoke, fold, expected):
    cfg = Config(dict(work_dir="work_dirs/x"))
    edits.use_work_dir(cfg, option, smoke, fold)
    assert cfg.work_dir == expected


@pytest.mark.parametrize(
    ("option", "fold", "expected"),
    [
        (None, None, "work_dirs/x/sweep_k3j2/a1b2"),
        (None, 1, "work_dirs/x/sweep_k3j2/a1b2/fold_1"),
        ("here", None, "here"),
    ],
)
def test_runs_of_a_sweep_have_folders_of_their_own(monkeypatch, option, fold, expected):
    monkeypatch.setenv("WANDB_SWEEP_ID", "k3j2")
    monkeypatch.setenv("WANDB_RUN_ID", "a1b2")
    cfg = Config(dict(work_dir="work_dirs/x"))
    edits.use_work_dir(cfg, option, fold=fold)
    assert cfg.work_dir == expected


def smoke_config(**changes):
    loader = dict(batch_size=8, num_workers=4, prefetch_factor=2, dataset=dict(type="D"))
    return Config(
        dict(
            train_cfg=dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=3, dynamic_intervals=[(5, 1)]),
            train_dataloader=dict(loader, dataset=dict(type="Mix", dataset=dict(type="D"))),
            val_dataloader=loader,
            test_dataloader=loader,
            default_hooks=dict(
                logger=dict(type="LoggerHook", interval=50),
                checkpoint=dict(type="AtomicCheckpointHook", interval=5),
                submission=dict(type="SubmissionHook"),
            ),
            model=dict(backbone=dict(type="R", init_cfg=dict(type="Pretrained", checkpoint="https://x"))),
            load_from="https://y",
        )
        | changes
    )


def test_smoke_is_two_iterations_of_everything():
    cfg = smoke_config()
    edits.use_smoke(cfg)
    assert cfg.train_cfg == dict(type="EpochBasedTrainLoop", max_epochs=1, val_interval=1, val_begin=1)
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert (loader.batch_size, loader.dataset["indices"]) == (2, 4)
        assert loader.num_workers == 0
        assert "prefetch_factor" not in loader
    assert cfg.train_dataloader.dataset.dataset["indices"] == 4
    assert cfg.default_hooks.checkpoint.interval == 1
    assert cfg.default_hooks.submission.allow_missing
    assert cfg.model.backbone.init_cfg is None
    assert cfg.load_from is None


def test_smoke_shortens_an_epoch_that_a_sampler_fixes():
    cfg = smoke_config()
    cfg.train_dataloader.sampler = dict(type="RepeatFactorSampler", thr=0.1, epoch_size=4000)
    edits.use_smoke(cfg)
    assert cfg.train_dataloader.sampler.epoch_size == 4


def test_smoke_counts_iterations_where_the_loop_does():
    cfg = smoke_config(train_cfg=dict(type="IterBasedTrainLoop", max_iters=9000, val_interval=500))
    edits.use_smoke(cfg)
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (2, 2)
    assert cfg.default_hooks.checkpoint.interval == 2


def test_a_resumed_run_keeps_the_batch_that_was_found_for_it():
    cfg = Config(dict(train_dataloader=dict(batch_size=2), optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.02))))
    settings = {"train_dataloader": {"batch_size": 12}, "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.015}}}
    (line,) = edits.use_batch_of(cfg, settings)
    assert (cfg.train_dataloader.batch_size, cfg.optim_wrapper.optimizer.lr) == (12, 0.015)
    assert "12 images a step at learning rate 0.015" in line


def test_what_a_checkpoint_overrides_on_resuming_is_said():
    settings = dict(optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)), train_cfg=dict(max_epochs=12))
    cfg = Config(settings | dict(load_from="epoch_3.pth"))
    earlier = RunRecord("x.py", settings, {})
    assert edits.ignored_on_resume(cfg, None) == edits.ignored_on_resume(cfg, earlier) == []
    cfg.optim_wrapper.optimizer.lr = 0.01
    cfg.train_cfg.max_epochs = 24
    rate, length = edits.ignored_on_resume(cfg, earlier)
    assert "optim_wrapper.optimizer.lr = 0.01 has no effect: the checkpoint goes on with 0.1" in rate
    assert "--cfg-options load_from=epoch_3.pth" in rate
    assert "train_cfg.max_epochs was 12 and is 24: the learning rate was planned for 12" in length
