import io
from itertools import chain

import pytest
from helpers import ROOT
from rich.console import Console
from rich.text import Text

from sortline.reports.tables import GAP, Table

TABLE = Table(["run", "a very long name of a run"], [("[red]a|b\nc", "1.0"), GAP, ("<unknown>", "-")], "Runs")


def printed(table, width):
    text = io.StringIO()
    table.print(Console(file=text, width=width, color_system=None))
    return text.getvalue()


def test_markdown_escapes_what_would_break_a_row():
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "**Runs**"
    assert lines[2:4] == ["| run | a very long name of a run |", "| --- | --- |"]
    assert lines[4:] == ["| [red]a\\|b c | 1.0 |", "| &lt;unknown> | - |"]


def test_brackets_are_no_markup():
    assert "[red]a|b" in printed(TABLE, 30)


def test_a_table_is_drawn_in_plain_letters():
    table = Table(["class", "boxes", "seen in"], [("Glass", "1,234", "both"), GAP, ("all", "9", "")], left=(0, 2))
    assert table.text().splitlines() == [
        "class  boxes  seen in",
        "---------------------",
        "Glass  1,234  both",
        "",
        "all        9",
    ]


def test_a_table_without_headers_has_no_head():
    assert Table(["", ""], [("images", "12")]).text() == "images  12"


def test_colours_reach_a_terminal_alone():
    table = Table(["", "x"], [("a", Text("0.5", style="bold"))])
    text = io.StringIO()
    table.print(Console(file=text, force_terminal=True, color_system="standard"))
    assert "\x1b[1m0.5\x1b[0m" in text.getvalue()
    assert table.text().endswith("a  0.5")
    assert "0.5" in table.markdown()


@pytest.mark.parametrize("width", [20, 40, 200])
def test_numbers_are_whole_however_narrow_the_terminal(width):
    numbers = [f"0.{place}234 to 0.{place}567" for place in range(5)]
    table = Table(["run", *(f"number {place}" for place in range(5))], [("some name " * 5, *numbers)])
    for text in (printed(table, width), table.text(width)):
        assert all(number in text for number in numbers)
        assert "…" not in text


def test_words_are_folded():
    lines = Table(["run", "n"], [("word " * 20, "12")]).text(50).splitlines()
    assert max(map(len, lines)) <= 50
    assert " ".join(lines).count("word") == 20


def test_richs_own_table_is_used_here_alone():
    files = chain.from_iterable((ROOT / house).rglob("*.py") for house in ("sortline", "custom_modules", "tools"))
    users = [path.relative_to(ROOT).as_posix() for path in files if "rich.table" in path.read_text(encoding="utf-8")]
    assert users == ["sortline/reports/tables.py"]
