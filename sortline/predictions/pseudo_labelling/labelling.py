"""From results files and settings to pseudo labels and the report of how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sortline.data.annotations import CocoJson, category_names
from sortline.errors import InputError, Problem, counted, nearest
from sortline.predictions.class_thresholds import LabelThreshold, choose_thresholds, fewest_boxes
from sortline.predictions.ensembling.rescale import fit_curves
from sortline.predictions.matching import Matches
from sortline.predictions.pseudo_labelling.labels import (
    Weigh,
    free_ids,
    target_categories,
    to_annotations,
    weigh_by,
    weigh_by_score,
)
from sortline.predictions.pseudo_labelling.selection import (
    ClassCounts,
    SelectionSettings,
    select_boxes,
)
from sortline.predictions.results import Results

STEPS_TO_NOTHING = ("predicted", "above", "agreed")
# Boxes an image above the thresholds may be so many times more, or fewer, than out of fold without a remark.
GROSS_RATIO = 2.0
# With fewer boxes than this in both, a ratio is left to chance.
BOXES_OF_A_RATIO = 50


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of training images by models that were not trained on them.

    Attributes:
        matches: Detections of the first file's model, or ensemble, matched with their ground truth.
        where: The annotation file, as shown to the user.
    """

    matches: Matches
    where: str


@dataclass(frozen=True)
class LabellingSettings:
    """What becomes a label, and what is written of it.

    Attributes:
        score_thr: LabelThreshold of the classes without one of their own; None if they have none.
        class_score_thr: Thresholds of single classes, by name.
        precision: Precision wanted of the classes without a threshold.
        soft_weights: Whether each box gets a weight: its chance of being right.
        selection: Options of :class:`SelectionSettings` but for the thresholds.
    """

    score_thr: float | None = None
    class_score_thr: Mapping[str, float] = field(default_factory=dict)
    precision: float | None = None
    soft_weights: bool = False
    selection: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = []
        if self.precision is not None and not 0 < self.precision < 1:
            problems.append(Problem("--precision", f"is {self.precision:g}", "give a number above 0 and below 1"))
        if self.score_thr is not None and not 0 < self.score_thr <= 1:
            problems.append(Problem("--score-thr", f"is {self.score_thr:g}", "give a number above 0, at most 1"))
        if self.precision is not None and self.score_thr is not None:
            what = "and a --score-thr for all classes exclude each other"
            problems.append(Problem("--precision", what, "give one of them; single classes: --score-thr CLASS=S"))
        if self.precision is None and self.score_thr is None and not self.class_score_thr:
            remedy = "give --score-thr 0.6, or --precision 0.9 with --oof and --oof-ann"
            problems.append(Problem("thresholds", "nothing says which boxes become labels", remedy))
        if problems:
            raise InputError(problems)


@dataclass(frozen=True)
class PseudoLabels:
    """Pseudo labels and how they came about.

    Attributes:
        content: The annotation file's content, without ``info``.
        rules: Which boxes became labels.
        thresholds: Each class's, by name.
        counts: What became of each class's boxes.
        images: Images that were predicted on.
        kept_images: Images in the content.
        warnings: What makes the labels doubtful, in words.
    """

    content: CocoJson
    rules: SelectionSettings
    thresholds: Mapping[str, LabelThreshold]
    counts: Mapping[str, ClassCounts]
    images: int
    kept_images: int
    warnings: tuple[str, ...]

    @property
    def labels(self) -> int:
        """Number of boxes that became labels."""
        return sum(count.labels for count in self.counts.values())

    @property
    def labelled_images(self) -> int:
        """Number of images with a label."""
        return len({box["image_id"] for box in self.content["annotations"] if not box["iscrowd"]})

    @property
    def left_open(self) -> int:
        """Number of regions that are neither label nor background."""
        return sum(1 for box in self.content["annotations"] if box["iscrowd"])

    def to_json(self) -> dict[str, Any]:
        """Return everything but the content as JSON can hold it."""
        classes = {
            name: {
                "score_thr": threshold.score_thr,
                "oof_boxes": threshold.boxes,
                "oof_right": threshold.right,
                "oof_precision": threshold.precision,
                "oof_precision_lower_bound": threshold.lower_bound,
                **asdict(self.counts[name]),
            }
            for name, threshold in self.thresholds.items()
        }
        numbers = {"images": self.images, "kept_images": self.kept_images, "labels": self.labels}
        return {**numbers, "left_open": self.left_open, "classes": classes, "warnings": list(self.warnings)}


