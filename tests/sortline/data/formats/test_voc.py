import pytest
from helpers import CLASSES, coco
from PIL import Image

from sortline.data.formats.base import ReadOptions, Split, WriteOptions
from sortline.data.formats.voc import plan, read
from sortline.data.formats.voc_xml import print_file
from sortline.errors import InputError

OBJECT = "<object><name>cat</name><bndbox>{}</bndbox></object>"
CORNERS = "<xmin>5</xmin><ymin>6</ymin><xmax>35</xmax><ymax>25.5</ymax>"
OBJECTS = OBJECT.format(CORNERS)
SIZE = "<size><width>64</width><height>48</height></size>"


def xml(name="a.jpg", size=SIZE, objects=OBJECTS):
    return f"<annotation><filename>{name}</filename>{size}{objects}</annotation>"


@pytest.fixture
def folder(tmp_path):
    """Write xml files below ``Annotations`` and read them."""

    def make(files, **options):
        for name, text in files.items():
            path = tmp_path / "Annotations" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return read(tmp_path, ReadOptions(**options))

    return make


def written(content, tmp_path, **options):
    split = Split("train", content, tmp_path, (tmp_path / "train.json",))
    return plan([split], tmp_path / "out", WriteOptions(**options))


@pytest.mark.parametrize(("origin", "left", "top"), [(1, 4.5 + 1, 5 + 1), (0, 4.5, 5)])
def test_corners_by_origin(origin, left, top):
    image = {"file_name": "train/a b.jpg", "width": 64, "height": 48}
    text = print_file(image, [("Big dog", {"bbox": [4.5, 5, 30, 20], "difficult": 1})], origin)
    for line in (
        "<filename>train/a b.jpg</filename>",
        f"<xmin>{left:g}</xmin>",
        f"<ymin>{top:g}</ymin>",
        f"<xmax>{4.5 + 30:g}</xmax>",
        f"<ymax>{5 + 20}</ymax>",
        "<difficult>1</difficult>",
        "<truncated>0</truncated>",
    ):
        assert line in text


def test_whole_corners_are_those_of_hotcoco(tmp_path):
    import hotcoco

    content = coco()
    hotcoco.COCO(content).to_voc(str(tmp_path / "reference"))
    splits = read(tmp_path / "reference", ReadOptions())
    boxes = [box["bbox"] for box in splits[0].annotations["annotations"]]
    assert boxes == [box["bbox"] for box in content["annotations"]]
    assert [category["name"] for category in splits[0].annotations["categories"]] == list(CLASSES)


def test_foreign_files_count_from_one_and_say_so(folder):
    (split,) = folder({"a.xml": xml()})
    assert split.annotations["annotations"][0]["bbox"] == [5 - 1, 6 - 1, 35 - (5 - 1), 25.5 - (6 - 1)]
    assert any("counted from 1" in note for note in split.notes)


def test_zero_based_files_are_read_when_told(folder):
    (split,) = folder({"a.xml": xml()}, voc_origin=0)
    assert split.annotations["annotations"][0]["bbox"] == [5, 6, 35 - 5, 25.5 - 6]


def test_a_corner_below_one_disproves_the_standard(folder):
    zero = xml(objects=OBJECT.format(CORNERS.replace(">5<", ">0<")))
    with pytest.raises(InputError, match=r"1 of 1 box begin below pixel 1(.|\n)*--voc-zero-based"):
        folder({"a.xml": zero})
    assert folder({"a.xml": zero}, voc_origin=0)[0].annotations["annotations"][0]["bbox"][0] == 0


def test_keys_of_objects_are_kept(folder):
    marks = "<pose>Left</pose><difficult>1</difficult><truncated>0</truncated><iscrowd>1</iscrowd><area>9.5</area>"
    (split,) = folder({"a.xml": xml(objects=OBJECTS.replace("<bndbox>", f"{marks}<bndbox>"))})
    (box,) = split.annotations["annotations"]
    assert (box["pose"], box["difficult"], box["iscrowd"], box["area"]) == ("Left", 1, 1, 9.5)
    assert "truncated" not in box


def test_a_bare_file_name_gets_the_folder_of_its_xml(folder):
    (split,) = folder({"train/0001.xml": xml("0001.jpg"), "test/0001.xml": xml("0001.jpg")})
    assert sorted(image["file_name"] for image in split.annotations["images"]) == ["test/0001.jpg", "train/0001.jpg"]


def test_windows_separators_are_understood(folder):
    (split,) = folder({"a.xml": xml("train\\0001.jpg")})
    assert split.annotations["images"][0]["file_name"] == "train/0001.jpg"


