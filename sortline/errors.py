"""Errors that a user can act on: what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the user's input.

    Attributes:
        where: File, config key or option that holds it.
        what: What is wrong, with the value seen.
        remedy: What to do: the valid choices, the nearest name, the next command.
    """

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        return f"{text}\n    {self.remedy}" if self.remedy else text


class InputError(Exception):
    """The user's input can't be used. Command-line tools print it and exit with status 2.

    Args:
        problems: All that is wrong, reported together.
    """

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InputError], tuple[list[Problem]]]:
        return type(self), (self.problems,)


class RunFailed(Exception):
    """A run can't go on, for a reason that is known. Command-line tools print it and exit with status 1.

    Args:
        problem: What ended it, and what to change.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))

    def __reduce__(self) -> tuple[type[RunFailed], tuple[Problem]]:
        return type(self), (self.problem,)


class RunStopped(Exception):
    """A run was asked to stop and has saved its state. Not an error: tools say how to go on and exit with status 0."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Say which of ``choices`` comes closest to ``name``; an empty string when none is near.

    >>> nearest("train_dataloder", ["train_dataloader", "val_dataloader"])
    "did you mean 'train_dataloader'?"
    """
    by_lower = {choice.lower(): choice for choice in choices}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if not matches:
        return ""
    likeness = [difflib.SequenceMatcher(None, name.lower(), match).ratio() for match in matches]
    matches = [match for match, ratio in zip(matches, likeness, strict=True) if ratio > likeness[0] - 0.1]
    return "did you mean " + " or ".join(repr(by_lower[match]) for match in matches) + "?"


def counted(items: Sequence[object], limit: int = 3) -> str:
    """List the first ``limit`` items and count the rest.

    >>> counted(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    """
    shown = ", ".join(str(item) for item in items[:limit])
    rest = len(items) - limit
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def tool_command(tool: str, *arguments: object) -> str:
    """Write the command that runs one of the tools, quoted for the shell, to be copied from a message.

    >>> tool_command("tools/test.py", "my configs/a.py", "--fold", 2)
    "python tools/test.py 'my configs/a.py' --fold 2"
    """
    return shlex.join(["python", tool, *map(str, arguments)])
