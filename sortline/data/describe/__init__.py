"""What a dataset holds, as numbers, charts and one page that opens offline. Free of torch and mm*."""
