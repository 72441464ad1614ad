"""Versions, processor and processes, as far as they are known without torch."""

import os
import platform

from sortline.runs.provenance.machine import installed_versions, processes_of, set_variables, this_machine


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
