"""See whether pseudo labels are as right as promised: made-up detectors, labels judged by boxes that they never saw.

    python benchmarks/pseudo_labels.py data/recycle/train.json

The detectors follow the noise model of tests/support/simulate.py. Thresholds of a wanted precision and
weights are found on one half of the photos, labels are made on the other half, whose boxes then judge them. The
measured numbers are those of made-up detectors: real ones are less well behaved.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from simulate import DetectorNoise, make_scene, simulate_detector

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.folding.folds import part_of
from sortline.predictions.matching import Matches
from sortline.predictions.pseudo_labelling.labelling import (
    LabellingSettings,
    OutOfFold,
    PseudoLabels,
    make_pseudo_labels,
)
from sortline.predictions.results import Results
from sortline.reports.tables import Table

DETECTORS = (DetectorNoise(skill=1.2), DetectorNoise(skill=1.0, bias=0.5), DetectorNoise(skill=0.8))


def main() -> None:
    """Print, for each way to choose labels, how many there are and how many of them are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path, help="COCO json with ground truth")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    annotations = read_annotations(args.annotations)
    scene = make_scene(annotations, args.seed)
    detected = [simulate_detector(scene, noise, args.seed + row) for row, noise in enumerate(DETECTORS)]
    known = np.random.default_rng(args.seed).random(len(annotations["images"])) < 0.5
    seen, unseen = part_of(annotations, known), part_of(annotations, ~known)
    oof = OutOfFold(Matches.of(seen, on_images(seen, detected[0])), "seen half")
    members = [on_images(unseen, member) for member in detected]
    rows = []
    for name, number, settings in ways():
        start = time.perf_counter()
        made = make_pseudo_labels(members[:number], {**unseen, "annotations": []}, settings, oof)
        rows.append((name, *judged(made, unseen), f"{time.perf_counter() - start:.2f}"))
    Table(("labels", "boxes", "right", "recall", "worst class", "mean weight", "seconds"), rows).print()
    print(f"{len(unseen['images']):,} images labelled, {len(members[0]):,} boxes of the first detector")


def ways() -> list[tuple[str, int, LabellingSettings]]:
    """List ways to choose labels, each with the number of files that vote."""
    rows = [(f"score 0.5, agreed by {count}", count, with_score(0.5, count)) for count in (1, 2, 3)]
    for precision in (0.7, 0.8, 0.9):
        rows.append((f"precision {precision}", 1, LabellingSettings(precision=precision, soft_weights=True)))
    agreed = LabellingSettings(precision=0.8, soft_weights=True, selection={"min_agree": 2})
    return [*rows, ("precision 0.8, agreed by 2", 2, agreed)]


def with_score(score_thr: float, min_agree: int) -> LabellingSettings:
    return LabellingSettings(score_thr, soft_weights=True, selection={"min_agree": min_agree})


def on_images(annotations: CocoJson, results: Results) -> Results:
    ids = [image["id"] for image in annotations["images"]]
    return results.take(np.isin(results.image_ids, ids))


def judged(made: PseudoLabels, truth: CocoJson) -> list[str]:
    """Say how many labels there are, which share is right, which of the truth they find, and what they weigh."""
    sources = {image["id"]: image["source_id"] for image in made.content["images"]}
    boxes = made.content["annotations"]
    labels = Results.from_arrays(
        [sources[box["image_id"]] for box in boxes],
        [box["category_id"] for box in boxes],
        [box["bbox"] for box in boxes],
        [box["score"] for box in boxes],
    )
    matches = Matches.of(truth, labels)
    judged = zip(matches.truth.class_names, matches.by_class(), strict=True)
    of_class = {name: entry.is_right for name, entry in judged if len(entry.is_right)}
    is_right = np.concatenate(list(of_class.values()))
    worst = min(of_class, key=lambda name: of_class[name].mean())
    weight = np.mean([box["weight"] for box in boxes])
    recall = is_right.sum() / len(truth["annotations"])
    shares = [f"{len(boxes):,}", f"{is_right.mean():.3f}", f"{recall:.3f}"]
    return [*shares, f"{worst} {of_class[worst].mean():.3f} of {len(of_class[worst]):,}", f"{weight:.3f}"]


if __name__ == "__main__":
    main()
