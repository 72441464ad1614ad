"""Versions, processor, processes and photos, as far as they are known without torch."""

import json
import os
import platform

import pytest
from helpers import coco

from sortline.runs.conditions import (
    describe_photos,
    fingerprint,
    installed_versions,
    processes_of,
    set_variables,
    this_machine,
)


def test_versions_are_those_that_run_here():
    import numpy
    import PIL

    versions = installed_versions()
    assert versions["python"] == platform.python_version()
    assert (versions["numpy"], versions["PIL"]) == (numpy.__version__, PIL.__version__)
    assert all(versions.values())


def test_the_machine_has_cores_and_memory():
    machine = this_machine()
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.memory_gib > 0
    assert machine.cpu


def test_launchers_say_how_many_processes_there_are():
    assert processes_of("none", {"WORLD_SIZE": "4"}) == 1
    assert processes_of("pytorch", {"WORLD_SIZE": "4"}) == 4
    assert processes_of("slurm", {}) == 1


def test_only_variables_that_count_are_kept():
    assert set_variables({"MKL_CBWR": "AVX2", "WANDB_API_KEY": "s3cret"}) == {"MKL_CBWR": "AVX2"}


@pytest.fixture
def folder(tmp_path):
    for name, size in (("a.jpg", 3), ("b.jpg", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    return tmp_path


def test_photos_are_counted_and_their_order_does_not_matter(folder):
    found = fingerprint(folder, ["a.jpg", "b.jpg"])
    assert (found.count, found.bytes) == (2, 3 + 5)
    assert fingerprint(folder, iter(["b.jpg", "a.jpg"])) == found


@pytest.mark.parametrize("names", [["a.jpg"], ["a.jpg", "c.jpg"], ["a.jpg", "b.jpg", "b.jpg"]])
def test_other_photos_have_another_fingerprint(folder, names):
    assert fingerprint(folder, names).sha256 != fingerprint(folder, ["a.jpg", "b.jpg"]).sha256


def test_a_photo_of_another_size_shows(folder):
    before = fingerprint(folder, ["a.jpg", "b.jpg"])
    (folder / "a.jpg").write_bytes(b"x" * 4)
    assert fingerprint(folder, ["a.jpg", "b.jpg"]).sha256 != before.sha256


def test_an_annotation_file_names_its_photos(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(coco(images=2)))
    found = describe_photos(tmp_path / "train.json", tmp_path)
    assert found == fingerprint(tmp_path, ["train/0000.jpg", "train/0001.jpg"])
    assert (found.count, found.bytes) == (2, 0)  # neither is there
