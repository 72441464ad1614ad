import pytest
from helpers import refusal
from PIL import Image

pytestmark = pytest.mark.mm


def test_it_draws_a_config_s_samples(make_dataset, make_config, run_tool, tmp_path):
    config = make_config(make_dataset())
    out = tmp_path / "sheets" / "preview.png"
    result = run_tool("preview_augmentation", config, "--out", out, "--count", 5, "--beside", "--seed", 3)
    assert result.returncode == 0, result.stderr
    assert "boxes an image: 1.0 annotated, 1.0 fed to the model" in result.stdout
    assert f"picture: {out}" in result.stdout
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width > 700
    assert [path.name for path in out.parent.iterdir()] == ["preview.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage2"], "one pipeline throughout"),
        (["--cfg-options", "train_pipeline.2.type=Resizee"], "did you mean 'Resize'"),
        (["--count", "0"], "0 is not above 0"),
        (["--count", "100000", "--cell", "4000"], "more than 200 million pixels"),
        (["--out", "preview.jpg"], "PNG"),
    ],
)
def test_bad_input_is_refused(arguments, words, make_dataset, make_config, run_tool, tmp_path):
    out = tmp_path / "preview.png"
    result = run_tool("preview_augmentation", make_config(make_dataset()), "--out", out, *arguments)
    assert words in refusal(result)
    assert not out.exists()
