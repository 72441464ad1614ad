"""What trackers are told of a run, whichever tracker it is."""
