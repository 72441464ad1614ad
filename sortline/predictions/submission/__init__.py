"""The contest's submission CSV: written from results, read back without loss, and checked.

The file has the header ``PredictionString,image_id`` and a row for every image. ``image_id`` is the image's
``file_name``; the string holds ``label score xmin ymin xmax ymax`` for each box, separated by blanks, in
absolute pixels, and is empty for an image without boxes. The label is the ``category_id``.
"""

from sortline.predictions.submission.check import SubmissionReport, check_submission, inspect_submission
from sortline.predictions.submission.read import read_submission, to_results
from sortline.predictions.submission.summary import SubmissionSummary
from sortline.predictions.submission.write import empty_file_size, text_sizes, write_submission

__all__ = [
    "SubmissionReport",
    "SubmissionSummary",
    "check_submission",
    "empty_file_size",
    "inspect_submission",
    "read_submission",
    "text_sizes",
    "to_results",
    "write_submission",
]
