"""From predictions of unlabelled images to an annotation file that training takes as a further source."""
