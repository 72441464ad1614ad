import json

import pytest
from helpers import coco, refusal

from sortline.data.annotations import read_annotations


def broken():
    data = coco()
    data["annotations"][2]["bbox"] = [50.0, 40.0, 30.0, 20.0]
    return data


def test_a_sound_dataset_passes(run_tool, make_dataset):
    root = make_dataset()
    result = run_tool("check_dataset", root / "train.json", "--test", root / "test.json")
    assert result.returncode == 0, result.stderr
    assert "0 errors, 2 warnings, 0 notes" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert run_tool("check_dataset", root / "train.json", "--no-images", "--strict").returncode == 1


def test_errors_end_in_status_1_and_are_repaired(run_tool, make_dataset, tmp_path):
    root = make_dataset(train=broken())
    out = tmp_path / "fixed.json"
    assert "box-outside" in (result := run_tool("check_dataset", root / "train.json")).stdout
    assert (result.returncode, result.stderr) == (1, "")
    result = run_tool("check_dataset", root / "train.json", "--image-root", root, "--fix", out)
    assert result.returncode == 0, result.stderr
    assert f"wrote {out}: 2 changes (box-outside 1, area-mismatch 1)" in result.stdout
    assert "left: 0 errors" in result.stdout
    assert read_annotations(out)["annotations"][2]["bbox"] == [50, 40, 64 - 50, 48 - 40]
    assert (tmp_path / "fixed.changes.csv").read_text().count("\n") == 1 + 2
    result = run_tool("check_dataset", out, "--image-root", root, "--fix", tmp_path / "again.json")
    assert "0 changes" in result.stdout
    assert (tmp_path / "again.json").read_bytes() == out.read_bytes()


def test_json_goes_to_stdout_alone_or_to_a_file(run_tool, make_dataset, tmp_path):
    root = make_dataset(train=broken())
    result = run_tool("check_dataset", root / "train.json", "--no-images", "--fix", tmp_path / "out.json", "--json")
    assert json.loads(result.stdout)["summary"]["error"] == 1
    assert "wrote" in result.stderr
    run_tool("check_dataset", root / "train.json", "--no-images", "--json", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["findings"][0]["kind"] == "box-outside"


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ('{"images": [', "is cut short"), ("[" * 10**5, "nested too deeply"), ("{}", "no key 'images'")],
)
def test_what_cannot_be_checked_is_refused(run_tool, tmp_path, content, message):
    (tmp_path / "train.json").write_text(content)
    assert message in refusal(run_tool("check_dataset", tmp_path / "train.json", "--no-images"))


def test_an_absent_file_is_refused(run_tool, tmp_path):
    assert "no such file" in refusal(run_tool("check_dataset", tmp_path / "train.json"))


def test_what_cannot_be_repaired_is_named_and_nothing_written(run_tool, tmp_path):
    data = broken()
    data["categories"][3]["name"] = None
    path = tmp_path / "train.json"
    path.write_text(json.dumps(data))
    message = refusal(run_tool("check_dataset", path, "--no-images", "--fix", tmp_path / "out.json"))
    assert "can't be repaired: 1 category whose 'name' is not a text" in message
    assert list(tmp_path.iterdir()) == [path]


def test_the_input_is_not_written_over(run_tool, tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(broken()))
    before = path.read_bytes()
    assert "would write over" in refusal(run_tool("check_dataset", path, "--no-images", "--fix", path))
    assert path.read_bytes() == before


def test_a_threshold_out_of_range_is_refused(run_tool, tmp_path):
    assert "from 0 to 64" in refusal(run_tool("check_dataset", "a.json", "--near-threshold", "65"))
