"""Look at what a training pipeline feeds the model, before any training."""

from custom_modules.preview.grid import draw_grid
from custom_modules.preview.samples import Drawn, draw_samples, summary

__all__ = ["Drawn", "draw_grid", "draw_samples", "summary"]
