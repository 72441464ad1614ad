"""Two processes never train in one folder, and a killed one leaves it free."""

import subprocess
import sys

import pytest
from helpers import ROOT

from sortline.errors import InputError
from sortline.runs.run_lock import sole_user

HOLDER = """
import os, sys, time
from sortline.runs.run_lock import sole_user
with sole_user(sys.argv[1]):
    if os.fork() == 0:  # as a data-loader worker that outlives its parent for some seconds
        os.close(1)
        time.sleep(20)
        os._exit(0)
    print("held", flush=True)
    time.sleep(20)
"""


def test_a_held_folder_is_refused_until_its_holder_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        taken = f"process \\(number {holder.pid}\\) is training in this folder"
        with pytest.raises(InputError, match=taken), sole_user(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with sole_user(tmp_path):
            pass
