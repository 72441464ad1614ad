"""The packages for files work on a machine that has neither torch nor OpenMMLab's packages."""

import subprocess
import sys

import pytest
from helpers import ROOT

FREE = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("coco", "predictions", "experiments")
    for path in (ROOT / "custom_modules" / folder).rglob("*.py")
)
HEAVY = ("torch", "torchvision", "mmengine", "mmcv", "mmdet")

BLOCKED_IMPORT = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocker())
for name in {names}:
    importlib.import_module(name)
try:
    import torch
except ImportError:
    print("imported without torch")
"""


def test_file_packages_import_without_torch_and_openmmlab():
    names = ["custom_modules.cli", "custom_modules.errors", "custom_modules.files", *FREE]
    assert "custom_modules.predictions.score" in names
    code = BLOCKED_IMPORT.format(heavy=HEAVY, names=names)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stdout == "imported without torch\n", result.stderr


@pytest.mark.parametrize("tool", ["to_submission", "check_submission"])
def test_help_imports_neither_torch_nor_numpy(tool):
    code = f"""
import runpy, sys
sys.argv = ["{tool}.py", "--help"]
sys.path.insert(0, "tools")
try:
    runpy.run_path("tools/{tool}.py", run_name="__main__")
except SystemExit as stop:
    assert stop.code == 0
print(sorted(set({(*HEAVY, "numpy", "rich", "hotcoco")}) & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "example" in result.stdout
    assert result.stdout.splitlines()[-1] == "[]"
