import pytest

from sortline.errors import InputError
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings


def problems_of(**values) -> str:
    with pytest.raises(InputError) as caught:
        EnsembleSettings(**values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"method": "wfb"}, "method: is 'wfb'\n    did you mean 'wbf'?"),
        ({"method": "xyz"}, "use wbf, nms, soft-nms, nmw or concat"),
        ({"conf_type": "mean"}, "conf_type: is 'mean'"),
        ({"decay": "cubic"}, "use gaussian or linear"),
        ({"rescale": "minmx"}, "did you mean 'minmax'?"),
        ({"iou_thr": 1.5}, "iou_thr: is 1.5\n    use a number from 0 to 1"),
        ({"iou_thr": float("nan")}, "iou_thr: is nan"),
        ({"class_iou_thr": {"Battery": -0.1}}, "iou_thr of class 'Battery': is -0.1"),
        ({"skip_box_thr": -1}, "skip_box_thr: is -1"),
        ({"score_thr": "0.5"}, "score_thr: is '0.5'"),
        ({"sigma": 0}, "sigma: is 0\n    use a number above 0"),
        ({"max_per_image": 0}, "max_per_image: is 0"),
        ({"max_per_image": True}, "max_per_image: is True"),
        ({"weights": (1, -2)}, "weights: holds -2"),
        ({"weights": (1, float("inf"))}, "weights: holds inf"),
        ({"weights": (0, 0)}, "weights: has no weight above 0"),
        ({"weights": ()}, "weights: has no weight above 0"),
    ],
)
def test_bad_values_are_named(values, expected):
    assert expected in problems_of(**values)


def test_all_problems_come_together():
    text = problems_of(method="wfb", iou_thr=2, sigma=-1, weights=(-1,))
    assert [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")] == [
        "method",
        "iou_thr",
        "sigma",
        "weights",
    ]


def test_what_is_to_be_fused_must_fit():
    settings = EnsembleSettings(weights=(1, 2), rescale="platt", class_iou_thr={"Batery": 0.4})
    with pytest.raises(InputError) as caught:
        settings.check_against(3, ["Paper", "Battery"])
    text = str(caught.value)
    assert "weights: holds 2 numbers for 3 members" in text
    assert "rescale: 'platt' has curves of 0 members for 3 members" in text
    assert "did you mean 'Battery'?" in text
