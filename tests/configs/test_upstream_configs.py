"""The checker against all configs that ship with mmdet: it must refuse only those that can't run."""

from pathlib import Path

import mmdet
import pytest

from sortline.errors import InputError
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.compose import load_config
from sortline.pipeline.registered import load_schema

pytestmark = [pytest.mark.mm, pytest.mark.slow]

SHIPPED = Path(mmdet.__file__).parent / ".mim/configs"
# Why a shipped config is refused: each names something that its receiver does not take, or is not installed.
DEFECTS = {
    "Resize takes no 'img_scale'": "keys of mmdet 2",
    "RandomFlip takes no 'flip_ratio'": "keys of mmdet 2",
    "DefaultFormatBundle": "a transform of mmdet 2",
    "Collect": "a transform of mmdet 2",
    "MultiScaleFlipAug takes no": "keys of mmdet 2",
    "takes no 'sampling'": "StageCascadeRPNHead has no such argument",
    "takes no 'eval_mode'": "CocoMetric has no such argument",
    "takes no 'force_grad_on_level'": "FPN has no such argument",
    "MOTChallengeMetrics": "misspelt upstream",
    "BaseReID takes no": "a placeholder without mmpretrain",
    "mmpretrain.": "needs mmpretrain",
    "LoadOneDLSegmentation": "needs the package onedl",
}
MISSING_BASES = ("bytetrack", "sort")


def test_only_configs_that_cannot_run_are_refused():
    schema = load_schema()
    unexplained = []
    paths = [path for path in sorted(SHIPPED.glob("*/*.py")) if path.parent.name != "_base_"]
    for path in paths:
        try:
            problems = check_keys(load_config(path), schema)
        except InputError:
            assert path.parent.name in MISSING_BASES
            continue
        unexplained += [str(problem) for problem in problems if not any(known in str(problem) for known in DEFECTS)]
    assert unexplained == []
    assert len(paths) > 700
