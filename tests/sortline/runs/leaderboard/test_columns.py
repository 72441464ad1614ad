"""Rows are chosen, sorted and written by the same columns."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from sortline.errors import InputError
from sortline.runs.leaderboard.board import Entry
from sortline.runs.leaderboard.columns import COLUMNS, as_csv, changes_text, ordered, select, tables
from sortline.runs.leaderboard.found_runs import Run
from sortline.runs.settings import Change

RUN = Run(
    Path("a"),
    "configs/rtmdet/s_recycle.py",
    {},
    None,
    True,
    True,
    0.5,
    12,
    3600.0,
    "",
    "",
    None,
    "",
    0,
    "contest/mAP50",
)


def entry(name, cv=0.5, **facts):
    return Entry(name, Path(name), (facts.pop("run", RUN),), facts.pop("state", "finished"), cv, **facts)


def names(entries):
    return [row.name for row in entries]


def test_numbers_fall_words_rise_and_what_is_absent_comes_last():
    rows = [entry("b", 0.4), entry("a", None), entry("c", 0.6)]
    assert names(ordered(rows, "cv")) == ["c", "b", "a"]
    assert names(ordered(rows, "cv", is_reversed=True)) == ["b", "c", "a"]
    assert names(ordered(rows, "name")) == ["a", "b", "c"]
    assert names(ordered(rows, "public")) == ["b", "a", "c"]
    with pytest.raises(InputError, match="did you mean 'hours'"):
        ordered(rows, "hour")


def test_conditions_hold_all_together_and_capitals_do_not_matter():
    dino = replace(RUN, config="configs/dino/x_recycle.py")
    rows = [entry("a"), entry("b", run=dino), entry("c", run=dino, state="unfinished")]
    assert names(select(rows, ["family=DINO"])) == ["b", "c"]
    assert names(select(rows, ["family=dino", "state=fin", "b"])) == ["b"]
    assert names(select(rows, ["state=unfinished"])) == ["c"]
    assert names(select(rows, ["rtmdet"])) == ["a"]
    assert names(select([entry("lr=0.1"), entry("lr=0.2")], ["name=lr=0.2"])) == ["lr=0.2"]
    with pytest.raises(InputError, match=r"'famly'\n.*did you mean 'family'"):
        select(rows, ["famly=dino"])


def test_columns_that_all_rows_lack_are_left_out():
    (table,) = tables([entry("a")])
    assert table.headers == ["run", "changed", "mAP50", "epochs", "hours", "state"]
    assert "public" in tables([entry("a"), entry("b", public=0.6)])[0].headers


def test_scores_of_different_names_are_ranked_apart():
    coco = replace(RUN, deciding_name="coco/bbox_mAP")
    loss = replace(RUN, deciding_name="loss", falls=True)
    rows = [entry("a", 0.4), entry("b", 0.9, run=coco), entry("c", 0.6), entry("d", 3.0, run=loss)]
    rows += [entry("e", 2.0, run=loss), entry("f", None, run=replace(RUN, deciding_name=""))]
    assert names(ordered(rows, "cv")) == ["c", "a", "f", "e", "d", "b"]
    assert names(ordered(rows, "name")) == ["a", "b", "c", "d", "e", "f"]
    by_score = tables(ordered(rows, "cv"))
    assert [(table.title, table.headers[2], len(table.rows)) for table in by_score] == [
        ("decided by contest/mAP50", "mAP50", 3),
        ("decided by loss", "loss", 2),
        ("decided by coco/bbox_mAP", "coco/bbox_mAP", 1),
    ]
    assert names(select(rows, ["score=coco"])) == ["b"]


def test_many_changes_are_counted():
    changes = tuple(Change(f"model.{name}", 1, 2) for name in "abcde")
    assert changes_text(entry("a", parent="b", changes=changes), 2) == "model.a 1 to 2; model.b 1 to 2; 3 more"
    assert changes_text(entry("a", parent="b")) == "nothing"
    assert changes_text(entry("a")) == ""


def test_csv_holds_every_column_in_full():
    content = list(csv.DictReader(io.StringIO(as_csv([entry("a,b", 1 / 3)]))))
    assert list(content[0]) == list(COLUMNS)
    assert (content[0]["name"], float(content[0]["cv"]), content[0]["public"]) == ("a,b", 1 / 3, "")
    assert (content[0]["family"], content[0]["dirty"]) == ("rtmdet", "no")
