"""Sortline's library: annotation files, predictions, run folders, weights, and a run's way from request to training."""
