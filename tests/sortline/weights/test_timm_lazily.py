"""timm is there for who uses it, and costs nothing before."""

import subprocess
import sys

import pytest
from helpers import ROOT

from sortline.weights.timm_lazily import import_lazily

pytestmark = pytest.mark.mm

CHECK = """
import sys
import custom_modules.register_all
from sortline.weights.timm_lazily import timm
assert "timm.models" not in sys.modules, "nothing has used it"
assert timm.is_model("resnet18")
assert "timm.models" in sys.modules
"""


def test_registering_everything_does_not_import_it():
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHECK], cwd=ROOT, check=True)


def test_what_is_not_installed_is_said():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_lazily("no_such_module")
