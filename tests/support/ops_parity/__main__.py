"""Compare every op that Sortline serves with mmcv's compiled extension, and write the record.

``make test-ops-parity`` builds the extension in a folder of its own and runs this there:

    PYTHONPATH=.:tests/support .venv-parity/bin/python -m ops_parity docs/ops_parity.json
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from custom_modules.ops import implementation
from sortline.cli import run_tool
from sortline.errors import InputError, Problem
from sortline.files import write_json


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Compare, print the table and write the record; exit with status 1 on an unexplained difference."""
    parser = argparse.ArgumentParser(prog="python -m ops_parity", description=__doc__.splitlines()[0])
    parser.add_argument("record", type=Path, help="JSON file to write")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: cuda where there is a GPU")
    args = parser.parse_args(argv)
    name, reason = implementation()
    if name != "compiled":
        raise InputError(
            Problem("mmcv", f"nothing to compare with: {reason}", "run `make test-ops-parity`, which builds it")
        )

    import torch
    from ops_parity.compare import compare_all, print_table

    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    record, failures = compare_all(device)
    print_table(record)
    write_json(args.record, record, indent=2)
    print(f"wrote {args.record}")
    if failures:
        print("\n".join(failures), file=sys.stderr)
        sys.exit(1)
    return record


if __name__ == "__main__":
    run_tool(main)
