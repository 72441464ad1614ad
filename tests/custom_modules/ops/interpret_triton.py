"""Run by a test in a process of its own, where ``TRITON_INTERPRET=1`` executes the kernels on the CPU."""

import json

import attention_cases
import torch

import custom_modules  # noqa: F401

SIZES = {
    "plain": {},
    "several blocks": dict(queries=19, points=3),
    "channels that are no power of two": dict(channels=5, heads=1),
    "one image, one query": dict(batch=1, queries=1, channels=1),
    "no queries": dict(queries=0),
}

if __name__ == "__main__":
    found = {name: attention_cases.differences("cpu", torch.float64, **sizes) for name, sizes in SIZES.items()}
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        found[str(dtype)] = attention_cases.differences("cpu", dtype)
    print(json.dumps(found))
