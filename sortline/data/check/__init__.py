"""What ruins a run in silence: found in annotation files and photos, reported, repaired where one answer is right."""
