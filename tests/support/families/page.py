"""The generated parts of docs/ops.md: which families work with which ops, and how the ops compare with mmcv's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from custom_modules.ops import ext
from families.ops_used import op_name
from families.table import OUT_OF_SCOPE
from sortline.errors import InputError, Problem
from sortline.files import atomic_write, read_json, read_text

NOT_COMPARED = "not compared yet"


def rewrite(page: Path, trials: Sequence[Mapping[str, Any]]) -> None:
    """Rewrite the generated parts of a page, the parity of ops from the file ``ops_parity.json`` beside it.

    Args:
        page: Markdown file with the markers of :func:`replace_part`.
        trials: As :func:`families.trial.try_families` returns them.

    Raises:
        InputError: A file can't be read, or the page lacks the markers.
    """
    parity_file = page.with_name("ops_parity.json")
    parity = read_json(parity_file) if parity_file.exists() else None
    text = replace_part(read_text(page), "families", families_table(trials, OUT_OF_SCOPE), str(page))
    text = replace_part(text, "parity", parity_table(served_ops(), parity), str(page))
    with atomic_write(page) as file:
        file.write(text)


def with_new_trials(path: Path, new: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Replace the results of families that were tried again.

    Args:
        path: The results file, which may not exist.
        new: Trials of whole families.

    Returns:
        Trials in order of family.
    """
    families = {trial["family"] for trial in new}
    old = read_json(path) if path.exists() else []
    return sorted([*(trial for trial in old if trial["family"] not in families), *new], key=lambda t: t["family"])


def served_ops() -> list[str]:
    """Return the ops that Sortline serves, by the names of :func:`op_name`."""
    return sorted({op_name(name) for name in ext.__all__ if not name.startswith("get_")})


def replace_part(page: str, name: str, content: str, where: str) -> str:
    """Put a generated part between its markers in a page.

    Args:
        page: Text with ``<!-- generated: name -->`` and ``<!-- end: name -->``.
        name: Which part.
        content: What to put there.
        where: File of the page, for messages.

    Raises:
        InputError: The page lacks the markers.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    if not pattern.search(page):
        what, remedy = f"has no part {name!r}", f"put {begin} and {end} where the table belongs"
        raise InputError(Problem(where, what, remedy))
    return pattern.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", page)


def families_table(trials: Sequence[Mapping[str, Any]], out_of_scope: Mapping[str, str]) -> str:
    """Return a table of all families: a row for each config tried, and one for each family left out.

    Args:
        trials: As dicts, with the attributes of :class:`families.trial.Trial`.
        out_of_scope: By family, the reason why it is not tried.
    """
    rows = [(trial["family"], trial["config"], _ops(trial), trial["problem"] or "yes") for trial in trials]
    rows += [(family, "-", "-", f"not tried: {reason}") for family, reason in out_of_scope.items()]
    cells = [(f"`{family}`", config, ops, works) for family, config, ops, works in sorted(rows)]
    return _table(("family", "config", "ops", "works"), cells)


def _ops(trial: Mapping[str, Any]) -> str:
    names = [f"`{op}`" for op in trial["ops"]] + [f"`{op}`*" for op in trial["gpu_ops"]]
    return ", ".join(names) or "none"


def parity_table(ops: Sequence[str], parity: Mapping[str, Any] | None) -> str:
    """Return a table of ops with the differences from the compiled build, as far as they were compared.

    Args:
        ops: All ops that Sortline serves.
        parity: Content of docs/ops_parity.json; None where there is none.
    """
    compared = parity["ops"] if parity else {}
    cells = []
    for op in sorted({*ops, *compared}):
        result = compared.get(op, {"status": NOT_COMPARED})
        figures = [_figure(result.get(key)) for key in ("values", "gradients")]
        cells.append((f"`{op}`", result["status"], *figures, result.get("note", "")))
    table = _table(("op", "result", "values", "gradients", "note"), cells)
    if not parity:
        return table
    return f"onedl-mmcv {parity['mmcv']}, torch {parity['torch']}, {parity['device']}.\n\n{table}"


def _figure(difference: float | None) -> str:
    return "-" if difference is None else f"{difference:.1e}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (header, *rows)]
    return "\n".join([lines[0], "| --- " * len(header) + "|", *lines[1:]])
