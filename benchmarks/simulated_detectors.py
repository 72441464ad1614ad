"""Make five detectors up on your ground truth, tune an ensemble of them, and see whether it keeps its promise.

    python benchmarks/simulated_detectors.py data/recycle/train.json --out /tmp/detectors
    python benchmarks/simulated_detectors.py data/recycle/train.json --out /tmp/detectors --case one-good
    python benchmarks/simulated_detectors.py data/recycle/train.json --out /tmp/detectors --images 300 --sets 10

The detectors follow the noise model of tests/support/simulate.py. Case "mixed": a strong one, an
overconfident one that is weaker, a cautious one, a useless one, and a near-copy of the strong one. Case "one-good": a
strong one and four that are far worse. tools/tune_ensemble.py chooses on one set of photos; then the same detectors see
other photos of the same kind (same boxes, everything else drawn anew), and the recipe is scored there beside the
best single member and plain WBF.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/support"))

from simulate import DetectorNoise, make_scene, near_copy, simulate_detector

from sortline.data.annotations import read_annotations
from sortline.data.folding.folds import part_of
from sortline.files import write_json
from sortline.predictions.ensembling.ensemble_recipe import read_recipe
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results, write_results
from sortline.reports.tables import GAP, Table

ROOT = Path(__file__).resolve().parent.parent
USELESS = DetectorNoise(skill=-5, spot_skill=-1, clutter=30, clutter_skill=-2)
STRONG = DetectorNoise()
CASES = {
    "mixed": {
        "strong": STRONG,
        "overconfident": DetectorNoise(skill=0.7, jitter=0.1, sharpness=1.5),
        "cautious": DetectorNoise(skill=0.5, spot_skill=-2.5, sharpness=0.6),
        "useless": USELESS,
    },
    "one-good": {
        "strong": DetectorNoise(nms_iou_thr=0.5),
        "poor": DetectorNoise(skill=-3, correlation=0.8, jitter=0.15, clutter=30, clutter_skill=-3),
        "blurred": DetectorNoise(skill=-2, correlation=0.8, jitter=0.25),
        "confused": DetectorNoise(skill=-2.5, correlation=0.8, margin=-0.5, spot_skill=-1),
        "useless": USELESS,
    },
}


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    annotations = read_annotations(args.annotations)
    if args.images:
        annotations = some_images(annotations, args.images)
        args.annotations = args.out / "some.json"
        write_json(args.annotations, annotations)
    noises = {name: replace(noise, clutter=noise.clutter + args.clutter) for name, noise in CASES[args.case].items()}
    summary = []
    for number in range(args.sets):
        # Scenes are never used twice: one to tune on, then the other photos.
        first = number * (1 + args.fresh)
        members = detectors(annotations, noises, first)
        paths = [args.out / f"{name}.bbox.json" for name in members]
        for path, member in zip(paths, members.values(), strict=True):
            write_results(path, member)
        cost, report = tune(args, paths)
        others = [detectors(annotations, noises, first + 1 + other) for other in range(args.fresh)]
        fresh = [scores(annotations, other, args.out / "recipe.yaml") for other in others]
        print_outcome(annotations, members, report, fresh)
        print(f"tools/tune_ensemble.py: {cost}")
        summary.append((report, fresh))
    if args.sets > 1:
        print_summary(summary)


def some_images(annotations: dict[str, Any], images: int) -> dict[str, Any]:
    """Draw some of the images."""
    mask = np.zeros(len(annotations["images"]), dtype=bool)
    mask[np.random.default_rng(0).permutation(len(mask))[:images]] = True
    return part_of(annotations, mask)


def detectors(annotations: dict[str, Any], noises: dict[str, DetectorNoise], scene_seed: int) -> dict[str, Results]:
    """Let the detectors see a set of photos; the detectors are the same for every ``scene_seed``."""
    scene = make_scene(annotations, scene_seed)
    found = {name: simulate_detector(scene, noise, seed) for seed, (name, noise) in enumerate(noises.items())}
    if len(found) < 5:
        found["copy"] = near_copy(found["strong"], seed=scene_seed)
    return found


def tune(args: argparse.Namespace, paths: list[Path]) -> tuple[str, dict[str, Any]]:
    """Run the tool; return what it cost, and its report."""
    report = args.out / "report.json"
    command = [sys.executable, ROOT / "tools" / "tune_ensemble.py", "--ann", args.annotations, "--pred", *paths]
    command += ["--out", args.out / "recipe.yaml", "--report", report]
    command += ["--folds", args.folds] if args.folds else ["--groups", "5"]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(word) for word in command], check=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    megabytes = after.ru_maxrss / 1024
    cost = f"{seconds:.0f} s on {os.cpu_count()} cores, {busy:.0f} s of computing, {megabytes:,.0f} MB at most"
    return cost, json.loads(report.read_text())


def scores(annotations: dict[str, Any], members: dict[str, Results], recipe_file: Path) -> dict[str, float]:
    """Score members, plain WBF and the recipe on photos that nothing was tuned on."""
    truth = Truth.of(annotations)
    recipe = read_recipe(recipe_file)
    results = dict(members)
    results["plain WBF of all"] = ensemble(list(members.values()), annotations, EnsembleSettings())
    results["recipe"] = ensemble([members[name] for name in recipe.members], annotations, recipe.settings)
    return {name: map50_of(match(truth, entry)) or 0.0 for name, entry in results.items()}


def print_outcome(
    annotations: dict[str, Any], members: dict[str, Results], report: dict[str, Any], fresh: list[dict[str, float]]
) -> None:
    own = {entry["name"]: entry["map50"] for entry in report["members"]}
    own |= {"plain WBF of all": report["plain_wbf"]["map50"], "recipe": report["tuned_on_its_own_images"]}
    boxes = sum(map(len, members.values()))
    rows = []
    for name, value in own.items():
        values = [entry[name] for entry in fresh]
        expected = f"{report['expected']['map50']:.4f}" if name == "recipe" else ""
        span = f"{min(values):.4f} to {max(values):.4f}"
        rows.append((name, f"{value:.4f}", expected, f"{np.mean(values):.4f}", span))
    headers = ("mAP50", "tuned on", "expected", "other photos", f"{len(fresh)} times, range")
    Table(headers, rows, f"{len(annotations['images']):,} images, {len(members)} members, {boxes:,} boxes").print()


def print_summary(summary: list[tuple[dict[str, Any], list[dict[str, float]]]]) -> None:
    """Print one line a set of photos tuned on, and the means."""
    names = ("in-sample", "expected", "other photos")
    rows = []
    for report, fresh in summary:
        best = report["best_single"]["name"]
        single = report["best_single"]["map50"]
        in_sample, expected = report["tuned_on_its_own_images"], report["expected"]["map50"]
        actual, actual_single = (float(np.mean([entry[name] for entry in fresh])) for name in ("recipe", best))
        gains = (in_sample - single, report["gain_over_best_single"]["value"], actual - actual_single)
        rows.append((in_sample, expected, actual, *gains))
    sets = [(f"set {number}", *(f"{value:.4f}" for value in row)) for number, row in enumerate(rows)]
    mean = ("mean", *(f"{value:.4f}" for value in np.mean(rows, axis=0)))
    headers = ("mAP50", *names, *(f"gain, {name}" for name in names))
    Table(headers, [*sets, GAP, mean], "gain over the best single member").print()


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path, help="COCO json with the ground truth")
    parser.add_argument("--out", required=True, type=Path, help="folder for predictions, recipe and report")
    parser.add_argument("--case", choices=CASES, default="mixed")
    parser.add_argument("--images", metavar="N", type=int, help="take only so many, drawn by chance (default: all)")
    parser.add_argument("--folds", type=Path, help="folds.csv of these images (default: groups drawn by chance)")
    parser.add_argument(
        "--clutter",
        metavar="N",
        type=float,
        default=0,
        help="faint boxes that each detector adds to an image (default: 0)",
    )
    parser.add_argument("--fresh", metavar="N", type=int, default=5, help="sets of other photos (default: 5)")
    parser.add_argument("--sets", metavar="N", type=int, default=1, help="sets of photos to tune on (default: 1)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
