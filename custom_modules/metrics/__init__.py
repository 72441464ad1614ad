"""Metrics registered in mmdet's registry."""

from custom_modules.metrics.contest_metric import ContestMetric

__all__ = ["ContestMetric"]
