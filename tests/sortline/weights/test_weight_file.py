"""Telling whole files of weights from absent, cut, changed and mistaken ones."""

import hashlib
import json
import os
import zipfile

import pytest

from sortline.errors import InputError
from sortline.weights import weight_file
from sortline.weights.weight_file import ABSENT, DAMAGED, VALID, check_file, import_file, named_hash


def zipped(path):
    """Write what torch.save writes: a zip file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"weights" * 100)
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50-0676ba61.pth", "0676ba61"),
        ("faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth", "047c8118"),
        ("swin_tiny_20220101-20220315.pth", ""),  # a date
        ("cspnext-tiny_imagenet_600e.pth", ""),
        ("resnet-18.pth", ""),
        ("model.safetensors", ""),
    ],
)
def test_names_carry_the_start_of_the_checksum(name, expected):
    assert named_hash(name) == expected


def test_absent(tmp_path):
    assert check_file(tmp_path / "none.pth").status == ABSENT
    (tmp_path / "file").touch()
    assert check_file(tmp_path / "file/none.pth").status == ABSENT


def test_a_whole_file_is_valid_and_read_only_once(tmp_path, monkeypatch):
    path = zipped(tmp_path / "net.pth")
    reads = []
    monkeypatch.setattr(weight_file, "file_sha256", lambda name: reads.append(name) or digest(path))
    for _ in range(3):
        state = check_file(path, digest(path)[:8])
        assert (state.status, state.size) == (VALID, path.stat().st_size)
    assert reads == [path]


def test_a_wrong_checksum_is_damage_also_after_the_first_look(tmp_path):
    path = zipped(tmp_path / "net.pth")
    assert check_file(path).status == VALID
    state = check_file(path, "0" * 8)
    assert state.status == DAMAGED
    assert digest(path)[:8] in state.reason


def test_a_later_change_is_noticed(tmp_path):
    path = zipped(tmp_path / "net.pth")
    assert check_file(path).status == VALID
    content = bytearray(path.read_bytes())
    content[50] ^= 1  # a flipped bit, the same size
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    assert "has changed" in check_file(path).reason


def test_a_copy_of_the_same_content_stays_valid(tmp_path):
    path = zipped(tmp_path / "net.pth")
    check_file(path)
    os.utime(path, ns=(1, 1))
    assert check_file(path).status == VALID
    assert json.loads(weight_file.record_path(path).read_text())["mtime_ns"] == 1


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"sha256": 1}'])
def test_a_broken_record_only_costs_reading_the_file_again(tmp_path, record):
    path = zipped(tmp_path / "net.pth")
    weight_file.record_path(path).write_text(record)
    assert check_file(path).status == VALID


def safetensors(length):
    header = json.dumps({"w": {"dtype": "U8", "shape": [length], "data_offsets": [0, length]}}).encode()
    return len(header).to_bytes(8, "little") + header + b"x" * length


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pth", b"", "empty"),
        ("a.pth", b"<!DOCTYPE html>", "web page"),
        ("a.pth", b"PK\x03\x04 and no end", "cut short"),
        ("a.safetensors", safetensors(9)[:-1], "cut short"),
        ("a.safetensors", b"no header at all", "no safetensors"),
        ("a.safetensors", safetensors(9), ""),
        ("a.pth", b"\x80\x02old pickle", ""),
    ],
)
def test_damage_that_shows_without_a_checksum(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    state = check_file(path)
    assert (state.status == DAMAGED) == bool(reason)
    assert reason in state.reason


def test_import_copies_a_sound_file_and_refuses_others(tmp_path):
    path = zipped(tmp_path / "net.pth")
    target = tmp_path / "cache/net.pth"
    import_file(path, target, digest(path)[:8])
    assert target.read_bytes() == path.read_bytes()
    assert check_file(target, digest(path)).status == VALID
    with pytest.raises(InputError, match="is damaged"):
        import_file(path, tmp_path / "other.pth", "0" * 8)
    with pytest.raises(InputError, match="no such file"):
        import_file(tmp_path / "none.pth", tmp_path / "other.pth")
    assert not (tmp_path / "other.pth").exists()
