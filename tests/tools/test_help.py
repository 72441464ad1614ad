"""Every tool answers --help, quickly: without torch, mm* or what reads configs."""

import subprocess
import sys

import pytest
from helpers import ROOT

TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py") if not path.stem.startswith("_"))
HEAVY = ("torch", "mmengine", "mmcv", "mmdet", "wandb", "cv2")


@pytest.mark.parametrize("tool", TOOLS)
def test_help_is_there_and_loads_nothing_heavy(tool):
    program = (
        f"import runpy, sys; sys.path.insert(0, 'tools'); sys.argv = ['{tool}.py', '--help']\n"
        f"try: runpy.run_path('tools/{tool}.py', run_name='__main__')\n"
        "except SystemExit as end: code = end.code\n"
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "usage:" in result.stdout
    assert "HEAVY []" in result.stdout


def test_threads_wait_passively_unless_the_user_says_otherwise():
    program = "import sys; sys.path.insert(0, 'tools'); import _bootstrap, os; print(os.environ['OMP_WAIT_POLICY'])"
    for given, expected in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=given, capture_output=True, text=True)
        assert result.stdout.strip() == expected
