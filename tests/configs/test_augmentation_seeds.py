"""All that augmentation draws follows from the seed: another process, with other orders of sets, draws the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

pytestmark = [pytest.mark.mm, pytest.mark.slow]

DRAW = """
import hashlib, sys
sys.path[:0] = [".", "tools"]
import _bootstrap
from pathlib import Path
from sortline.pipeline.prepare import check_run, draft_run
from sortline.pipeline.preview import draw_samples
from sortline.pipeline.request import RunRequest

data, work_dir, seed = sys.argv[1:]
for path in sorted(Path("configs/augment").glob("*.py")):
    request = RunRequest(str(path), data_root=data, work_dir=work_dir, seed=int(seed))
    cfg = check_run(draft_run(request)).cfg
    digest = hashlib.sha256()
    for sample in draw_samples(cfg, 4):
        for array in (sample.image, sample.objects.boxes_xyxy, sample.objects.labels):
            digest.update(array.tobytes())
    print("drawn", path.stem, digest.hexdigest())
"""


def drawn(data: Path, work_dir: Path, seed: int, hash_seed: int) -> dict[str, str]:
    """Return a digest of the samples that each augmentation config draws."""
    result = subprocess.run(
        [sys.executable, "-c", DRAW, str(data), str(work_dir), str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return dict(line.split()[1:] for line in result.stdout.splitlines() if line.startswith("drawn "))


def test_the_seed_alone_decides_what_augmentation_draws(make_dataset, tmp_path):
    data = make_dataset()
    first = drawn(data, tmp_path / "run", seed=0, hash_seed=1)
    assert len(first) == len(list((ROOT / "configs/augment").glob("*.py")))
    assert drawn(data, tmp_path / "run", seed=0, hash_seed=2) == first
    other = drawn(data, tmp_path / "run", seed=1, hash_seed=1)
    assert [name for name in first if other[name] == first[name]] == []
