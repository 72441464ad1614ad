import pytest

from sortline.pipeline.fold_plan import _known_to_test


@pytest.mark.parametrize(
    "options",
    [
        ["x.py", "--amp", "bf16", "--seed", "3", "--fold", "0"],
        ["x.py", "--seed", "3", "--amp", "--fold", "0"],
        ["x.py", "--seed", "3", "--amp=bf16", "--auto-scale-lr", "--fold", "0"],
    ],
)
def test_the_test_command_gets_no_training_options_nor_their_values(options):
    assert _known_to_test(options) == ["x.py", "--seed", "3", "--fold", "0"]
