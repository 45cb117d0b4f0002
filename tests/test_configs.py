"""The flagfiles of configs/: each parses, says what it is, and plays. (What is refused: test_recipes.py.)"""

import re

import helpers
import numpy as np
import pytest

from keras_gans import cli, recipes, training
from keras_gans.errors import UserError

CONFIGS = sorted((helpers.ROOT / "configs").glob("*.flags"))
PAPERS = {"gan", "dcgan", "dcgan_64", "wgan", "wgan_gp", "lsgan", "dragan", "began", "sngan", "sagan", "cgan", "acgan",
          "projection", "r3gan"}


def recipe(*words):
    flags = cli.parse("train", list(words))
    return {name: flags[name].value for name in flags}


def test_every_paper_has_a_flagfile():
    assert PAPERS <= {path.stem for path in CONFIGS}


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem in PAPERS], ids=lambda path: path.stem)
def test_header(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert lines[: len(header)] == header and max(map(len, lines)) <= 120
    fields = dict(re.findall(r"^# (\w+): +(.+)$", "\n".join(header), re.MULTILINE))
    assert {"Paper", "Differs", "Cost", "Score", "Command"} <= set(fields)
    assert fields["Command"] == f"python train.py --flagfile=configs/{path.name}"
    assert re.search(r"20\d\d, \"", fields["Paper"]), "author, year and title"
    chosen = recipe(f"--flagfile={path}")
    assert chosen["run_dir"] == f"runs/{path.stem}" and chosen["data"] == "embedded:fashion"
    assert chosen["scores"] and chosen["score_features"] == "fashion"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_plays_finite_steps_in_which_both_players_move(path):
    """At the recipe's own widths (but for the paper's 64x64), with a batch of 4.

    Two steps: the residual blocks of R3GAN start at zero, and only the second step moves what lies inside.
    """
    words = [f"--flagfile={path}", "--batch_size=4", "--kimg=0.008"]
    if path.stem == "dcgan_64":
        words += ["--generator=dcgan:width=8,kernel_size=5", "--discriminator=dcgan:width=8,kernel_size=5"]
    chosen = recipe(*words)
    source = recipes.build_source(chosen)
    game = recipes.build_game(chosen, source.image_shape, training._classes(chosen, source))
    before = {player: [np.array(weight) for weight in getattr(game, player).trainable_weights]
              for player in ("generator", "discriminator")}
    batches = training.distribute(game.distribute_strategy, source, chosen, 0, chosen["conditional"])
    for batch in batches.take(2):
        logs = game.train_step(batch)
        assert all(np.isfinite(float(value)) for value in logs.values()), logs
    assert np.array(game.first_bad_step).tolist() == [-1, -1]
    still = [now.path for player, weights in before.items()
             for now, then in zip(getattr(game, player).trainable_weights, weights) if (np.array(now) == then).all()]
    # The last bias of a Wasserstein critic cancels between real and fake.
    assert not [path for path in still if not (chosen["loss"] == "wasserstein" and path.endswith("logits/bias"))]


def test_conditional_without_labels_in_the_data_is_refused(tmp_path):
    from PIL import Image

    for index in range(3):
        Image.new("L", (32, 32), 80 * index).save(tmp_path / f"{index}.png")
    asked = recipe(f"--data=folder:{tmp_path}", "--conditional", "--generator=cdcgan", "--discriminator=cdcgan")
    with pytest.raises(UserError, match="--conditional needs labels.*class subfolders"):
        training._classes(asked, recipes.build_source(asked))
