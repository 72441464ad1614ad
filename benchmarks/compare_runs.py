"""Time of comparing two runs at contest size: 5,000 images, some 120,000 boxes a run, 1,000 resamples.

    python benchmarks/compare_runs.py                made-up ground truth, two simulated detectors
    python benchmarks/compare_runs.py --repeats 1

The detectors follow the noise model of tests/support/simulate.py; making them takes most of the time and
is not counted. "folds" are the same detections as five folds of 1,000 images.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from evaluate import made_up, print_table, run, timed

from sortline.predictions.matching import Matches

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from simulate import DetectorNoise, make_scene, simulate_detector

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.folding.folds import part_of
from sortline.files import write_json
from sortline.predictions.results import Results, write_results
from sortline.runs.comparison.changed_photos import changed_photos
from sortline.runs.comparison.compare import compare
from sortline.runs.comparison.compared_runs import Candidate, Part, read_candidates

ROOT = Path(__file__).resolve().parent.parent
IMAGES, CLASSES, FOLDS = 5000, 10, 5


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each part (default: 3)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        ann_file, files = Path(folder) / "train.json", [Path(folder) / f"{name}.bbox.json" for name in "ab"]
        write_json(ann_file, made_up(IMAGES, CLASSES))
        annotations = read_annotations(ann_file)
        scene = make_scene(annotations, seed=0)
        found = [simulate_detector(scene, DetectorNoise(), seed) for seed in (1, 2)]
        for path, results in zip(files, found, strict=True):
            write_results(path, results)
        whole = read_candidates([*map(str, files)], str(ann_file))
        folds = [in_folds(annotations, results) for results in found]
        tool = [sys.executable, ROOT / "tools" / "compare_runs.py", *files, "--ann", ann_file]
        rows = [
            ("read both", timed(lambda: read_candidates([*map(str, files)], str(ann_file)), args.repeats)),
            ("compare", timed(lambda: compare(whole), args.repeats)),
            ("compare as five folds", timed(lambda: compare(folds), args.repeats)),
            ("photos that changed", timed(lambda: changed_photos(whole[1], whole[0]), args.repeats)),
            ("tools/compare_runs.py, from start to end", timed(lambda: run(tool), args.repeats)),
        ]
    print_table(rows, f"{IMAGES:,} images, {len(found[0]):,} and {len(found[1]):,} detections")


def in_folds(annotations: CocoJson, results: Results) -> Candidate:
    """Share images out to folds by their order."""
    numbers = np.arange(len(annotations["images"])) % FOLDS
    image_ids = np.array([image["id"] for image in annotations["images"]])
    parts = [
        Part(
            fold,
            f"fold {fold}",
            "",
            Matches.of(
                part_of(annotations, numbers == fold),
                results.take(np.isin(results.image_ids, image_ids[numbers == fold])),
            ),
        )
        for fold in range(FOLDS)
    ]
    return Candidate("folds", "folds", tuple(parts))


if __name__ == "__main__":
    main()
