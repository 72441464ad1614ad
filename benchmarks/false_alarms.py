"""How often compare_runs.py calls one of two runs better that are trainings of one and the same model.

    python benchmarks/false_alarms.py                    100 pairs of each kind, on 500 images
    python benchmarks/false_alarms.py --pairs 400 --images 1000

The runs are simulated detectors (tests/support/simulate.py) of the same noise and different seeds: on
average over photos and trainings none is better. "luck of photos" detectors differ only in what they happen to see on
each photo; "luck of training" ones also in how strong each class came out, as two seeds of a training do. A 95%
interval should call 5 of 100 pairs different.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from evaluate import made_up

from sortline.predictions.matching import Matches

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from simulate import DetectorNoise, Scene, make_scene, simulate_detector

from sortline.data.folding.folds import part_of
from sortline.progress import track
from sortline.reports.tables import Table
from sortline.runs.comparison.compare import compare
from sortline.runs.comparison.compared_runs import Candidate, Part

FOLDS, REPLICATES = 5, 300
PHOTOS = DetectorNoise(class_effect=0.0)
TRAINING = replace(PHOTOS, class_effect=0.5)
KINDS = {
    "one run each, luck of photos": (PHOTOS, False),
    "one run each, luck of training": (TRAINING, False),
    "five folds each, luck of photos": (PHOTOS, True),
    "five folds each, luck of training": (TRAINING, True),
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100, help="pairs of runs of each kind (default: 100)")
    parser.add_argument("--images", type=int, default=500, help="validation images (default: 500)")
    args = parser.parse_args(argv)
    annotations = made_up(args.images, classes=10)
    alarms = dict.fromkeys(KINDS, 0)
    for pair in track(range(args.pairs), "comparing"):
        scene = make_scene(annotations, seed=pair)
        for kind, (noise, in_folds) in KINDS.items():
            runs = [train(scene, noise, in_folds, seed=2 * pair + run) for run in (0, 1)]
            alarms[kind] += compare(runs, REPLICATES, seed=pair).differences[0].score.sign != 0
    rows = [(kind, f"{count} of {args.pairs}") for kind, count in alarms.items()]
    Table(("kind", "called different"), rows, f"{args.images:,} images, {args.pairs} pairs of equal runs").print()


def train(scene: Scene, noise: DetectorNoise, in_folds: bool, seed: int) -> Candidate:
    """Let one detector see all images, or five trainings a fifth of them each."""
    annotations = scene.annotations
    folds = FOLDS if in_folds else 1
    numbers = np.arange(len(annotations["images"])) % folds
    image_ids = np.array([image["id"] for image in annotations["images"]])
    parts = []
    for fold in range(folds):
        found = simulate_detector(scene, noise, seed * FOLDS + fold)
        own = found.take(np.isin(found.image_ids, image_ids[numbers == fold]))
        parts.append(Part(fold, f"fold {fold}", "", Matches.of(part_of(annotations, numbers == fold), own)))
    return Candidate(str(seed), str(seed), tuple(parts))


if __name__ == "__main__":
    main()
