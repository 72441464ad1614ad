"""What wandb has on record, read from files as its service writes and a kill cuts them."""

import json
import random

import pytest

pytest.importorskip("wandb")

from sortline.tracking.wandb_files import (
    BLOCK,
    FIRST,
    FULL,
    HEADER,
    IDENT,
    LAST,
    MIDDLE,
    read_records,
    row_of,
    run_files,
    steps_on_record,
)


def record(row, number=0, padding=0):
    """Return a history record; a tuple as key is the path of a nested value."""
    from wandb.proto.wandb_internal_pb2 import Record

    made = Record()
    made.history.step.num = number
    for key, value in {**row, **({"padding": "x" * padding} if padding else {})}.items():
        item = made.history.item.add(value_json=json.dumps(value))
        if isinstance(key, tuple):
            item.nested_key.extend(key)
        else:
            item.key = key
    return made.SerializeToString()


def log_of(contents):
    """Write records as LevelDB's log does: chunks that fill blocks of 32 KiB."""
    log = bytearray(IDENT + b"\0\0\0")
    for content in contents:
        kinds, rest = (FULL, FIRST), content
        while True:
            left = BLOCK - len(log) % BLOCK
            if left < HEADER:
                log += bytes(left)
                left = BLOCK
            chunk, rest = rest[: left - HEADER], rest[left - HEADER :]
            log += bytes(4) + len(chunk).to_bytes(2, "little") + bytes([kinds[bool(rest)]]) + chunk
            if not rest:
                break
            kinds = (LAST, MIDDLE)
    return bytes(log)


def write(folder, name, contents, run_id="abcd1234"):
    path = folder / "wandb" / f"{name}-{run_id}" / f"run-{run_id}.wandb"
    path.parent.mkdir(parents=True)
    path.write_bytes(log_of(contents))
    return path


def steps_in(path):
    return [row_of(record.history)["global_step"] for record in read_records(path)]


def test_records_come_back_across_blocks(tmp_path):
    sizes = [random.Random(0).randrange(3 * BLOCK) for _ in range(12)]
    path = write(tmp_path, "offline-run-1", [record({"global_step": i}, padding=n) for i, n in enumerate(sizes)])
    assert steps_in(path) == list(range(12))
    assert [len(row_of(read.history)["padding"]) for read in read_records(path)] == sizes


def test_a_file_that_is_cut_anywhere_gives_what_is_complete(tmp_path):
    contents = [record({"global_step": i, "loss": 1 / (i + 1)}) for i in range(4)]
    path = write(tmp_path, "offline-run-1", contents)
    whole, ends = path.read_bytes(), [HEADER]
    for content in contents:
        ends.append(ends[-1] + HEADER + len(content))
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert steps_in(path) == list(range(sum(end <= length for end in ends[1:]))), length


@pytest.mark.parametrize("tail", [bytes(64), b"\x7f" * 64])
def test_a_tail_of_rubbish_is_left_out(tmp_path, tail):
    path = write(tmp_path, "offline-run-1", [record({"global_step": 1})])
    path.write_bytes(path.read_bytes() + tail)
    assert steps_in(path) == [1]


def test_a_table_is_one_value(tmp_path):
    path = write(
        tmp_path, "offline-run-1", [record({("val/photos", "nrows"): 9, ("val/photos", "ncols"): 5, "global_step": 3})]
    )
    (found,) = read_records(path)
    assert row_of(found.history) == {"val/photos": {"nrows": 9, "ncols": 5}, "global_step": 3}


def test_each_key_has_its_own_last_step_over_all_parts(tmp_path):
    write(tmp_path, "offline-run-20260102_000000", [record({"loss": 1, "global_step": 6})])
    first = [record({"loss": 1, "global_step": 2}), record({("val/confusion_table", "nrows"): 4, "global_step": 4})]
    write(tmp_path, "offline-run-20260101_000000", first)
    write(tmp_path, "offline-run-20260103_000000", [record({"loss": 1, "global_step": 99})], run_id="other000")
    assert [path.parent.name[12:20] for path in run_files(tmp_path, "abcd1234")] == ["20260101", "20260102"]
    assert steps_on_record(tmp_path, "abcd1234") == {"loss": 6, "val/confusion": 4, "global_step": 6}


@pytest.mark.parametrize(("next_row", "last"), [(None, 30), (2, 20), (0, 5)])
def test_of_an_online_part_counts_what_the_server_has(tmp_path, next_row, last):
    """Rows 0, 1 and 2 at steps 10, 20 and 30 went to a server, step 5 to a file that waits for its upload."""
    write(tmp_path, "run-20260102_000000", [record({"loss": 1, "global_step": 10 * (i + 1)}, i) for i in range(3)])
    write(tmp_path, "offline-run-20260101_000000", [record({"loss": 1, "global_step": 5}, 7)])
    assert steps_on_record(tmp_path, "abcd1234", next_row)["loss"] == last


def test_nothing_is_on_record_of_a_run_without_files(tmp_path):
    assert steps_on_record(tmp_path, "abcd1234") == {}
