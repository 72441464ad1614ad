import pytest
from helpers import refusal

CONFIG = "configs/atss/atss_r50_fpn_1x_recycle.py"


def test_it_prints_a_config_that_python_can_read_back(run_tool):
    result = run_tool("print_config", CONFIG)
    assert result.returncode == 0, result.stderr
    values = {}
    exec(result.stdout, values)
    assert values["model"]["bbox_head"]["num_classes"] == 10
    assert values["val_evaluator"]["type"] == "ContestMetric"


def test_an_override_of_a_list_element_reaches_the_loader(run_tool):
    result = run_tool("print_config", CONFIG, "--cfg-options", "train_pipeline.3.prob=0.25")
    values = {}
    exec(result.stdout, values)
    assert values["train_dataloader"]["dataset"]["pipeline"][3]["prob"] == 0.25


def test_why_names_file_and_line(run_tool):
    result = run_tool("print_config", CONFIG, "--why", "train_dataloader.batch_size")
    assert result.stdout.splitlines()[0] == "train_dataloader.batch_size = 4"
    assert "configs/_base_/datasets/recycle.py:" in result.stdout


def test_diff_lists_what_differs(run_tool):
    result = run_tool("print_config", "--diff", CONFIG, "configs/faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py")
    assert result.returncode == 0
    assert "model.type" in result.stdout
    assert "data_root" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["configs/atss/absent.py"], "no such config file"),
        ([CONFIG, "--why", "model.backbone.dept"], "did you mean 'depth'"),
        ([CONFIG, "--cfg-options", "train_pipeline.99.prob=1"], "list of 5"),
        ([CONFIG, "--cfg-options", "no_equals_sign"], "takes KEY=VALUE"),
        ([], "give a config"),
    ],
)
def test_bad_input_is_refused(run_tool, arguments, message):
    assert message in refusal(run_tool("print_config", *arguments))
