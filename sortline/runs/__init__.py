"""Run folders and what is told about a run. Free of torch and mm*."""
