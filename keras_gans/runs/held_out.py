"""What held-out pictures allow: sample grids and scores, told before the first step."""

from keras_gans.data.holdout import NothingHeldOut
from keras_gans.registry import SCORES
from keras_gans.trained import recipes


def source(recipe):
    """Returns the held-out data of a recipe, a `keras_gans.data.Source`, or None where nothing is held out."""
    try:
        return recipes.build_source(recipe, "holdout")
    except NothingHeldOut:
        return None


def possible(recipe, held_out):
    """Returns the names of those of the recipe's scores that can be taken; says which cannot.

    Args:
        recipe: dict of resolved flags; `--scores=none` takes none.
        held_out: what `source` returned.
    """
    if "none" in recipe["scores"]:
        return []
    count = min(recipe["score_count"], held_out.count) if held_out else 0
    kept = []
    for spec in recipe["scores"]:
        least = SCORES.create(spec).least
        if count >= least:
            kept.append(spec)
        else:
            print(
                f"without --scores={spec}: it needs {least} held-out images, and there are {count}; the run goes on "
                "without it (give more pictures or a larger --holdout; --scores=none says nothing)",
                flush=True,
            )
    return kept
