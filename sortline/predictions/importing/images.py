"""Find the image that another framework means, by its file name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import without_suffix
from sortline.errors import Problem, counted
from sortline.reports.numbers import some

REMEDY = "give as --ann the annotation file of the images that were predicted"


class ImageIndex:
    """Looks up images of an annotation file by names that begin at another folder, or end without the suffix.

    Args:
        annotations: The annotation file.
        by_stem: Leave the suffix out, so that ``0001`` finds ``test/0001.jpg``.
    """

    def __init__(self, annotations: CocoJson, by_stem: bool = False) -> None:
        self._by_last_part: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        self._by_number: dict[int, list[int]] = {}
        for image in annotations["images"]:
            name = without_suffix(image["file_name"]) if by_stem else image["file_name"]
            parts = PurePosixPath(name).parts
            self._by_last_part.setdefault(parts[-1], []).append((parts, image["id"]))
            if parts[-1].isdecimal():
                self._by_number.setdefault(int(parts[-1]), []).append(image["id"])

    def find(self, name: str | int) -> list[int]:
        """Return the ids of the images that a name may mean: of one, unless it is unknown or ambiguous.

        Args:
            name: File name, of which folders at the start may be missing or more than in the annotation file; or
                the number that is left of a name of digits, 1 of ``0001``.
        """
        if isinstance(name, int):
            return self._by_number.get(name, [])
        parts = PurePosixPath(name).parts
        candidates = self._by_last_part.get(parts[-1], []) if parts else []
        exact = [image_id for theirs, image_id in candidates if theirs == parts]
        return exact or [image_id for theirs, image_id in candidates if _same_end(theirs, parts)]

    def find_all(self, names: Iterable[str | int], where: str) -> tuple[dict[str | int, int], list[Problem]]:
        """Look up each of several names.

        Returns:
            Image id by name, and what is wrong with the names that are not in it.
        """
        found: dict[str | int, int] = {}
        unknown: list[str | int] = []
        ambiguous: list[str | int] = []
        for name in dict.fromkeys(names):
            ids = self.find(name)
            if len(ids) == 1:
                found[name] = ids[0]
            else:
                (ambiguous if ids else unknown).append(name)
        problems = []
        if unknown:
            what = f"{some(len(unknown), 'image')} that the annotation file does not list: {counted(unknown)}"
            problems.append(Problem(where, what, REMEDY))
        if ambiguous:
            what = f"{some(len(ambiguous), 'name')} of several images: {counted(ambiguous)}"
            problems.append(Problem(where, what, "these images need different names to be told apart"))
        return found, problems


def _same_end(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Tell whether one path is the end of the other."""
    shared = min(len(first), len(second))
    return first[-shared:] == second[-shared:]
