from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sortline.data.drawing import true_boxes
from sortline.errors import InputError
from sortline.predictions.draw_results import choose_images, comparison_sheet, draw_results
from sortline.predictions.results import Results
from sortline.reports.palette import class_colour

CLASSES = ["Paper", "Metal", "Glass"]
GREY = 120


def grey_photo(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def annotations(boxes: list[tuple[int, int]] = ((0, 0), (1, 1), (2, 2)), images: int = 3) -> dict[str, Any]:
    """Make a file of ``images`` photos with a box for each (image, category) pair; category ids start at 10."""
    return {
        "images": [{"id": i, "file_name": f"test/{i:04d}.jpg", "width": 300, "height": 200} for i in range(images)],
        "categories": [{"id": 10 + i, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [
            {"id": n, "image_id": image, "category_id": 10 + label, "bbox": [100.0, 80.0, 60.0, 50.0]}
            for n, (image, label) in enumerate(boxes)
        ],
    }


def detections(score: float = 0.9, image_id: int = 0) -> Results:
    return Results.from_arrays([image_id], [11], [[100, 80, 60, 50]], [score])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "in" / "test").mkdir(parents=True)
    for index in range(3):
        Image.fromarray(grey_photo()).save(tmp_path / "in" / "test" / f"{index:04d}.jpg")
    return tmp_path / "in"


def test_every_photo_of_the_file_is_drawn_under_its_own_name(photos: Path, tmp_path: Path) -> None:
    count = draw_results(annotations(), detections(), photos, tmp_path / "out")
    assert count == 3
    names = sorted(path.name for path in (tmp_path / "out" / "test").iterdir())
    assert names == ["0000.jpg", "0001.jpg", "0002.jpg"]
    changed = [np.ptp(np.asarray(Image.open(tmp_path / "out" / "test" / name)).astype(int)) > 60 for name in names]
    assert changed == [True, False, False]


def test_boxes_below_the_threshold_are_left_out(photos: Path, tmp_path: Path) -> None:
    draw_results(annotations(), detections(score=0.29), photos, tmp_path / "out", score_thr=0.3)
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "test" / "0000.jpg"))) < 10


def test_photos_are_never_drawn_over(photos: Path) -> None:
    with pytest.raises(InputError, match="holds the photos themselves"):
        draw_results(annotations(), detections(), photos, photos / "test" / "..")


@pytest.mark.parametrize("lead", ["{folder}/test", "../in/test", "test/../../in/test"])
def test_a_name_that_leads_elsewhere_is_drawn_into_the_folder(photos: Path, tmp_path: Path, lead: str) -> None:
    content = annotations()
    for image in content["images"]:
        image["file_name"] = image["file_name"].replace("test", lead.format(folder=photos), 1)
    before = {path: path.read_bytes() for path in photos.rglob("*.jpg")}
    assert draw_results(content, detections(), photos, tmp_path / "out" / "drawn") == 3
    assert {path: path.read_bytes() for path in photos.rglob("*.jpg")} == before
    drawn = sorted((tmp_path / "out" / "drawn").iterdir())
    assert [path.name for path in drawn] == ["0000.jpg", "0001.jpg", "0002.jpg"]
    assert len(list(tmp_path.rglob("*.jpg"))) == 3 + 3


def test_photos_of_one_name_in_two_folders_keep_apart(photos: Path, tmp_path: Path) -> None:
    (photos / "more").mkdir()
    Image.fromarray(grey_photo()).save(photos / "more" / "0000.jpg")
    content = annotations(images=2)
    content["images"][0]["file_name"] = str(photos / "more" / "0000.jpg")
    content["images"][1]["file_name"] = "test/0000.jpg"
    draw_results(content, detections(), photos, tmp_path / "out")
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg"))
    assert found == ["more/0000.jpg", "test/0000.jpg"]


@pytest.mark.parametrize("again", ["test/0000.jpg", "./test/0000.jpg", "test/x/../0000.jpg"])
def test_two_photos_of_one_name_are_refused(photos: Path, tmp_path: Path, again: str) -> None:
    content = annotations()
    content["images"][2]["file_name"] = again
    with pytest.raises(InputError, match=r"one drawing for two photos: test/0000\.jpg\n.*list each photo once"):
        draw_results(content, detections(), photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_leads_to_the_photos_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "test").symlink_to(photos / "test")
    with pytest.raises(InputError, match=r"holds the photos themselves, which drawing would replace: .*/in/test/0000"):
        draw_results(annotations(), detections(), photos, tmp_path / "out")


def test_a_sheet_is_a_png_with_a_row_for_two_photos(photos: Path, tmp_path: Path) -> None:
    sizes = {}
    for count in (1, 2, 3):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png", photos=count)
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.format == "PNG"
            sizes[count] = sheet.size
    assert sizes[2][0] == sizes[1][0]
    assert sizes[2][1] > sizes[1][1]
    assert sizes[3][0] > sizes[2][0]
    assert sizes[3][1] == sizes[2][1]


def test_a_sheet_shows_what_was_annotated_and_what_was_predicted(photos: Path, tmp_path: Path) -> None:
    def colours_in_halves(results: Results) -> list[bool]:
        out = tmp_path / "sheet.png"
        comparison_sheet(annotations([(0, 0)], images=1), results, photos, out, photos=1)
        sheet = np.asarray(Image.open(out).convert("RGB"))[80:-60]
        half = sheet.shape[1] // 2
        found = []
        for part, label in ((sheet[:, :half], 0), (sheet[:, half:], 1)):
            found.append(bool((part == class_colour(label)).all(axis=-1).any()))
        return found

    assert colours_in_halves(detections()) == [True, True]
    assert colours_in_halves(Results.empty()) == [True, False]


def test_a_sheet_without_annotations_or_detections_can_be_drawn(photos: Path, tmp_path: Path) -> None:
    comparison_sheet(annotations([]), Results.empty(), photos, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_an_absent_photo_is_named_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    (photos / "test" / "0001.jpg").unlink()
    with pytest.raises(InputError, match=r"0001\.jpg: no such image"):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_an_unreadable_photo_is_named(photos: Path, tmp_path: Path) -> None:
    path = photos / "test" / "0001.jpg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"0001\.jpg: is not a readable image"):
        draw_results(annotations(), detections(), photos, tmp_path / "out")


def test_no_photos_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1"):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png", photos=0)


def test_chosen_photos_show_all_classes_between_them() -> None:
    crowd = [(0, 0)] * 5 + [(1, 0)] * 5 + [(2, 0), (3, 1), (4, 2), (4, 0)]
    content = annotations(crowd, images=6)
    chosen = choose_images(content, true_boxes(content), 2)
    assert [image["id"] for image in chosen] == [3, 4]
    assert len(choose_images(content, true_boxes(content), 99)) == 6
