"""The page of operators, rewritten through its command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import refusal

pytestmark = pytest.mark.mm
PARTS = "".join(f"<!-- generated: {name} -->\n<!-- end: {name} -->\n" for name in ("parity", "families"))


def test_a_family_is_tried_and_the_page_rewritten(run_script, tmp_path: Path):
    page = tmp_path / "ops.md"
    page.write_text(PARTS)
    result = run_script("tests/support/families", "--family", "yolof", "--page", page)
    assert result.returncode == 0, result.stderr
    assert "1 of 1 configs work" in result.stdout
    assert "| `yolof` | yolof_r50-c5_8xb8-1x_coco | `nms`, `sigmoid_focal_loss`* | yes |" in page.read_text()
    assert [trial["family"] for trial in json.loads((tmp_path / "ops_families.json").read_text())] == ["yolof"]


def test_an_absent_page_is_refused_before_any_work(run_script, tmp_path: Path):
    assert "ops.md" in refusal(run_script("tests/support/families", "--page", tmp_path / "ops.md"))
    assert list(tmp_path.iterdir()) == []