def make_pseudo_labels(
    members: Sequence[Results],
    annotations: CocoJson,
    settings: LabellingSettings,
    oof: OutOfFold | None = None,
    train: CocoJson | None = None,
    where: str = "--ann",
) -> PseudoLabels:
    """Turn predictions into labels.

    Args:
        members: Detections on the same images, one a file; boxes and scores are the first one's.
        annotations: The annotation file of these images.
        settings: What becomes a label.
        oof: Out-of-fold predictions of what made the first file.
        train: The train file, whose ids and images are to be avoided and whose categories are taken.
        where: The annotation file, as shown to the user.

    Raises:
        InputError: Settings, classes or files that don't fit each other, or no box left.
    """
    names = category_names(annotations)
    problems = _class_problems(names, settings, oof)
    if problems:
        raise InputError(problems)
    categories = target_categories(annotations, train, where)
    general = {} if settings.score_thr is None else dict.fromkeys(names, settings.score_thr)
    judged = dict(zip(oof.matches.truth.class_names, oof.matches.by_class(), strict=True)) if oof else {}
    thresholds = choose_thresholds(names, {**general, **settings.class_score_thr}, judged, settings.precision)
    score_thrs = {name: entry.score_thr for name, entry in thresholds.items() if entry.score_thr is not None}
    rules = SelectionSettings(score_thrs, **settings.selection)
    selection = select_boxes(members, annotations, rules)
    if len(selection.labels) == 0:
        raise InputError(_nothing_left(members[0], selection.counts, thresholds, settings.precision))
    weigh = _weigher(oof) if settings.soft_weights else None
    content = to_annotations(selection, annotations, categories, free_ids(train), weigh)
    warnings = _image_warnings(annotations, train, where)
    images, kept = len(annotations["images"]), len(selection.image_ids)
    if oof:
        warnings += _rate_warnings(selection.counts, images, thresholds, len(oof.matches.truth.image_ids))
    return PseudoLabels(content, rules, thresholds, selection.counts, images, kept, tuple(warnings))


def _class_problems(names: Sequence[str], settings: LabellingSettings, oof: OutOfFold | None) -> list[Problem]:
    """Compare the classes of the files and of the thresholds."""
    problems = []
    for name in settings.class_score_thr:
        if name not in names:
            remedy = nearest(name, names) or f"the classes are {counted(names, limit=20)}"
            problems.append(Problem("--score-thr", f"names the class {name!r}, which --ann lacks", remedy))
    if settings.precision is not None and oof is None:
        remedy = "give --oof, the out-of-fold predictions of what made the first file, and --oof-ann train.json"
        problems.append(Problem("--precision", "needs out-of-fold predictions", remedy))
    missing = [name for name in names if oof and name not in oof.matches.truth.class_names]
    if oof and missing:
        what = f"lacks the categories {counted(missing)} of --ann"
        problems.append(Problem(oof.where, what, "give the file of the images that the model was trained on"))
    return problems


def _nothing_left(
    first: Results, counts: Mapping[str, ClassCounts], thresholds: Mapping[str, LabelThreshold], precision: float | None
) -> Problem:
    """Say at which step the last boxes went."""
    bounds = {name: entry.lower_bound or 0.0 for name, entry in thresholds.items()}
    closest = max(bounds, key=lambda name: bounds[name])
    if precision is not None and all(entry.score_thr is None for entry in thresholds.values()):
        boxes = thresholds[closest].boxes or 0
        what = f"no class reaches a precision of {precision:g} out of fold: the closest is {closest}, with "
        what += f"{bounds[closest]:.3f} ensured by {boxes:,} boxes; at least {fewest_boxes(precision)} are needed"
        return Problem("--precision", what, "ask for less, or set --score-thr")
    predicted, above, agreed = (sum(getattr(count, key) for count in counts.values()) for key in STEPS_TO_NOTHING)
    scores = f"up to a score of {first.scores.max():g}" if len(first) else "none at all"
    what = f"no box is left: {len(first):,} are predicted ({scores}), {predicted:,} of them a pixel wide and high, "
    what += f"{above:,} reach their threshold, {agreed:,} are agreed on"
    return Problem("pseudo labels", what, "lower --score-thr or --min-agree; check that --pred is what you mean")


def _weigher(oof: OutOfFold | None) -> Weigh:
    """Return what weighs boxes: curves fitted out of fold, or the scores themselves."""
    if oof is None:
        return weigh_by_score
    (fitted,) = fit_curves("isotonic", [oof.matches], ["--oof"])
    return weigh_by(fitted.curves)


def _image_warnings(annotations: CocoJson, train: CocoJson | None, where: str) -> list[str]:
    """Remark on images that have true labels already."""
    warnings = []
    if annotations["annotations"]:
        count = len(annotations["annotations"])
        warnings.append(f"{where} has {count:,} boxes of its own, which are not used: is it the file that you mean?")
    if train is not None:
        known = {image["file_name"] for image in train["images"]}
        shared = [image["file_name"] for image in annotations["images"] if image["file_name"] in known]
        if shared:
            what = f"{len(shared):,} of its images have the file_name of a train image: {counted(shared)}"
            warnings.append(f"{where}: {what}; if they are the same photos, leave them out")
    return warnings


def _rate_warnings(
    counts: Mapping[str, ClassCounts], images: int, thresholds: Mapping[str, LabelThreshold], oof_images: int
) -> list[str]:
    """Compare how many boxes an image reach their thresholds here and out of fold."""
    here = sum(count.above for count in counts.values())
    there = sum(entry.boxes or 0 for entry in thresholds.values() if entry.score_thr is not None)
    rates = here / images, there / oof_images
    if max(here, there) < BOXES_OF_A_RATIO or max(rates) <= GROSS_RATIO * min(rates):
        return []
    what = f"{rates[0]:.2f} boxes an image reach their thresholds, out of fold {rates[1]:.2f}"
    why = "another model, an ensemble of other scores, or images unlike the training's"
    return [f"{what}: {why}; the precision found out of fold does not carry over"]
