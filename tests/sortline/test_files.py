import errno
import hashlib
import json
import os
import stat

import pytest

from sortline.errors import InputError
from sortline.files import atomic_write, file_sha256, given_twice, missing_part, read_json, read_text, write_json


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(path, error):
    with atomic_write(path) as file:
        file.write("half")
        raise error


def test_it_writes_the_content_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic_write(path) as file:
        file.write("grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert [item.name for item in path.parent.iterdir()] == ["a.txt"]


def test_it_writes_bytes(tmp_path):
    with atomic_write(tmp_path / "a.bin", "wb") as file:
        file.write(b"\x00\xff")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff"


def test_the_file_gets_the_rights_that_open_would_give(tmp_path):
    with atomic_write(tmp_path / "atomic") as file:
        file.write("")
    (tmp_path / "plain").write_text("")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_while_writing_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_seen_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_full_disk_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"a": 1})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_comes_back(tmp_path):
    data = {"name": "Größe", "values": [1, 0.1, None, True]}
    write_json(tmp_path / "a.json", data)
    assert read_json(tmp_path / "a.json") == data
    assert "Größe" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", [float("nan")])
    assert list(tmp_path.iterdir()) == []


TEXT = json.dumps({"images": [{"id": -1, "file_name": "gr\u00fcn.jpg"}], "size": 1.5e-07, "more": True}, indent=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (TEXT[:-2].encode(), "is cut short: it ends in the middle of a value (line 9)"),
        (TEXT[: TEXT.index(".jpg")].encode(), "is cut short: it ends in the middle of a value (line 5)"),
        (TEXT[: TEXT.index("file_name") + 4].encode(), "is cut short"),
        (b'{\n "a": 1,\n "b" 2}', "is not JSON: Expecting ':' delimiter at line 3, column 6"),
        (b"[1, 2] 3", "is not JSON: Extra data at line 1, column 8"),
        (b"PredictionString,image_id", "is not JSON: Expecting value at line 1, column 1"),
        (b'{"a": tru}', "is not JSON: Expecting value at line 1, column 7"),
        ('{"a": "grü'.encode()[:-1], "is cut short: it ends in the middle of a letter (byte 9)"),
        (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"),
    ],
)
def test_what_is_wrong_with_a_json_file_is_said(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_json(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_json_file_cut_anywhere_is_called_so(tmp_path):
    path = tmp_path / "a.json"
    for length in range(1, len(TEXT) - 1):
        path.write_text(TEXT[:length])
        with pytest.raises(InputError, match="is cut short"):
            read_json(path)


def test_a_byte_order_mark_is_no_content(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfabc")
    assert read_text(tmp_path / "a.txt") == "abc"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no such file\n.*'nowhere' in it does not"):
        read_text(tmp_path / "nowhere" / "a.json")
    with pytest.raises(InputError, match="can't be read: Is a directory"):
        read_text(tmp_path)


def test_missing_part_names_the_first_absent_folder(tmp_path):
    (tmp_path / "data").mkdir()
    expected = f"the folder {str(tmp_path / 'data')!r} exists, 'trian' in it does not"
    assert missing_part(tmp_path / "data" / "trian" / "0000.jpg") == expected


def test_a_files_digest_is_sha256_of_its_bytes(tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(b"sortline" * 300_000)
    assert file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, "grün", null, true]}', "[NaN, Infinity]", '["\\ud800"]', "[1e400]"])
def test_reading_quickly_reads_the_same(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert repr(read_json(path, quick=True)) == repr(read_json(path))


@pytest.mark.parametrize("text", ["", "[1, 2", "[1,, 2]", "[" * 100_000])
def test_reading_quickly_refuses_the_same(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    messages = []
    for quick in (False, True):
        with pytest.raises(InputError) as refusal:
            read_json(path, quick=quick)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


def test_files_given_twice_are_found_whatever_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    assert given_twice(["a.json", "b.json", "c.json"]) == []
    assert given_twice(["c.json", "link.json", "a.json", "c.json"]) == ["a.json", "c.json", "link.json"]
