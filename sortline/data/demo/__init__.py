"""The demo's photos, drawn by program."""
