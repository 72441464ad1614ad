import io

from rich.console import Console

from sortline.reports.tables import PlainTable

TABLE = PlainTable(["run", "a very long name of a run"], [("[red]a|b\nc", "1.0"), ("<unknown>", "-")], "Runs")


def test_markdown_escapes_what_would_break_a_row():
    lines = TABLE.markdown().splitlines()
    assert lines[0] == "**Runs**"
    assert lines[2:4] == ["| run | a very long name of a run |", "| --- | --- |"]
    assert lines[4] == "| [red]a\\|b c | 1.0 |"
    assert lines[5] == "| &lt;unknown> | - |"


def test_numbers_are_never_broken_and_brackets_are_no_markup():
    text = io.StringIO()
    Console(file=text, width=30, color_system=None).print(TABLE.rich())
    assert "[red]a|b" in text.getvalue()
    assert "1.0" in text.getvalue()
    assert "a very long name" in text.getvalue()
