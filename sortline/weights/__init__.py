"""Weights that a config starts from: which, where from, fetched and checked."""
