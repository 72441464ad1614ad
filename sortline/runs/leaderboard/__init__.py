"""All runs in one table: found by their run.json, scored with intervals, told by what they changed."""
