"""Is one run better than another? Runs read, compared on the same images, and what comes of it as text and pictures."""
