"""Annotation files: read, validate, split, draw. Free of torch and mm*."""
