"""Do train and test look alike? Two-sample tests on everything that both files have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sortline.arrays import FloatArray, IntArray
from sortline.data.describe.statistics import BoxTable, boxes_per_image, class_presence
from sortline.data.photo_scan import PhotoScan

#: Chance of calling at least one difference real where there is none, over all features together.
FALSE_ALARM = 0.01
#: Gaps between two distributions below this are of no weight for training, however sure they are.
SMALL_GAP = 0.1
#: Above this many values the exact test takes long and says the same as its limit for large samples.
EXACT_UP_TO = 500


@dataclass(frozen=True)
class Difference:
    """One feature of train beside the same of test.

    Attributes:
        feature: What is measured, with its unit: ``"brightness"``.
        train: Its median over the train images, or their share from 0 to 1.
        test: The same of the test images.
        gap: Largest gap between the two cumulative distributions (Kolmogorov-Smirnov), or between the two
            shares; from 0, the same, to 1, nothing in common.
        p_value: How often chance alone brings a gap as large.
        is_share: Whether the numbers are shares of images.
    """

    feature: str
    train: float
    test: float
    gap: float
    p_value: float
    is_share: bool = False

    def verdict(self, features: int) -> str:
        """Say in words whether the gap is real and of weight, where ``features`` were compared together."""
        if self.p_value * features >= FALSE_ALARM:
            return "within chance"
        return "differs" if self.gap >= SMALL_GAP else "differs a little"


def compare_values(feature: str, train: FloatArray, test: FloatArray) -> Difference:
    """Compare two samples by their cumulative distributions.

    Args:
        feature: What is measured.
        train: A value for each train image, at least one.
        test: A value for each test image, at least one.
    """
    method = "exact" if max(len(train), len(test)) <= EXACT_UP_TO else "asymp"
    result = stats.ks_2samp(train, test, method=method)
    medians = float(np.median(train)), float(np.median(test))
    return Difference(feature, *medians, gap=float(result.statistic), p_value=float(result.pvalue))


def compare_counts(feature: str, train: tuple[int, int], test: tuple[int, int]) -> Difference:
    """Compare the shares of images that have something, by Fisher's exact test.

    Args:
        feature: What the images have.
        train: How many train images have it, and how many there are, at least one.
        test: The same of test.
    """
    table = [[train[0], train[1] - train[0]], [test[0], test[1] - test[0]]]
    shares = train[0] / train[1], test[0] / test[1]
    p_value = float(stats.fisher_exact(table).pvalue)
    return Difference(feature, *shares, gap=abs(shares[0] - shares[1]), p_value=p_value, is_share=True)


def photo_features(scan: PhotoScan) -> dict[str, FloatArray]:
    """Return the measures of a scan's readable photos by name.

    Each has shape ``(N,)``: brightness and contrast from 0 to 255; sharpness as a logarithm to base 10, since it
    spans orders of magnitude; colour cast, mean red less mean blue, above 0 for warm light.
    """
    facts = scan.facts[scan.readable]
    rgb = facts["rgb"].astype(np.float64)
    return {
        "brightness": facts["brightness"].astype(np.float64),
        "contrast": facts["contrast"].astype(np.float64),
        "sharpness (log10)": np.log10(np.maximum(facts["sharpness"].astype(np.float64), 0.1)),
        "colour cast (red - blue)": rgb[:, 0] - rgb[:, 2],
    }


def compare_tables(train: BoxTable, test: BoxTable) -> list[Difference]:
    """Compare the sizes of the images and, if test has boxes, their number, size, shape and classes.

    Boxes of one image are alike, which would make every gap look sure: an image's boxes count once, by their
    median. Classes are compared by name, those that both files list.
    """
    found = [
        compare_values("image width (px)", *(table.sizes_wh[:, 0].astype(np.float64) for table in (train, test))),
        compare_values("image height (px)", *(table.sizes_wh[:, 1].astype(np.float64) for table in (train, test))),
    ]
    if not len(train.rows) or not len(test.rows):
        return found
    found += [
        compare_values("boxes an image", *(boxes_per_image(table).astype(np.float64) for table in (train, test))),
        compare_values("box size (px)", *(_image_medians(table.sides, table.rows) for table in (train, test))),
        compare_values("box aspect (w / h)", *(_image_medians(table.aspects, table.rows) for table in (train, test))),
    ]
    return found + _compare_classes(train, test)


def _image_medians(values: FloatArray, rows: IntArray) -> FloatArray:
    """Return the median of each image's values, for the images that have any."""
    order = np.lexsort((values, rows))
    _, starts, counts = np.unique(rows[order], return_index=True, return_counts=True)
    ordered = values[order]
    medians: FloatArray = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return medians


def _compare_classes(train: BoxTable, test: BoxTable) -> list[Difference]:
    held = class_presence(train).sum(axis=0).tolist(), class_presence(test).sum(axis=0).tolist()
    positions = {name: label for label, name in enumerate(test.classes)}
    totals = len(train.file_names), len(test.file_names)
    return [
        compare_counts(f"images with {name}", (held[0][label], totals[0]), (held[1][positions[name]], totals[1]))
        for label, name in enumerate(train.classes)
        if name in positions
    ]


def compare_scans(train: PhotoScan, test: PhotoScan) -> list[Difference]:
    """Compare the photos' light, sharpness and colour; nothing where one side has no readable photo."""
    pairs = zip(photo_features(train).items(), photo_features(test).values(), strict=True)
    return [compare_values(name, ours, theirs) for (name, ours), theirs in pairs if len(ours) and len(theirs)]


def category_differences(train: BoxTable, test: BoxTable) -> list[str]:
    """Say how the classes of two files differ, one sentence each; an empty list if they don't."""
    found = []
    for these, those, where in ((train, test, "train"), (test, train, "test")):
        missing = [name for name in these.classes if name not in those.classes]
        if missing:
            found.append(f"Only {where} lists {', '.join(missing)}.")
    if not found and train.classes != test.classes:
        found.append("Train and test list the same classes in another order.")
    return found


def as_json(differences: list[Difference]) -> list[dict[str, Any]]:
    """Return differences with their verdicts as plain values."""
    return [{**vars(item), "verdict": item.verdict(len(differences))} for item in differences]
