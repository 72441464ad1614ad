"""How often each class is drawn: every image once, and with each sampler of configs/sampling.

python benchmarks/sampling.py data/recycle/train.json
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sortline.data import sampling_weights as sampling
from sortline.data.annotations import read_annotations
from sortline.data.coco_table import read_table
from sortline.data.sampling_tally import DrawTally, count_drawn
from sortline.reports.tables import GAP, Table

THR = 0.1
FACTORS = {"Battery": 4, "Clothing": 2}
EPOCHS = 20


def main(argv: list[str] | None = None) -> None:
    """Print a table for each annotation file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", nargs="+", help="COCO annotation files")
    for path in parser.parse_args(argv).annotations:
        draw_table(path).print()


def read_pool(path: str) -> sampling.Pool:
    """Count each image's boxes of each class; crowd regions are left out."""
    annotations = read_annotations(path)
    table = read_table(annotations, path)
    boxes = table.annotations
    counts = np.zeros((len(annotations["images"]), len(annotations["categories"])), dtype=np.int64)
    np.add.at(counts, (boxes.image_rows[~boxes.is_crowd], boxes.category_rows[~boxes.is_crowd]), 1)
    names = tuple(table.categories.names)
    return sampling.Pool(names, counts, (sampling.MAIN_SOURCE,), np.zeros(len(counts), dtype=np.int64))


def draw_table(path: str) -> Table:
    """Draw some epochs with each sampler and lay out the share of each class among the boxes."""
    pool = read_pool(path)
    samplers = {
        "each once": np.ones(len(pool.counts)),
        f"repeat factors, thr {THR}": sampling.repeat_factors(pool.counts, THR),
        f"oversampled {FACTORS}": sampling.oversampling_weights(
            pool.counts, sampling.class_factors(FACTORS, pool.classes)
        ),
        "class-balanced": sampling.class_balanced_weights(pool.counts),
    }
    tallies = {name: tally_epochs(pool, weights) for name, weights in samplers.items()}
    drawn = [count_drawn(tally.total, pool) for tally in tallies.values()]
    rows: list[Sequence[str]] = []
    for index, name in enumerate(pool.classes):
        shares = [f"{counts.boxes[index] / counts.boxes.sum():.1%}" for counts in drawn]
        rows.append((name, f"{np.count_nonzero(pool.counts[:, index]):,}", *shares))
    last = [tally.advance() for tally in tallies.values()]
    different = ("different images an epoch", f"{len(pool.counts):,}", *(f"{np.count_nonzero(x):,}" for x in last))
    most = ("most draws of one image an epoch", "", *(str(times.max()) for times in last))
    headers = ("share of the boxes drawn", "images", *samplers)
    return Table(headers, [*rows, GAP, different, most], f"{path}, {EPOCHS} epochs")


def tally_epochs(pool: sampling.Pool, weights: np.ndarray) -> DrawTally:
    """Draw the epochs as WeightedSampler does, with seed 0."""

    def draw(epoch: int) -> np.ndarray:
        return sampling.systematic_draw(weights, len(weights), np.random.default_rng([0, epoch]), pool.source_of)

    return DrawTally(pool, draw, EPOCHS)


if __name__ == "__main__":
    main()
