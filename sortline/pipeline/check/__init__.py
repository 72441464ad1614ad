"""The one check of a config, before any weight is built: all its problems together."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.config import Config

from sortline.errors import Problem
from sortline.pipeline.bind import PARTS
from sortline.pipeline.check.data import check_data
from sortline.pipeline.check.keys import check_keys, check_values
from sortline.pipeline.check.training import check_loops, check_schedule, check_secrets, check_training
from sortline.pipeline.registered import Schema, load_schema, own_imports
from sortline.pipeline.tta import check_tta


def check(
    edited: Config,
    bound: Config | None = None,
    parts: Sequence[str] = PARTS,
    overrides: Sequence[str] = (),
    schema: Schema | None = None,
    recorded: bool = False,
) -> list[Problem]:
    """Find everything that is wrong with a config.

    Args:
        edited: The config as composed and edited, its values of the right kinds (:func:`check_kinds`). Keys are
            looked at here, since binding writes some values to several places.
        bound: The same config after binding: whose files are looked at. None where it could not be bound, or where
            files don't count.
        parts: Loaders whose files are checked.
        overrides: Keys given with ``--cfg-options``.
        schema: What registered types accept; learnt by importing what the config names unless given.
        recorded: The config comes from a run's record, and no file tells which variables it uses.
    """
    schema = schema or load_schema(own_imports(edited))
    problems = check_values(edited, schema) if recorded else check_keys(edited, schema, overrides)
    for find in (check_loops, check_schedule, check_tta, check_training, check_secrets):
        problems += find(edited)
    return problems + (check_data(bound, tuple(parts)) if bound is not None else [])
