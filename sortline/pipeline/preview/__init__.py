"""Look at what a training pipeline feeds the model, before any training."""

from sortline.pipeline.preview.drawn import Drawn
from sortline.pipeline.preview.grid import draw_grid
from sortline.pipeline.preview.samples import draw_samples, summary

__all__ = ["Drawn", "draw_grid", "draw_samples", "summary"]
