from types import SimpleNamespace

import pytest


@pytest.mark.mm
@pytest.mark.parametrize(
    ("epochs", "last", "switched"),
    [(5, 2, [False, False, False, True, True]), (3, 1, [False, False, True]), (2, 2, [False, False])],
)
def test_the_last_epochs_get_the_other_pipeline(epochs, last, switched):
    from custom_modules.hooks import LastEpochsPipelineHook

    hook = LastEpochsPipelineHook(last, [dict(type="PackDetInputs")])
    dataset = SimpleNamespace(pipeline="strong")
    logger = SimpleNamespace(info=lambda text: None)
    runner = SimpleNamespace(max_epochs=epochs, train_dataloader=SimpleNamespace(dataset=dataset), logger=logger)
    hook.before_train(runner)
    seen = []
    for runner.epoch in range(epochs):
        hook.before_train_epoch(runner)
        seen.append(dataset.pipeline != "strong")
    assert seen == switched
