"""Results files: read, submit, check, score. Free of torch and mm*."""
