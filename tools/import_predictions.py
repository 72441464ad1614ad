"""Turn another framework's predictions into COCO results on this repository's annotation file, for the ensemble.

Images are matched by file name, never by position. What can't be matched is refused, not left out.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

if TYPE_CHECKING:
    from sortline.data.annotations import CocoJson
    from sortline.predictions.foreign_predictions import Imported

#: The options that each kind of source takes beside those of all.
OPTIONS = {
    "detectron2": ("their_ann", "category_ids"),
    "yolo-json": ("classes", "first_class"),
    "yolo-txt": ("classes",),
}
EXAMPLES = """examples:
  Detectron2, evaluated on a json of its own:
  python tools/import_predictions.py coco_instances_results.json --from detectron2 --their-ann theirs.json \\
      --ann data/recycle/test.json --out predictions/detectron2.bbox.json

  Ultralytics, from  yolo predict ... save_txt=True save_conf=True:
  python tools/import_predictions.py runs/detect/predict/labels --from yolo-txt --classes data.yaml \\
      --ann data/recycle/test.json --out predictions/yolo.bbox.json

  Ultralytics, from  yolo val ... save_json=True:
  python tools/import_predictions.py runs/detect/val/predictions.json --from yolo-json --classes data.yaml \\
      --ann data/recycle/train.json --out predictions/yolo.bbox.json
"""


def main(argv: list[str] | None = None) -> Path:
    """Convert as the command line says and return the file written."""
    args = parse_args(argv)

    from sortline.data.annotations import read_annotations
    from sortline.predictions.results import check_results, note_on_outside, write_results
    from sortline.reports.numbers import some

    annotations = read_annotations(args.ann)
    imported = read_source(args, annotations)
    results = imported.results
    check_results(results, annotations, str(args.source))
    write_results(args.out, results)
    images = len(set(results.image_ids.tolist()))
    classes = len(set(results.category_ids.tolist()))
    found = f"{some(len(results), 'box')} of {some(classes, 'class')}"
    print(f"{args.out}: {found} on {images:,} of {some(len(annotations['images']), 'image')}")
    for note in (*imported.notes, *note_on_outside(results, annotations)):
        print(f"  {note}")
    return args.out


def read_source(args: argparse.Namespace, annotations: "CocoJson") -> "Imported":
    from sortline.data.annotations import read_annotations
    from sortline.data.formats.yolo_files import class_names, load_yaml
    from sortline.predictions.detectron2_predictions import read_detectron2
    from sortline.predictions.yolo_predictions import read_yolo_json, read_yolo_txt

    if args.source_format == "detectron2":
        theirs = read_annotations(args.their_ann) if args.their_ann else None
        where = str(args.their_ann or args.ann)
        return read_detectron2(args.source, annotations, theirs, where, args.category_ids or "dataset")
    names = class_names(load_yaml(args.classes), args.classes) if args.classes else None
    if args.source_format == "yolo-json":
        return read_yolo_json(args.source, annotations, names, str(args.classes), args.first_class)
    return read_yolo_txt(args.source, annotations, names, str(args.classes))


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="file or folder of predictions")
    parser.add_argument("--from", dest="source_format", required=True, choices=list(OPTIONS), help="what wrote it")
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images that were predicted")
    parser.add_argument("--out", required=True, type=Path, help="COCO results to write, .json")
    detectron2 = parser.add_argument_group("detectron2")
    detectron2.add_argument("--their-ann", type=Path, help="the json that it was evaluated on, if it is not --ann")
    detectron2.add_argument(
        "--category-ids",
        choices=("dataset", "contiguous"),
        help="whether category_id is an id of that json (default) or counts from 0 in ascending order of these",
    )
    yolo = parser.add_argument_group("yolo-json, yolo-txt")
    yolo.add_argument(
        "--classes", metavar="YAML", type=Path, help="data.yaml of the training (default: order of --ann)"
    )
    yolo.add_argument("--first-class", type=int, choices=(0, 1), help="yolo-json: id of the first class, if in doubt")
    args = parser.parse_args(argv)
    for name in {name for names in OPTIONS.values() for name in names} - set(OPTIONS[args.source_format]):
        if getattr(args, name) is not None:
            parser.error(f"--{name.replace('_', '-')} does not go with --from {args.source_format}")
    if args.out.suffix.lower() != ".json":
        parser.error(f"--out {args.out} does not end in .json")
    read = [args.source, args.ann, args.their_ann, args.classes]
    if args.out.resolve() in {path.resolve() for path in read if path}:
        parser.error(f"--out {args.out} would overwrite what is read")
    return args


if __name__ == "__main__":
    run_tool(main)
