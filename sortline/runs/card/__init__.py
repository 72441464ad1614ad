"""One page about a run: scores, curves, errors, photos, what it changed and what it ran on."""
