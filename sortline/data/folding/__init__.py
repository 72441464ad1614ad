"""Folds and holdouts: which images validate, balanced and without leaks."""
