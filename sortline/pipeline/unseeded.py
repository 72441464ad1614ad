"""Parts of a config whose random numbers don't follow the seed."""

from __future__ import annotations

from mmengine.config import Config

from sortline.nested import dicts_below

#: Types that draw from generators of their own, and what takes their place.
UNSEEDED = {"Albu": "RandomAlbumentations"}
PLACES = ("train_pipeline", "train_pipeline_stage2", "train_dataloader")


def unseeded_lines(cfg: Config) -> list[str]:
    """Warn of what makes every run another one, whatever its seed: a line for the log, or none.

    albumentations draws from generators of its own (https://albumentations.ai/docs/4-advanced-guides/reproducibility),
    which mmdet's ``Albu`` doesn't seed; forked workers get equal copies of them, so that all draw alike.
    """
    for part in PLACES:
        for place, node in dicts_below(cfg.get(part), part):
            name = str(node.get("type")).rpartition(".")[2]
            if name in UNSEEDED:
                return [
                    f"warning: {place}: {name} draws random numbers that no seed reaches: the run can't be repeated. "
                    f"{UNSEEDED[name]} takes the same transforms and follows the seed"
                ]
    return []
