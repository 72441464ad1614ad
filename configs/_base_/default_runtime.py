# How every run behaves: hooks, logging, tracking, seed. The only custom_imports of the repository: mmengine
# replaces lists when configs inherit, so a second one would undo this.
custom_imports = dict(imports=["custom_modules.register_all"], allow_failed_imports=False)
default_scope = "mmdet"

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="AtomicCheckpointHook", interval=1, max_keep_ckpts=2),
    training_state=dict(type="TrainingStateHook"),
    finite_loss=dict(type="FiniteLossHook"),
    checkpoint_guard=dict(type="CheckpointGuardHook"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    validation_loss=dict(type="ValidationLossHook"),
    health=dict(type="HealthHook"),
    progress=dict(type="RichProgressHook"),
    submission=dict(type="SubmissionHook"),
    sampling=dict(type="SamplingLogHook"),
    gradient_norm=dict(type="GradientNormHook"),
    best_predictions=dict(type="BestPredictionsHook"),
    tracking=dict(type="TrackingHook"),
    stop_signal=dict(type="StopSignalHook"),  # last: all others have done their part when it ends the run
)
custom_hooks = []

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),  # without a GPU, processes talk through gloo
)
randomness = dict(seed=0, deterministic=False)

vis_backends = [dict(type="LocalVisBackend"), dict(type="SortlineWandbBackend")]
visualizer = dict(type="DetLocalVisualizer", vis_backends=vis_backends, name="visualizer")
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)
log_level = "INFO"

load_from = None
resume = False

val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
