"""What is kept of a run comes back equal; anything else is refused by name."""

import json

import pytest

from custom_modules.errors import InputError
from custom_modules.experiments.run_record import RunRecord, describe_files, read_record
from custom_modules.files import file_sha256


def test_a_record_comes_back_equal(tmp_path):
    record = RunRecord("configs/x.py", {"a": {"b": [1, None]}}, {"val": {"path": "v.json", "sha256": "0"}}, fold=2)
    record = record.trained(0.5).tested(tmp_path / "best_epoch_3.pth", {"contest/mAP50": 0.25})
    record.write(tmp_path)
    assert read_record(tmp_path) == record
    assert (record.status, record.best_score, record.tested_checkpoint) == ("trained", 0.5, "best_epoch_3.pth")


def test_a_folder_without_a_record_has_none(tmp_path):
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("content", ["{}", json.dumps({"config": "x", "new_key": 1}), "[]", "{"])
def test_what_is_not_a_record_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json"):
        read_record(tmp_path)


def test_files_are_known_by_their_content(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    assert describe_files({"train": str(path), "test": str(tmp_path / "absent.json")}) == {
        "train": {"path": str(path), "sha256": file_sha256(path)}
    }