def test_a_size_that_the_xml_lacks_is_the_photos(folder, tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    photo = Image.new("RGB", (48, 64))
    exif = photo.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    photo.save(tmp_path / "JPEGImages" / "a.jpg", exif=exif)
    (split,) = folder({"a.xml": xml(size="<size><width>0</width><height>0</height></size>")})
    image = split.annotations["images"][0]
    assert (image["width"], image["height"]) == (64, 48)


def test_lists_of_names_are_the_splits(folder, tmp_path):
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\r\nx/b c\n")
    (lists / "val.txt").write_text("d\n")
    files = {"a.xml": xml("a.jpg"), "x/b c.xml": xml("b c.jpg"), "d.xml": xml("d.jpg"), "e.xml": xml("e.jpg")}
    train, val = folder(files)
    assert [image["file_name"] for image in train.annotations["images"]] == ["a.jpg", "x/b c.jpg"]
    assert [image["file_name"] for image in val.annotations["images"]] == ["d.jpg"]
    assert "left out 1 xml file that no list in ImageSets/Main names" in train.notes
    assert [split.name for split in folder({}, split="val")] == ["val"]
    with pytest.raises(InputError, match="has no split 'test'"):
        folder({}, split="test")


def test_a_list_that_names_an_absent_file_is_refused(folder, tmp_path):
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match=r"train.txt:2: names an xml file that is absent: b.xml"):
        folder({"a.xml": xml()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><filename>", "a.xml:1: is not XML"),
        ("", "a.xml:1: is not XML"),
        ("<CATALOG/>", "the outermost element is not <annotation>"),
        (xml(name=""), "no <filename>"),
        (xml(name="\n  "), "no <filename>"),
        (xml(size="<size><width>x</width><height>1</height></size>"), "a <size> that is not positive whole numbers"),
        (xml(size=""), "a.jpg: a missing photo"),
        (xml(objects="<object><name>cat</name></object>"), "a.xml object 1: a <bndbox> that is not four numbers"),
        (xml(objects=OBJECT.format(CORNERS.replace(">5<", ">five<"))), "a <bndbox> that is not four numbers: 'five'"),
        (xml(objects=OBJECTS.replace("cat", "")), "an object without <name>"),
        (xml(objects=OBJECT.format(CORNERS.replace(">5<", ">36<"))), "a box without area"),
        (xml(objects=OBJECT.format(CORNERS.replace(">35<", ">66<"))), "outside the image"),
        (
            xml(objects=OBJECTS.replace("<bndbox>", "<difficult>x</difficult><area>y</area><bndbox>")),
            "a <difficult> that is neither 0 nor 1: 'x'",
        ),
    ],
)
def test_bad_files_are_named(folder, text, message):
    with pytest.raises(InputError) as error:
        folder({"a.xml": text, "b.xml": xml("b.jpg")})
    assert message in str(error.value)


def test_entities_are_never_expanded(folder):
    bomb = '<!DOCTYPE a [<!ENTITY x "cat"><!ENTITY y "&x;&x;">]>' + xml()
    with pytest.raises(InputError, match="a DOCTYPE, which may declare entities"):
        folder({"a.xml": bomb.replace("cat</name>", "&y;</name>")})


def test_all_files_problems_come_together(folder):
    with pytest.raises(InputError) as error:
        folder({"a.xml": "<a", "b.xml": xml("b.jpg", objects=OBJECT.format("")), "c.xml": xml("b.jpg")})
    message = str(error.value)
    assert "a.xml:1" in message
    assert "b.xml object 1" in message
    assert "c.xml: a second xml for one image: b.jpg" in message


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no xml files"):
        read(tmp_path, ReadOptions())
    with pytest.raises(InputError, match="is not a folder"):
        read(tmp_path / "absent", ReadOptions())


def test_the_layout_mirrors_folders_and_keeps_like_names_apart(tmp_path):
    content = coco(images=3)
    for image, name in zip(content["images"], ("a/1.jpg", "a/1.png", "b/1.jpg"), strict=True):
        image["file_name"] = name
    made = written(content, tmp_path)
    assert list(made.texts) == [
        "Annotations/a/1.jpg.xml",
        "Annotations/a/1.png.xml",
        "Annotations/b/1.xml",
        "ImageSets/Main/train.txt",
        "classes.txt",
    ]
    assert list(made.photos) == ["JPEGImages/a/1.jpg", "JPEGImages/a/1.png", "JPEGImages/b/1.jpg"]
    assert made.texts["ImageSets/Main/train.txt"] == "a/1.jpg\na/1.png\nb/1\n"
