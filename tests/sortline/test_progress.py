"""Work that is tracked passes through unchanged; where there is no terminal, long work says a line now and then."""

from sortline import progress


def test_items_pass_through_in_order(capsys):
    assert list(progress.track((number for number in range(5)), "counting", total=5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == ""


def test_long_work_says_how_far_it_is(monkeypatch, capsys):
    seconds = iter(range(0, 1000, 20))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    list(progress.track(range(10), "reading photos"))
    # 20 s an item, a line after 30 s at the earliest: after every second item.
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"reading photos: {done}/10 ({done * 10}%)" for done in (2, 4, 6, 8, 10)]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    assert list(progress.track([1, 2], "reading photos")) == [1, 2]
