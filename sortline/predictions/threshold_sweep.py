"""What cutting predictions costs: a score threshold or a limit on boxes an image, against file size and mAP50."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from sortline.arrays import BoolArray, IntArray
from sortline.errors import InputError, Problem
from sortline.predictions.matching import Matches
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import ranks_in_group
from sortline.predictions.submission import empty_file_size, text_sizes
from sortline.reports.numbers import score_text, size_text, some
from sortline.reports.tables import Table

SCORE_THRS = (0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MAX_BOXES = (5, 10, 20, 30, 50, 75, 100, 150, 200, 300)
MAX_COST = 0.0005
#: Thresholds are recommended in steps of this.
STEP = 0.001


@dataclass(frozen=True)
class Cut:
    """Predictions of which only a part is kept.

    Attributes:
        score_thr: Boxes of a lower score are cut; 0 cuts none.
        max_boxes: Of each image only so many boxes of the highest scores are kept; None keeps all.
        boxes: Boxes kept.
        file_size: Bytes of the submission CSV that they make.
        map50: Contest score from 0 to 1.
        cost: What the cut takes from the score of all boxes; below 0 where it adds to it.
    """

    score_thr: float
    max_boxes: int | None
    boxes: int
    file_size: int
    map50: float
    cost: float


@dataclass(frozen=True)
class Sweep:
    """What several cuts cost.

    Attributes:
        images: Images of the annotation file.
        full: All boxes.
        by_score: Cuts by score alone, the threshold rising.
        by_number: Cuts by boxes an image alone, the limit falling.
        max_cost: What a recommended cut costs less than.
        score_thr: Highest threshold that costs less, in steps of 0.001; None if already the first costs more, or
            if there is no score to lose.
        max_boxes: Lowest limit of ``by_number`` that costs less; None if none does, or as above.
        recommended: Both of them together; costs may add up to more than ``max_cost``. None without either.
    """

    images: int
    full: Cut
    by_score: tuple[Cut, ...]
    by_number: tuple[Cut, ...]
    max_cost: float
    score_thr: Cut | None
    max_boxes: Cut | None
    recommended: Cut | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class _Cutter:
    """Cuts one set of predictions in many ways: boxes are matched with the ground truth once.

    A cut never changes which box takes which ground truth, since those kept come before those cut.

    Attributes:
        matches: The boxes, sorted by falling score.
        ranks: Place of each box on its image by falling score, from 0, shape ``(D,)``.
        text_sizes: Bytes of each box's text, shape ``(D,)``.
        empty_size: Bytes of the CSV without boxes.
        full_map50: Score of all boxes.
    """

    matches: Matches
    ranks: IntArray
    text_sizes: IntArray
    empty_size: int
    full_map50: float

    def cut(self, score_thr: float = 0.0, max_boxes: int | None = None) -> Cut:
        """Score what is left after a cut."""
        keep: BoolArray = self.matches.results.scores >= score_thr
        if max_boxes is not None:
            keep &= self.ranks < max_boxes
        map50 = map50_of(self.matches, keep=keep) or 0.0
        # One blank between each two boxes of an image; boxes of an image are kept from the first one on.
        blanks = int((keep & (self.ranks > 0)).sum())
        size = self.empty_size + int(self.text_sizes[keep].sum()) + blanks
        return Cut(score_thr, max_boxes, int(keep.sum()), size, map50, self.full_map50 - map50)


def sweep(
    matches: Matches,
    score_thrs: Sequence[float] = SCORE_THRS,
    max_boxes: Sequence[int] = MAX_BOXES,
    max_cost: float = MAX_COST,
) -> Sweep:
    """Cut predictions by score and by number, and score what is left.

    Args:
        matches: The predictions, such as those out of fold, matched.
        score_thrs: Thresholds to try.
        max_boxes: Numbers of boxes an image to try; those that cut nothing are left out.
        max_cost: What a recommended cut takes less than from mAP50.

    Raises:
        InputError: The file has no ground truth.
    """
    cutter = _make_cutter(matches)
    most = int(cutter.ranks.max(initial=-1)) + 1
    by_score = tuple(cutter.cut(score_thr=score_thr) for score_thr in sorted(set(score_thrs)))
    limits = sorted({limit for limit in max_boxes if limit < most}, reverse=True)
    by_number = tuple(cutter.cut(max_boxes=limit) for limit in limits)
    score_thr = number = recommended = None
    if cutter.full_map50 > 0:
        score_thr = _highest_threshold(cutter, max_cost)
        number = next((cut for cut in reversed(by_number) if cut.cost < max_cost), None)
    if score_thr or number:
        recommended = cutter.cut(score_thr.score_thr if score_thr else 0.0, number.max_boxes if number else None)
    full = cutter.cut()
    return Sweep(len(matches.truth.image_ids), full, by_score, by_number, max_cost, score_thr, number, recommended)


def _make_cutter(matches: Matches) -> _Cutter:
    """Sort and rank the boxes."""
    matches = matches.take(matches.order)
    map50 = map50_of(matches)
    if map50 is None:
        what = "has no boxes to be found, so that a cut can't be judged"
        raise InputError(Problem("the annotation file", what, "give the file of the images that were labelled"))
    ranks = ranks_in_group(matches.image_rows)
    return _Cutter(matches, ranks, text_sizes(matches.results), empty_file_size(matches.truth.annotations), map50)


def _highest_threshold(cutter: _Cutter, max_cost: float) -> Cut | None:
    """Search the highest threshold that costs less than ``max_cost``, in steps of 0.001.

    A higher threshold cuts the end of every class's precision-recall curve, which never adds to its area;
    so costs rise with the threshold, and halving the range finds the place where they pass the limit.
    """
    cuts = {0: cutter.cut()}
    low, high = 0, round(1 / STEP)
    while high - low > 1:
        middle = (low + high) // 2
        cuts[middle] = cutter.cut(score_thr=middle / round(1 / STEP))
        if cuts[middle].cost < max_cost:
            low = middle
        else:
            high = middle
    return cuts[low] if low else None


def print_sweep(sweep: Sweep, console: Console | None = None) -> None:
    """Print both sweeps and what is recommended, with its cost.

    Args:
        sweep: What to print.
        console: Where to print; by default the terminal.
    """
    for title, cuts in (("score threshold", sweep.by_score), ("boxes an image, at most", sweep.by_number)):
        rows = [
            (cut_name(cut), f"{cut.boxes:,}", size_text(cut.file_size), score_text(cut.map50), change_text(cut))
            for cut in (sweep.full, *cuts)
        ]
        if cuts:
            Table((title, "boxes", "CSV", "mAP50", "change"), rows, left=()).print(console)
    (console or Console()).print(advice(sweep), highlight=False, soft_wrap=True)


def cut_name(cut: Cut) -> str:
    """Name a cut by its threshold and limit."""
    names = [f"{cut.score_thr:g}"] if cut.score_thr else []
    names += [f"{cut.max_boxes:,}"] if cut.max_boxes is not None else []
    return ", ".join(names) or "all"


def change_text(cut: Cut) -> str:
    """Write what a cut does to mAP50, with its sign."""
    text = f"{-cut.cost:+.5f}"
    return "0" if float(text) == 0 else text


def advice(sweep: Sweep) -> str:
    """Say which cuts cost next to nothing, and that none has been made."""
    if sweep.full.map50 == 0:
        return "mAP50 is 0 with all boxes: there is nothing to lose; do the predictions belong to these images?"
    limit = f"less than {sweep.max_cost:g} mAP50"
    lines = []
    if sweep.score_thr:
        lines.append(f"score threshold {sweep.score_thr.score_thr:g}: the highest that costs {limit}")
    else:
        lines.append(f"even a score threshold of {STEP:g} costs {sweep.max_cost:g} mAP50 or more: use none")
    if sweep.max_boxes:
        boxes = some(sweep.max_boxes.max_boxes or 0, "box")
        lines.append(f"{boxes} an image: the fewest of those tried that cost {limit}")
    elif sweep.by_number:
        lines.append(f"no limit on boxes an image of those tried costs {limit}: use none")
    if sweep.recommended:
        cut, what = sweep.recommended, "together" if sweep.score_thr and sweep.max_boxes else "with it"
        scores = f"mAP50 {sweep.full.map50:.5f} to {cut.map50:.5f} ({change_text(cut)})"
        sizes = f"CSV {size_text(sweep.full.file_size)} to {size_text(cut.file_size)}"
        lines.append(f"{what}: {scores}, {sizes} for {some(sweep.images, 'image')}")
    lines.append("nothing was changed: mAP50 gains nothing from a score threshold; cut only if the file is too large")
    return "\n".join(lines)
