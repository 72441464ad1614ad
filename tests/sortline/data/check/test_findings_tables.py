import json

from helpers import coco
from rich.console import Console

from sortline.data.check.checking import check_sources
from sortline.data.check.findings_tables import printable, report_json, report_table
from sortline.data.check.source import source_of


def report():
    data = coco()
    data["images"][1]["file_name"] = "[red]\x1b\ud83d/\\.jpg"
    data["annotations"][2]["bbox"] = [1, 2, 0, 4]
    return check_sources([source_of(data, "train.json", None)])


def test_the_json_has_every_place():
    content = json.loads(json.dumps(report_json(report())))
    assert set(content) == {"version", "files", "summary", "findings"}
    assert content["summary"] == {"error": 2, "warning": 2, "note": 1}
    finding = next(finding for finding in content["findings"] if finding["kind"] == "box-empty")
    assert set(finding) == {"kind", "severity", "file", "what", "count", "remedy", "repair", "places"}
    assert finding["places"] == [
        {"section": "annotations", "row": 2, "id": 2, "file_name": "train/0002.jpg", "detail": "bbox [1, 2, 0, 4]"}
    ]


def test_the_table_fits_80_columns_and_prints_names_as_they_are():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report_table(report()))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "2 errors, 2 warnings, 1 note" in text
    assert "annotation 2 in train/0002.jpg: bbox [1, 2, 0, 4]" in text


def test_odd_letters_are_shown_as_escapes():
    assert printable("a\x1b[31m\ud83d\n") == "a\\x1b[31m\\ud83d\\n"
