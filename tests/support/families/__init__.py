"""MMDetection's architecture families, made tiny and tried one by one: they build, train a step and predict."""
