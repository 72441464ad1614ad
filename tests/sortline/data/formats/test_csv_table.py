import pytest
from helpers import coco

from sortline.data.formats.base import ReadOptions, Split, WriteOptions
from sortline.data.formats.csv_table import plan, read
from sortline.errors import InputError

HEADER = "file_name,width,height,class,xmin,ymin,xmax,ymax"


@pytest.fixture
def table(tmp_path):
    """Write rows and read them; returns the only split."""

    def make(*rows, header=HEADER, **options):
        path = tmp_path / "train.csv"
        path.write_text("\n".join([header, *rows, ""]))
        (split,) = read(path, ReadOptions(**options))
        return split

    return make


def written(content, tmp_path, **options):
    split = Split("train", content, tmp_path, (tmp_path / "train.json",))
    return plan([split], tmp_path / "out", WriteOptions(**options)).texts


def test_a_row_a_box_and_one_for_an_image_without(tmp_path):
    content = coco(images=2)
    content["annotations"][0] |= {"bbox": [197.6, 10, 547.8, 20], "area": 547.8 * 20}
    del content["annotations"][1]
    content["images"][1]["file_name"] = 'a "b", c.jpg'
    texts = written(content, tmp_path)
    assert texts["train.csv"].splitlines() == [
        HEADER,
        "train/0000.jpg,64,48,General trash,197.6,10,745.4,30",
        '"a ""b"", c.jpg",64,48,,,,,',
    ]
    assert texts["classes.txt"].splitlines()[:2] == ["General trash", "Paper"]


def test_columns_for_crowds_and_areas_only_when_needed(tmp_path):
    content = coco(images=2)
    content["annotations"][1] |= {"iscrowd": 1, "area": 77.5}
    lines = written(content, tmp_path)["train.csv"].splitlines()
    assert lines[0] == f"{HEADER},iscrowd,area"
    assert lines[1].endswith(",0,")
    assert lines[2].endswith(",1,77.5")


def test_the_widespread_header_in_any_order_is_read(table):
    split = table("cat,x/a.jpg,1,2,31,22.5,64,48", header="class,filename,xmin,ymin,xmax,ymax,width,height")
    assert split.annotations["images"] == [{"id": 0, "file_name": "x/a.jpg", "width": 64, "height": 48}]
    (box,) = split.annotations["annotations"]
    assert box["bbox"] == [1, 2, 31 - 1, 22.5 - 2]
    assert box["area"] == 30 * 20.5


def test_rows_of_one_image_may_be_apart(table):
    split = table("a.jpg,64,48,cat,1,1,9,9", "b.jpg,64,48,,,,,", "a.jpg,64,48,dog,1,1,9,9")
    assert [image["file_name"] for image in split.annotations["images"]] == ["a.jpg", "b.jpg"]
    assert [box["image_id"] for box in split.annotations["annotations"]] == [0, 0]


def test_classes_go_by_name_then_by_the_list_beside_then_by_the_option(table, tmp_path):
    rows = ["a.jpg,64,48,dog,1,1,9,9", "a.jpg,64,48,cat,1,1,9,9"]
    split = table(*rows)
    assert [category["name"] for category in split.annotations["categories"]] == ["cat", "dog"]
    assert "order of their names" in split.notes[0]
    (tmp_path / "classes.txt").write_text("dog\nbird\ncat\n")
    split = table(*rows)
    assert [category["name"] for category in split.annotations["categories"]] == ["dog", "bird", "cat"]
    assert [box["category_id"] for box in split.annotations["annotations"]] == [0, 2]
    split = table(*rows, classes=("dog", "cat"))
    assert [category["name"] for category in split.annotations["categories"]] == ["dog", "cat"]
    assert split.notes == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,64,48,cat,1,2,x,9", "train.csv:2: corners that are not four numbers: '1', '2', 'x', '9'"),
        ("a.jpg,64,48,cat,1,2,,9", "corners that are not four numbers"),
        ("a.jpg,64,48,cat,1,2,nan,9", "corners that are not four numbers"),
        ("a.jpg,64,48,,1,2,8,9", "train.csv:2: a box without class"),
        ("a.jpg,64,48,cat,8,2,8,9", "a box without area: 0x7 px"),
        ("a.jpg,64,48,cat,8,2,7,9", "a box without area: -1x7 px"),
        ("a.jpg,64,48,cat,8,2,66,9", "a box more than 1 px outside the image: 8,2 to 66,9 of 64x48"),
        ("a.jpg,64,48", "a row without 8 columns: 3 columns"),
        ("a.jpg,,48,cat,1,2,8,9", "width or height that is not a positive whole number: '', '48'"),
        (",64,48,cat,1,2,8,9", "a row without file_name"),
        ('"a.jpg,64,48,cat,1,2,8,9', "is not CSV"),
    ],
)
def test_bad_rows_are_named_with_their_line(table, row, message):
    with pytest.raises(InputError) as error:
        table(row)
    assert message in str(error.value)


def test_all_bad_rows_come_together_and_many_are_counted(table):
    with pytest.raises(InputError) as error:
        table("b.jpg,1", *["a.jpg,64,48,cat,a,b,c,d"] * 15)
    message = str(error.value)
    assert "a row without 8 columns" in message
    assert message.count("corners that are not four numbers: 'a'") == 10
    assert "corners that are not four numbers: 5 more" in message


def test_two_sizes_for_one_image_are_refused(table):
    with pytest.raises(InputError, match=r"csv:3: two sizes for one image: a.jpg is 64x48 and 60x48"):
        table("a.jpg,64,48,cat,1,2,8,9", "a.jpg,60,48,cat,1,2,8,9")


def test_bad_values_of_the_optional_columns_are_named(table):
    with pytest.raises(InputError) as error:
        table("a.jpg,64,48,cat,1,2,8,9,2,big", header=f"{HEADER},iscrowd,area")
    assert "an iscrowd that is neither 0 nor 1: '2'" in str(error.value)
    assert "an area that is not a number: 'big'" in str(error.value)


def test_a_missing_column_is_named_with_the_nearest(table):
    with pytest.raises(InputError) as error:
        table("a.jpg,64,48,cat,1,2,8,9", header="file_name,width,hieght,class,xmin,ymin,xmax,ymax")
    assert "no column 'height' in the header" in str(error.value)
    assert "did you mean 'hieght'?" in str(error.value)


def test_an_empty_table_is_refused(table):
    with pytest.raises(InputError, match="holds no images"):
        table()


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("dog",), "a class that the list of classes lacks: 'cat'"),
        (("cat", "cat"), "--classes: a class is listed more than once: cat"),
        (("cat", ""), "--classes: a class without a name"),
    ],
)
def test_bad_class_lists_are_refused(table, classes, message):
    with pytest.raises(InputError, match=message):
        table("a.jpg,64,48,cat,1,2,8,9", classes=classes)


def test_a_class_list_of_another_dataset_is_not_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "classes.txt").write_text("cat\n")
    with pytest.raises(InputError, match=r"classes.txt: lists other classes: cat"):
        written(coco(), tmp_path)
    assert written(coco(), tmp_path, overwrite=True)
