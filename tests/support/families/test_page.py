"""The generated parts of docs/ops.md."""

from __future__ import annotations

import json
import re

import pytest
from helpers import ROOT

pytestmark = pytest.mark.mm
PAGE = "before\n<!-- generated: parity -->\nold\n<!-- end: parity -->\nafter\n"


def trial(**changes: object) -> dict:
    return dict(family="atss", config="a", ops=["nms"], gpu_ops=["sigmoid_focal_loss"], problem="") | changes


def test_a_part_is_replaced_and_stays_replaceable():
    from families.page import replace_part

    once = replace_part(PAGE, "parity", r"new \1", "p.md")
    assert once == PAGE.replace("old\n", "\nnew \\1\n\n")
    assert replace_part(once, "parity", r"new \1", "p.md") == once


def test_a_page_without_the_part_is_refused():
    from families.page import replace_part
    from sortline.errors import InputError

    with pytest.raises(InputError, match=r"p\.md: has no part 'families'"):
        replace_part(PAGE, "families", "new", "p.md")


def test_the_families_table_shows_ops_failures_and_reasons():
    from families.page import families_table

    rows = families_table([trial(), trial(family="b", ops=[], gpu_ops=[], problem="x|y")], {"c": "why"}).splitlines()
    assert rows[2:] == [
        "| `atss` | a | `nms`, `sigmoid_focal_loss`* | yes |",
        "| `b` | a | none | x\\|y |",
        "| `c` | - | - | not tried: why |",
    ]


def test_the_parity_table_says_what_was_not_compared():
    from families.page import parity_table

    parity = dict(mmcv="2", torch="3", device="cpu", ops=dict(nms=dict(status="equal", values=0.0, gradients=None)))
    assert parity_table(["carafe", "nms"], None).count("not compared yet") == 2
    rows = parity_table(["carafe", "nms"], parity).splitlines()
    assert rows[0] == "onedl-mmcv 2, torch 3, cpu."
    assert rows[-2:] == ["| `carafe` | not compared yet | - | - |  |", "| `nms` | equal | 0.0e+00 | - |  |"]


def test_families_tried_again_replace_their_old_results(tmp_path):
    from families.page import with_new_trials

    path = tmp_path / "ops_families.json"
    assert with_new_trials(path, [trial()]) == [trial()]
    path.write_text(json.dumps([trial(family="b"), trial(config="old")]))
    assert with_new_trials(path, [trial()]) == [trial(), trial(family="b")]


def test_the_page_of_this_repository_names_all_families_and_only_ops_that_exist():
    from families.page import served_ops
    from families.table import FAMILIES, shipped_families

    trials = json.loads((ROOT / "docs/ops_families.json").read_text())
    assert [(one["family"], one["config"]) for one in trials] == [
        (family, config) for family, configs in sorted(FAMILIES.items()) for config in configs
    ]
    assert {op for one in trials for op in (*one["ops"], *one["gpu_ops"])} <= set(served_ops())
    part = (ROOT / "docs/ops.md").read_text().split("<!-- generated: families -->")[1].split("<!-- end")[0]
    assert sorted(set(re.findall(r"^\| `([^`]+)` \|", part, flags=re.M))) == shipped_families()
