"""The tables of configs/: a row for each experiment, an experiment for each row, every family in the overview."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import ROOT

CONFIGS = ROOT / "configs"
FAMILIES = sorted({path.parent for path in CONFIGS.rglob("*.py") if "_base_" not in path.parts})
by_name = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
#: A table row that begins with a link to a config: | [`name`](path.py) | ...
ROW = re.compile(r"^\| \[`(?P<name>[^`]+)`\]\((?P<path>[^)]+\.py)\) \|", re.MULTILINE)


def rows(readme: Path) -> dict[str, str]:
    """Return the configs of a page's tables: name and link."""
    return {match["name"]: match["path"] for match in ROW.finditer(readme.read_text(encoding="utf-8"))}


@by_name
def test_every_experiment_has_a_row_and_every_row_an_experiment(family: Path):
    found = {path.stem: path.name for path in family.glob("*.py")}
    assert rows(family / "README.md") == found


@by_name
def test_rows_fill_their_tables_columns(family: Path):
    for table in re.split(r"\n\s*\n", (family / "README.md").read_text(encoding="utf-8")):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1, lines


def test_the_overview_links_to_every_family():
    linked = set(re.findall(r"\]\(([a-z0-9_]+)/?\)", (CONFIGS / "README.md").read_text(encoding="utf-8")))
    assert {family.name for family in FAMILIES} == linked - {"_base_"}


def test_the_overview_names_only_configs_that_exist():
    listed = rows(CONFIGS / "README.md")
    assert listed
    assert [path for name, path in listed.items() if not (CONFIGS / path).exists() or Path(path).stem != name] == []
