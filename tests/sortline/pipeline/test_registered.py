from sortline.pipeline.registered import accepted_keys


class Parent:
    def __init__(self, depth, width=1):
        pass


class Passes(Parent):
    def __init__(self, own, **kwargs):
        super().__init__(**kwargs)


class Takes(Parent):
    def __init__(self, own, **kwargs):
        self.extra = kwargs.pop("extra", None)
        kwargs.pop("flag", None)
        super().__init__(**kwargs)


class Elsewhere(Parent):
    def __init__(self, own, **kwargs):
        self.layer = dict(**kwargs)
        super().__init__(1)


class Inherits(Parent):
    pass


class Second:
    def __init__(self, other=0):
        pass


class Diamond(Parent, Second):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


def function(boxes, iou_thr=0.5):
    pass


def test_arguments_that_are_passed_on_are_the_parents():
    assert accepted_keys(Passes) == (["own", "depth", "width"], False)
    assert accepted_keys(Inherits) == (["depth", "width"], False)


def test_keys_taken_out_of_kwargs_count():
    keys, is_open = accepted_keys(Takes)
    assert set(keys) == {"own", "extra", "flag", "depth", "width"}
    assert not is_open


def test_kwargs_that_end_up_elsewhere_take_anything():
    assert accepted_keys(Elsewhere)[1]


def test_all_parents_count():
    assert set(accepted_keys(Diamond)[0]) == {"depth", "width", "other"}


def test_a_function_and_a_builtin():
    assert accepted_keys(function) == (["boxes", "iou_thr"], False)
    assert accepted_keys(dict)[1] or accepted_keys(dict)[0] == []
