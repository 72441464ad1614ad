"""A table of texts, for the terminal and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

#: Columns of words are not folded narrower than this.
LEAST_WIDTH = 20
#: Headers above numbers are broken at this width.
HEADER_WIDTH = 16


@dataclass(frozen=True)
class PlainTable:
    """A table whose cells are texts already.

    Attributes:
        headers: Of the columns.
        rows: Cells, as many in each row as there are headers.
        title: Above the table; empty for none.
        left: Number of columns, from the left, that hold words; numbers stand to the right of theirs.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    left: int = 1

    def rich(self) -> RenderableType:
        """Make a table for the terminal; brackets in names are no markup, and numbers are never broken."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for place, header in enumerate(self.headers):
            if place < self.left:
                longest = max((len(row[place]) for row in self.rows), default=0)
                table.add_column(Text(header), overflow="fold", min_width=min(longest, LEAST_WIDTH))
            else:
                table.add_column(Text(_wrapped(header)), justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return Group(Text(self.title, style="bold"), table) if self.title else table

    def markdown(self) -> str:
        """Write the table as Markdown, its title as a line above."""
        lines = [self.headers, ("---",) * len(self.headers), *self.rows]
        table = "".join(f"| {' | '.join(_escaped(cell) for cell in line)} |\n" for line in lines)
        return f"**{self.title}**\n\n{table}" if self.title else table


def _wrapped(header: str) -> str:
    """Break a long header, such as a run's name, into lines."""
    return "\n".join(textwrap.wrap(header, HEADER_WIDTH)) or header


def _escaped(cell: str) -> str:
    """Keep a cell's own bars and line breaks from ending it, and what looks like HTML from being taken for it."""
    return " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")
