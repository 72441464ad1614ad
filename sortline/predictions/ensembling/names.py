"""What to call an ensemble's members, so that a recipe recognises them in other files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sortline.errors import InputError, Problem

PREDICTION_ENDINGS = re.compile(r"(\.bbox)?\.(json|csv)$", flags=re.IGNORECASE)


def member_names(paths: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Name results files by what tells them apart, so that a model's files for train and test get the same name.

    Folders that all paths share are left out, and so are words at the end that all names share.

    >>> member_names(["work_dirs/atss/predictions/oof.bbox.json", "work_dirs/dino/predictions/oof.bbox.json"])
    ('atss', 'dino')
    >>> member_names(["atss_test.csv", "dino_test.csv"])
    ('atss', 'dino')
    """
    parts = [Path(PREDICTION_ENDINGS.sub("", os.fspath(path))).parts for path in paths]
    while all(len(part) > 1 for part in parts) and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    while all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    words = [re.split(r"([_.\-]+)", "/".join(part)) for part in parts]
    while len(words) > 1 and all(len(word) > 2 for word in words) and len({word[-1] for word in words}) == 1:
        words = [word[:-2] for word in words]
    names = tuple("".join(word) for word in words)
    return names if len(set(names)) == len(names) else tuple(os.fspath(path) for path in paths)


def check_members(expected: Sequence[str], paths: Sequence[str | os.PathLike[str]], where: str) -> None:
    """Check that files are a recipe's members, in its order.

    Args:
        expected: The recipe's names of its members.
        paths: The members' files.
        where: The recipe, as shown to the user.

    Raises:
        InputError: Another number of files, or names in another order or unknown; a recipe of one member takes any.
    """
    names = member_names(paths)
    order = ", ".join(expected)
    if len(names) != len(expected):
        what = f"is for {len(expected)} members, and {len(names)} files are given"
        raise InputError(Problem(where, what, f"give --pred the files of, in this order: {order}"))
    if names == tuple(expected) or len(names) == 1:
        return
    if sorted(names) == sorted(expected):
        what = f"lists its members in another order than --pred: {order}"
        remedy = "give --pred the files in this order"
    else:
        what = f"is for the members {order}, and the files given are {', '.join(names)}"
        remedy = "give --pred the members' files; if they are these, in this order, only named otherwise: --same-order"
    raise InputError(Problem(where, what, remedy))
