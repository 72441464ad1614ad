"""Made-up detectors on real ground truth: data for benchmarks of ensembles, with errors that detectors share.

The noise model. Each thing that a detector may report has an evidence, a log-odds; the score rises with it, and what
has too little is not reported. For the box of an object it is

    evidence = skill + size_effect * log2(side / 96) + class_effect * c + spread * mixed
    mixed = sqrt(r) * shared + sqrt(1 - r) * own

with ``side`` the square root of the box's area in pixels, ``c`` drawn once for each class of a detector, and ``shared``
and ``own`` standard normal. ``shared`` is how easily the object is seen by anybody, drawn once for each object of a
:class:`Scene`; ``own`` is drawn for each detector anew. So ``r``, the correlation, sets how much of their errors
detectors have in common, and with it how much an ensemble of them can gain: everything own averages out, nothing shared
does. The same mixture is used for all that follows.

- *misses*: evidence below ``LEAST_EVIDENCE``; small objects and a detector's weak classes suffer most.
- *confusions*: each object looks somewhat like one other class, the same to all detectors. Its evidence is lower by
  ``margin``, give or take; both boxes are reported, and the wrong one may have the higher score.
- *jitter*: centre and logarithm of the size are off by a normal error of ``jitter`` times the size, more so for little
  evidence; part of it shared, as where the object's border is hard to see.
- *duplicates*: further boxes of the same object, worse placed and with less evidence, a Poisson number of them; those
  that overlap a better box of the class by ``nms_iou_thr`` are removed, as detectors do.
- *false positives*: spots of the scene that look like objects to all detectors, more or less; and clutter, boxes
  anywhere that only one detector sees.
- *calibration*: ``score = sigmoid(sharpness * evidence + bias)``; a sharpness above 1 is overconfident. It doesn't
  change a detector's own order of boxes, but does change what its scores mean beside those of others.

What the model leaves out: folds (every image is seen by one and the same detector), errors that depend on what else is
in the image, and truncated or crowded objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.matching import Truth
from sortline.predictions.results import Results

REFERENCE_SIDE = 96.0
LEAST_EVIDENCE = -5.0
#: What the evidence of duplicates and of looking like another class falls short by varies by this.
VARIATION = 1.0


@dataclass(frozen=True)
class DetectorNoise:
    """How a detector errs; the module's text says what each part does.

    Attributes:
        skill: Evidence of an object of mean difficulty with a side of 96 pixels.
        size_effect: Evidence gained each time the side doubles.
        class_effect: Standard deviation of the detector's strength from class to class.
        spread: Standard deviation of evidence from object to object.
        correlation: Share of that variance which all detectors have in common, from 0 to 1.
        margin: How much less evidence there is for the class that an object looks like.
        jitter: Standard deviation of a box's position and size, as a share of its size.
        duplicates: Mean number of further boxes of an object.
        spot_skill: Evidence that a spot of the scene seems to have; the lower, the better.
        clutter: Mean number of boxes an image that show nothing and that no other detector sees.
        clutter_skill: Mean evidence of these.
        sharpness: Factor between evidence and the score's log-odds; above 1 is overconfident.
        bias: Added to the score's log-odds.
        nms_iou_thr: IoU of the detector's own NMS.
        max_per_image: Most boxes of an image.
    """

    skill: float = 1.0
    size_effect: float = 0.6
    class_effect: float = 0.5
    spread: float = 2.0
    correlation: float = 0.6
    margin: float = 2.0
    jitter: float = 0.08
    duplicates: float = 0.2
    spot_skill: float = -2.0
    clutter: float = 10.0
    clutter_skill: float = -4.0
    sharpness: float = 1.0
    bias: float = 0.0
    nms_iou_thr: float = 0.65
    max_per_image: int = 100


@dataclass(frozen=True)
class Things:
    """What detectors may report: ``N`` boxes with a class, and how they look to anybody.

    Attributes:
        image_rows: Row of each one's image, shape ``(N,)``.
        class_rows: Row of its class, shape ``(N,)``.
        bboxes_xywh: Boxes in pixels, shape ``(N, 4)``.
        shared: Standard normal; high for what everybody sees, shape ``(N,)``.
        shared_jitter: Standard normal; where everybody sees the box, shape ``(N, 4)``.
    """

    image_rows: IntArray
    class_rows: IntArray
    bboxes_xywh: FloatArray
    shared: FloatArray
    shared_jitter: FloatArray

    def take(self, rows: IntArray) -> Things:
        """Keep the rows of an index array, in its order."""
        columns = (self.image_rows[rows], self.class_rows[rows], self.bboxes_xywh[rows])
        return Things(*columns, self.shared[rows], self.shared_jitter[rows])


@dataclass(frozen=True)
class Scene:
    """Images as all detectors see them.

    Attributes:
        annotations: The file with the ground truth.
        truth: The ground truth as columns.
        sizes_wh: Width and height of each image in pixels, shape ``(I, 2)``.
        objects: The ground truth's boxes.
        likeness_rows: The class that each object looks like, as a row, shape ``(M,)``.
        likeness: How much so to anybody, standard normal, shape ``(M,)``.
        spots: Background that looks like objects.
    """

    annotations: CocoJson
    truth: Truth
    sizes_wh: FloatArray
    objects: Things
    likeness_rows: IntArray
    likeness: FloatArray
    spots: Things


def make_scene(annotations: CocoJson, seed: int, spots_per_image: float = 6.0) -> Scene:
    """Draw how hard each object is to see, what it looks like, and where the background looks like objects.

    Two scenes of the same file with different seeds stand for two sets of photos of the same kind.

    Args:
        annotations: Ground truth.
        seed: Of all draws.
        spots_per_image: Mean number of such spots.
    """
    rng = np.random.default_rng(seed)
    truth = Truth.of(annotations)
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]], dtype=np.float64)
    boxes = len(truth.class_rows)
    shares = np.bincount(truth.class_rows, minlength=len(truth.category_ids)) / max(boxes, 1)
    objects = _seen(rng, truth.image_rows, truth.class_rows, truth.bboxes_xywh)
    likeness_rows = rng.choice(len(shares), size=boxes, p=shares) if boxes else np.zeros(0, dtype=np.int64)
    image_rows = np.repeat(np.arange(len(sizes_wh)), rng.poisson(spots_per_image, len(sizes_wh)))
    spots = _seen(rng, image_rows, *_boxes_anywhere(rng, truth, sizes_wh[image_rows]))
    return Scene(annotations, truth, sizes_wh, objects, likeness_rows, rng.standard_normal(boxes), spots)


def simulate_detector(scene: Scene, noise: DetectorNoise, seed: int) -> Results:
    """Let one detector look at a scene.

    Args:
        scene: What is seen; the same for all detectors of an ensemble.
        noise: How the detector errs.
        seed: Of the detector: two of the same noise and different seeds are two trainings of one model.

    Returns:
        Its detections, image by image, each image's by falling score.
    """
    # What the detector is, and what it happens to see, come from different streams: on another scene it is the same.
    rng_of_class, rng = (np.random.default_rng([seed, stream]) for stream in range(2))
    strengths = noise.class_effect * rng_of_class.standard_normal(len(scene.truth.category_ids))
    evidence = _mixed(rng, scene.objects.shared, noise) + noise.skill + _of_size(scene.objects, noise)
    evidence += strengths[scene.objects.class_rows]
    copies = rng.poisson(noise.duplicates, len(evidence))
    again = np.repeat(np.arange(len(evidence)), copies)
    less = 1 + np.abs(VARIATION * rng.standard_normal(len(again)))
    other_class = np.flatnonzero(scene.likeness_rows != scene.objects.class_rows)
    shared, own = np.sqrt(noise.correlation), np.sqrt(1 - noise.correlation)
    likeness = shared * scene.likeness[other_class] + own * rng.standard_normal(len(other_class))
    confused = replace(scene.objects.take(other_class), class_rows=scene.likeness_rows[other_class])
    clutter_rows = np.repeat(np.arange(len(scene.sizes_wh)), rng.poisson(noise.clutter, len(scene.sizes_wh)))
    clutter = _seen(rng, clutter_rows, *_boxes_anywhere(rng, scene.truth, scene.sizes_wh[clutter_rows]))
    parts = (
        (scene.objects, evidence, 1.0),
        (scene.objects.take(again), evidence[again] - less, 2.0),
        (confused, evidence[other_class] - noise.margin + VARIATION * likeness, 1.0),
        (scene.spots, _mixed(rng, scene.spots.shared, noise) + noise.spot_skill, 1.0),
        (clutter, noise.clutter_skill + VARIATION * rng.standard_normal(len(clutter_rows)), 1.0),
    )
    found = Results.concatenate(
        [_boxes_of(rng, scene, things, evidence, worse, noise) for things, evidence, worse in parts]
    )
    nms = EnsembleSettings("nms", noise.nms_iou_thr, skip_box_thr=0, max_per_image=noise.max_per_image)
    return ensemble([found], scene.annotations, nms)


def near_copy(results: Results, seed: int, amount: float = 0.02) -> Results:
    """Return almost the same detections, as of a later checkpoint of the same run.

    Args:
        results: Detections.
        seed: Of the differences.
        amount: Standard deviation of positions as a share of the size; the scores' log-odds move by five times that.
    """
    rng = np.random.default_rng(seed)
    shift = amount * rng.standard_normal((len(results), 2)) * results.bboxes_xywh[:, 2:]
    bboxes_xywh = np.hstack([results.bboxes_xywh[:, :2] + shift, results.bboxes_xywh[:, 2:]])
    log_odds = np.log(results.scores / (1 - results.scores)) + 5 * amount * rng.standard_normal(len(results))
    return Results(results.image_ids, results.category_ids, bboxes_xywh, _sigmoid(log_odds))


def _seen(rng: np.random.Generator, image_rows: IntArray, class_rows: IntArray, bboxes_xywh: FloatArray) -> Things:
    number = len(image_rows)
    return Things(image_rows, class_rows, bboxes_xywh, rng.standard_normal(number), rng.standard_normal((number, 4)))


def _boxes_anywhere(rng: np.random.Generator, truth: Truth, sizes_wh: FloatArray) -> tuple[IntArray, FloatArray]:
    """Draw class and size of a box of the ground truth for each image size, and put it anywhere on the image."""
    if len(truth.class_rows) == 0:
        raise ValueError("no boxes to take classes and sizes from")
    models = rng.integers(len(truth.class_rows), size=len(sizes_wh))
    wh = np.minimum(truth.bboxes_xywh[models, 2:], sizes_wh)
    return truth.class_rows[models], np.hstack([rng.random(wh.shape) * (sizes_wh - wh), wh])


def _mixed(rng: np.random.Generator, shared: FloatArray, noise: DetectorNoise) -> FloatArray:
    """Mix what all detectors see with what is this one's own, shape ``(N,)``."""
    own = rng.standard_normal(len(shared))
    mixed: FloatArray = noise.spread * (np.sqrt(noise.correlation) * shared + np.sqrt(1 - noise.correlation) * own)
    return mixed


