"""Files of weights: read safely, compared, averaged, taken over from other frameworks."""
