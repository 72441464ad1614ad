"""What an ensemble does, checked when it is made: method, weights, thresholds, scaling of scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sortline.errors import InputError, Problem, counted, nearest

if TYPE_CHECKING:  # so that a tool's --help can show these settings without numpy
    from sortline.predictions.ensembling.curves import MemberCurves

METHODS = ("wbf", "nms", "soft-nms", "nmw", "concat")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")
DECAYS = ("gaussian", "linear")
RESCALES = ("none", "minmax", "rank", "isotonic", "platt")
FITTED_RESCALES = ("isotonic", "platt")


@dataclass(frozen=True)
class EnsembleSettings:
    """How members are fused into one.

    Attributes:
        method: ``wbf``, ``nms``, ``soft-nms``, ``nmw`` or ``concat`` (all boxes side by side).
        iou_thr: IoU above which two boxes of a class show the same object.
        class_iou_thr: The same for single classes, by name.
        skip_box_thr: Boxes with a lower score are left out before fusion; it is compared with the rescaled score,
            before weights. A box with score 0 is always left out.
        score_thr: Of the fused boxes, only those with a higher score are kept.
        weights: One a member; 0 leaves the member out, as if it weren't given. None is 1 for each.
        conf_type: How ``wbf`` scores a fused box.
        decay: How ``soft-nms`` lowers scores, ``gaussian`` or ``linear``.
        sigma: Width of the gaussian decay.
        max_per_image: Most boxes of an image, the highest-scoring ones; None for all.
        rescale: What is done to each member's scores first: ``none``, ``minmax``, ``rank``, ``isotonic``, ``platt``.
        curves: What ``isotonic`` and ``platt`` have fitted, one a member.

    Raises:
        InputError: Values that mean nothing; all problems together.
    """

    method: str = "wbf"
    iou_thr: float = 0.55
    class_iou_thr: Mapping[str, float] = field(default_factory=dict)
    skip_box_thr: float = 0.0001
    score_thr: float = 0.0
    weights: tuple[float, ...] | None = None
    conf_type: str = "avg"
    decay: str = "gaussian"
    sigma: float = 0.5
    max_per_image: int | None = None
    rescale: str = "none"
    curves: tuple[MemberCurves, ...] = ()

    def __post_init__(self) -> None:
        problems = [*self._choice_problems(), *self._range_problems(), *self._weight_problems()]
        if problems:
            raise InputError(problems)

    def _choice_problems(self) -> list[Problem]:
        problems = []
        for key, known in {"method": METHODS, "conf_type": CONF_TYPES, "decay": DECAYS, "rescale": RESCALES}.items():
            value = getattr(self, key)
            if value not in known:
                remedy = nearest(str(value), known) or f"use {', '.join(known[:-1])} or {known[-1]}"
                problems.append(Problem(key, f"is {value!r}", remedy))
        return problems

    def _range_problems(self) -> list[Problem]:
        shares = {"iou_thr": self.iou_thr, "skip_box_thr": self.skip_box_thr, "score_thr": self.score_thr}
        shares |= {f"iou_thr of class {name!r}": value for name, value in self.class_iou_thr.items()}
        problems = [
            Problem(key, f"is {value!r}", "use a number from 0 to 1")
            for key, value in shares.items()
            if not (_is_number(value) and 0 <= value <= 1)
        ]
        if not (_is_number(self.sigma) and self.sigma > 0):
            problems.append(Problem("sigma", f"is {self.sigma!r}", "use a number above 0, such as 0.5"))
        if self.max_per_image is not None and (type(self.max_per_image) is not int or self.max_per_image < 1):
            remedy = "use a whole number above 0, or leave it out to keep all boxes"
            problems.append(Problem("max_per_image", f"is {self.max_per_image!r}", remedy))
        return problems

    def _weight_problems(self) -> list[Problem]:
        if self.weights is None:
            return []
        bad = [weight for weight in self.weights if not (_is_number(weight) and weight >= 0)]
        if bad:
            return [Problem("weights", f"holds {counted(bad)}", "use finite numbers from 0 on; 0 leaves a member out")]
        if not any(weight > 0 for weight in self.weights):
            return [Problem("weights", "has no weight above 0", "give at least one member a weight above 0")]
        return []

    def check_against(self, members: int, class_names: Sequence[str]) -> None:
        """Compare with what is to be fused.

        Args:
            members: Number of members.
            class_names: Classes of the annotation file.

        Raises:
            InputError: Another number of weights or fitted curves than members, or classes that the file lacks;
                all problems together.
        """
        problems = []
        if self.weights is not None and len(self.weights) != members:
            what = f"holds {len(self.weights)} numbers for {members} members"
            problems.append(Problem("weights", what, "give one a member, in their order"))
        if self.rescale in FITTED_RESCALES and len(self.curves) != members:
            what = f"{self.rescale!r} has curves of {len(self.curves)} members for {members} members"
            problems.append(
                Problem("rescale", what, "fit them: --oof with the members' OOF files, --oof-ann train.json")
            )
        for name in self.class_iou_thr:
            if name not in class_names:
                remedy = nearest(name, class_names) or f"the classes are {counted(class_names, limit=20)}"
                problems.append(
                    Problem("iou_thr", f"names the class {name!r}, which the annotation file lacks", remedy)
                )
        if problems:
            raise InputError(problems)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