def _of_size(objects: Things, noise: DetectorNoise) -> FloatArray:
    """Return what each object's size adds to its evidence, shape ``(N,)``."""
    sides = np.sqrt(objects.bboxes_xywh[:, 2:].prod(axis=1))
    added: FloatArray = noise.size_effect * np.log2(sides / REFERENCE_SIDE)
    return added


def _boxes_of(
    rng: np.random.Generator, scene: Scene, things: Things, evidence: FloatArray, worse: float, noise: DetectorNoise
) -> Results:
    """Report the things that have evidence enough; their boxes' jitter is ``worse`` times the detector's."""
    rows = np.flatnonzero(evidence > LEAST_EVIDENCE)
    things, evidence = things.take(rows), evidence[rows]
    own = rng.standard_normal((len(rows), 4))
    jitter = np.sqrt(noise.correlation) * things.shared_jitter + np.sqrt(1 - noise.correlation) * own
    # Where there is next to no evidence, half as much again.
    jitter *= (worse * noise.jitter * (1 + _sigmoid(-evidence) / 2))[:, np.newaxis]
    centres, sizes = things.bboxes_xywh[:, :2] + things.bboxes_xywh[:, 2:] / 2, things.bboxes_xywh[:, 2:]
    centres, sizes = centres + jitter[:, :2] * sizes, sizes * np.exp(jitter[:, 2:])
    limits = scene.sizes_wh[things.image_rows]
    low, high = np.clip(centres - sizes / 2, 0, limits), np.clip(centres + sizes / 2, 0, limits)
    ids = scene.truth.image_ids[things.image_rows], scene.truth.category_ids[things.class_rows]
    scores = _sigmoid(noise.sharpness * evidence + noise.bias)
    return Results(*ids, np.hstack([low, high - low]), scores).without_empty_boxes()


def _sigmoid(values: FloatArray) -> FloatArray:
    shares: FloatArray = 1 / (1 + np.exp(-values))
    return shares
