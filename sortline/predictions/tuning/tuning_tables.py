"""A tuning's report: what was chosen and why, and the score to expect on other images, as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from sortline.predictions.bootstrap import LEVEL, Difference
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.tuning.proposals import is_as_it_is
from sortline.predictions.tuning.search import CONFIDENCE
from sortline.predictions.tuning.tune import FoldOutcome, MemberVerdict, Tuning
from sortline.reports.numbers import interval_text, score_text
from sortline.reports.tables import Table

FORMAT_VERSION = 1


def print_tuning(tuning: Tuning, console: Console | None = None) -> None:
    """Print members with what became of them, the choices without each fold, the scores, and the verdict.

    Args:
        tuning: What to print.
        console: Where to print; by default the terminal.
    """
    console = console or Console()
    _member_table(tuning).print(console)
    for row, entry in enumerate(tuning.verdicts):
        console.print(Text(f"{entry.name}: {reason(tuning, row)}"), soft_wrap=True)
    _fold_table(tuning).print(console)
    _score_table(tuning).print(console)
    for line in notes(tuning):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(verdict(tuning), style="bold"), soft_wrap=True)


def _member_table(tuning: Tuning) -> Table:
    rows = [
        (
            entry.name,
            score_text(entry.estimate.map50),
            interval_text(entry.estimate.interval),
            f"{entry.weight:g}" if entry.weight else "left out",
        )
        for entry in tuning.verdicts
    ]
    return Table(("member", "mAP50", f"{LEVEL:.0%} interval", "weight"), rows, "members, out of fold")


def _fold_table(tuning: Tuning) -> Table:
    rows = [
        (
            fold.fold,
            _choice(fold),
            score_text(fold.map50),
            score_text(fold.best_single),
            score_text(fold.map50 - fold.best_single, "+.4f"),
        )
        for fold in tuning.folds
    ]
    headers = ("fold", "chosen", "mAP50", tuning.verdicts[tuning.best_single].name, "gain")
    return Table(headers, rows, "chosen without a fold, scored on it", left=(0, 1))


def _choice(fold: FoldOutcome) -> str:
    if is_as_it_is(fold.settings):
        return f"{fold.members[0]} alone, as it is"
    if len(fold.members) == 1:
        return f"{fold.members[0]} alone: {settings_text(fold.settings)}"
    return f"{' + '.join(fold.members)}: {settings_text(fold.settings)}"


def _score_table(tuning: Tuning) -> Table:
    best = tuning.verdicts[tuning.best_single]
    scores = [
        (f"best single member, {best.name}", best.estimate.map50, best.estimate.interval),
        ("all members, plain WBF", tuning.plain.map50, tuning.plain.interval),
        ("tuned, on the images it was tuned on: too good", tuning.found_score, None),
        ("tuned, on images it was not tuned on", tuning.expected.map50, tuning.expected.interval),
    ]
    rows = [(name, score_text(value), interval_text(bounds)) for name, value, bounds in scores]
    return Table(("", "score", f"{LEVEL:.0%} interval"), rows, "mAP50")


def reason(tuning: Tuning, row: int) -> str:
    """Say in a sentence why a member is in the recipe or not."""
    entry = tuning.verdicts[row]
    if tuning.members == (row,):
        return "the best single member"
    if tuning.single_wins and row in tuning.found:
        return "dropped: the ensemble with it is not better than the best single member beyond noise, see below"
    if entry.trial is None:
        return "left out"
    return _trial_text(entry.trial.difference, entry.weight > 0, entry.trial.helps)


def _trial_text(difference: Difference, is_in: bool, helps: bool) -> str:
    share = f"{difference.share_better or 0.0:.0%} of the resamples"
    if is_in:
        return f"kept: it adds {difference.value:+.4f} to the ensemble, which is better with it in {share}"
    if helps:
        return f"left out: the search ended before, though it would add {difference.value:+.4f} (better in {share})"
    return f"left out: it would add {difference.value:+.4f}, better in {share}; {CONFIDENCE:.0%} are asked for"


def notes(tuning: Tuning) -> list[str]:
    """Say what a reader must know about the numbers."""
    best = tuning.verdicts[tuning.best_single]
    lines = [
        f"folds: {tuning.origin}",
        "tuned, on images it was not tuned on: the whole search was run without each fold and its choice scored there",
    ]
    if tuning.plain.map50 < best.estimate.map50:
        below = best.estimate.map50 - tuning.plain.map50
        lines.append(f"plain WBF of all members is {below:.4f} BELOW the best single member, {best.name}")
    if tuning.is_cut_short:
        lines.append("a search ran out of its --budget: a larger one may find more")
    return lines


def verdict(tuning: Tuning) -> str:
    """Say in a sentence or two what to use and what to expect of it."""
    best = tuning.verdicts[tuning.best_single]
    gain = f"{tuning.gain.value:+.4f} ({interval_text(tuning.gain.interval, '+.4f')})"
    if is_as_it_is(tuning.settings):
        share = tuning.gain.share_better or 0.0
        if any(len(fold.members) > 1 for fold in tuning.folds) or len(tuning.found) > 1:
            why = f"on images not tuned on an ensemble differs from it by {gain}, better in {share:.0%} of resamples"
        else:
            why = "no ensemble is better beyond noise"
        return (
            f"THE BEST SINGLE MODEL WINS: {best.name}, mAP50 {best.estimate.map50:.4f}; {why}.\n"
            f"The recipe is {best.name} alone, without fusion."
        )
    expected = f"{tuning.expected.map50:.4f} ({interval_text(tuning.expected.interval)})"
    promise = f"Expect mAP50 {expected} on new images, {gain} over {best.name} as it is."
    if tuning.single_wins:
        winner = tuning.verdicts[tuning.members[0]]
        return (
            f"THE BEST SINGLE MODEL WINS: {winner.name}, mAP50 {winner.estimate.map50:.4f}; "
            "no other member helps beyond noise.\n"
            f"Its own boxes gain by {settings_text(tuning.settings)}.\n{promise}"
        )
    names = " + ".join(tuning.verdicts[row].name for row in tuning.members)
    return f"{names}: {settings_text(tuning.settings)}.\n{promise}"


def settings_text(settings: EnsembleSettings) -> str:
    """Name the settings that matter for the method.

    >>> settings_text(EnsembleSettings("nms", iou_thr=0.6, weights=(1.0, 0.0, 0.5)))
    'nms, iou_thr 0.6, weights 1 0.5, skip_box_thr 0.0001'
    """
    details = {"wbf": f" ({settings.conf_type})", "soft-nms": f" ({settings.decay})"}
    words = [settings.method + details.get(settings.method, "")]
    if (settings.method, settings.decay) == ("soft-nms", "gaussian"):
        words.append(f"sigma {settings.sigma:g}")
    else:
        words.append(f"iou_thr {settings.iou_thr:g}")
    weights = [weight for weight in settings.weights or () if weight > 0]
    if len(weights) > 1:
        words.append("weights " + " ".join(f"{weight:g}" for weight in weights))
    words.append(f"skip_box_thr {settings.skip_box_thr:g}")
    if settings.rescale != "none":
        words.append(f"scores rescaled: {settings.rescale}")
    return ", ".join(words)


def as_json(tuning: Tuning) -> dict[str, Any]:
    """Lay a tuning out as JSON's objects and lists; :data:`FORMAT_VERSION` counts changes of this layout."""
    best = tuning.verdicts[tuning.best_single]
    return {
        "format": "sortline-tuning",
        "version": FORMAT_VERSION,
        "verdict": verdict(tuning),
        "single_wins": tuning.single_wins,
        "members": [_member_json(tuning, row, entry) for row, entry in enumerate(tuning.verdicts)],
        "settings": _settings_json(tuning.settings),
        "best_single": {"name": best.name, **asdict(best.estimate)},
        "plain_wbf": asdict(tuning.plain),
        "tuned_on_its_own_images": tuning.found_score,
        "expected": asdict(tuning.expected),
        "gain_over_best_single": asdict(tuning.gain),
        "folds": [{**asdict(fold), "settings": _settings_json(fold.settings)} for fold in tuning.folds],
        "folds_from": tuning.origin,
        "fusions": tuning.fusions,
        "is_cut_short": tuning.is_cut_short,
        "seed": tuning.seed,
        "notes": notes(tuning),
    }


def _member_json(tuning: Tuning, row: int, entry: MemberVerdict) -> dict[str, Any]:
    trial = asdict(entry.trial.difference) if entry.trial else None
    numbers = {**asdict(entry.estimate), "weight": entry.weight, "with_it": trial}
    return {"name": entry.name, **numbers, "reason": reason(tuning, row)}


def _settings_json(settings: EnsembleSettings) -> dict[str, Any]:
    plain = asdict(settings)
    del plain["curves"]  # they are in the recipe
    return plain
