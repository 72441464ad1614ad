"""How often each image is drawn for training, and what was drawn."""
