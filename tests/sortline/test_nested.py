import doctest

from sortline import nested


def test_examples_hold():
    assert doctest.testmod(nested).failed == 0


def test_what_is_put_below_a_dict_is_walked_through():
    model = dict(head=dict(old=dict()))
    seen = []
    for place, node in nested.dicts_below(model, "model"):
        seen.append(place)
        if place == "model.head":
            del node["old"]
            node["new"] = dict()
    assert seen == ["model", "model.head", "model.head.new"]
