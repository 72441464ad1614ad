import json

from helpers import coco, refusal


def test_a_dataset_with_photos(run_tool, make_dataset, tmp_path):
    data = make_dataset(images=7)
    (data / "train" / "0006.jpg").write_bytes(b"no photo")
    out = tmp_path / "eda"
    result = run_tool("describe_dataset", data / "train.json", "--test", data / "test.json", "--out", out)
    assert result.returncode == 0, result.stderr
    assert f"{out}/index.html: open it in a browser" in result.stdout
    assert "1 photo can't be read: train/0006.jpg" in result.stdout
    assert "General trash" in result.stdout
    assert "without them" not in result.stdout
    assert result.stderr == ""
    numbers = json.loads((out / "statistics.json").read_text())
    assert (numbers["overview"]["images"], numbers["overview"]["boxes"]) == (7, 7)
    assert numbers["photos"]["readable"] == 6
    assert (out / "samples_00_general-trash.jpg").is_file()
    assert (out / "class_counts.png").is_file()


def test_annotations_alone(run_tool, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(coco()))
    result = run_tool("describe_dataset", tmp_path / "train.json", "--out", tmp_path / "eda")
    assert result.returncode == 0, result.stderr
    assert f"no photos found in {tmp_path}: described without them" in result.stdout
    assert json.loads((tmp_path / "eda" / "statistics.json").read_text())["photos"] is None


def test_bad_input_is_refused_and_nothing_written(run_tool, tmp_path):
    (tmp_path / "train.json").write_text('{"images": [')
    result = run_tool("describe_dataset", tmp_path / "train.json", "--out", tmp_path / "eda")
    assert "train.json: is cut short" in refusal(result)
    result = run_tool("describe_dataset", tmp_path / "train.json", "--image-root", tmp_path / "nowhere")
    assert "nowhere: no such folder" in refusal(result)
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]
