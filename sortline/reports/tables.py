"""One kind of table for the terminal, log files and Markdown. rich is imported when a table is drawn, not before."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

#: Columns of words are not folded narrower than this.
LEAST_WIDTH = 20
#: Headers above numbers are broken at this width.
HEADER_WIDTH = 16
#: Blanks between two columns.
GAP_WIDTH = 2
#: A line below the headers and nothing else, in letters that every encoding knows.
BOX = "    \n    \n -- \n    \n    \n    \n    \n    \n"
#: In place of a row: a gap between the rows above and below.
GAP: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of texts. Brackets in them are no markup.

    Where a table is wider than the terminal, words are folded; numbers never are, nor cut off.

    Attributes:
        headers: Of the columns; all empty for a table without a head.
        rows: Cells, as many in each row as there are headers; or :data:`GAP`. Cells may be texts of rich, for colours.
        title: Above the table; empty for none.
        left: Positions of the columns that hold words; the others hold numbers, which stand to the right.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    title: str = ""
    left: Collection[int] = (0,)

    def print(self, console: Console | None = None) -> None:
        """Print the table and an empty line.

        Args:
            console: Where to; by default the terminal.
        """
        from rich.console import Console

        # Softly: lines that are wider than the terminal are not cut off.
        (console or Console()).print(self, soft_wrap=True)

    def text(self, width: int = 80) -> str:
        """Draw the table for a log.

        Args:
            width: Columns of letters that words are folded at.
        """
        from rich.console import Console

        text = io.StringIO()
        self.print(Console(file=text, width=width, color_system=None, force_terminal=False))
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.box import Box
        from rich.cells import cell_len
        from rich.table import Table as RichTable
        from rich.text import Text

        box = Box(BOX, ascii=True)
        drawn = RichTable(box=box, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, show_header=any(self.headers))
        least = GAP_WIDTH * (len(self.headers) - 1)
        for place, header in enumerate(self.headers):
            is_words = place in self.left
            head = header if is_words else "\n".join(textwrap.wrap(header, HEADER_WIDTH))
            lines = [line for row in self.rows if row for line in str(row[place]).split("\n")]
            width = max(map(cell_len, lines if is_words else [*lines, *head.split("\n")]), default=0)
            width = min(width, LEAST_WIDTH) if is_words else width
            drawn.add_column(
                Text(head),
                justify="left" if is_words else "right",
                no_wrap=not is_words,
                overflow="fold",
                min_width=width,
            )
            least += width
        for row in self.rows:
            if row:
                drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
            else:
                drawn.add_section()
        if self.title:
            yield Text(self.title, style="bold")
        yield from console.render(drawn, options.update(width=max(options.max_width, least)))
        yield Text("")

    def markdown(self) -> str:
        """Write the table as Markdown, its title as a line above."""
        lines = [self.headers, ("---",) * len(self.headers), *(row for row in self.rows if row)]
        table = "".join(f"| {' | '.join(_escaped(str(cell)) for cell in line)} |\n" for line in lines)
        return f"**{self.title}**\n\n{table}" if self.title else table


def _escaped(cell: str) -> str:
    """Keep a cell's own bars and line breaks from ending it, and what looks like HTML from being taken for it."""
    return " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")
