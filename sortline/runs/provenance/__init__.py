"""What a run depended on: recorded, compared with today's, kept free of secrets."""
