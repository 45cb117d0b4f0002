"""The same steps in float32, bfloat16 and float16: whether anything is NaN, and how far the losses lie apart.

    python benchmarks/mixed_precision.py [--game=stylegan2] [--steps=200] [--image_size=16] [--out=FILE]

The flagfile of the game, with narrow networks, on Fashion-MNIST; StyleGAN2 with lazy R1 and path length on. A second run
in float32 with another seed of the noise says what is noise: losses of half precision should lie as near.
"""

import json
import os
import pathlib
import sys
import time

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

NARROW = {"stylegan2": "channel_base=256,channel_max=32", "stylegan": "channel_base=256,channel_max=32"}


def logs_of(name, precision, seed, steps, image_size):
    """Returns {log: [value of each step]} of a run, and the steps that float16 left out as an overflow."""
    import numpy as np

    from keras_gans import cli, data
    from keras_gans.trained import recipes

    root = pathlib.Path(__file__).parents[1]
    flags = cli.parse(
        "train",
        [
            f"--flagfile={root}/configs/{name}.flags",
            f"--image_size={image_size}",
            f"--precision={precision}",
            "--batch_size=16",
            f"--generator={name}:{NARROW[name]},w_dim=32,mapping_layers=2",
            f"--discriminator={name}:{NARROW[name]}",
        ],
    )
    recipe = {flag: flags[flag].value for flag in flags}
    source = recipes.build_source(recipe)
    game = recipes.build_game(recipe, source.image_shape, 0)
    game.seed = seed  # of the noise alone: the weights are the same in all runs
    game.make_train_function()
    batches, rows = iter(data.batches(source, 16, seed=0)), []
    for _ in range(steps):
        rows.append({key: float(value) for key, value in game.train_function(batches).items()})
    assert np.array(game.first_bad_step).tolist() == [-1, -1], "a loss or a gradient was not finite"
    kept = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return kept, int(sum(~np.isfinite(kept["generator_gradient_norm"]) | ~np.isfinite(kept["discriminator_gradient_norm"])))


def main():
    import numpy as np

    from keras_gans.cli import Flags

    flags = Flags()
    flags.choice("game", "stylegan2", tuple(NARROW), "the game and its flagfile")
    flags.integer("steps", 200, "steps of each run", 1)
    flags.integer("image_size", 16, "in pixels", 8)
    flags.string("out", "benchmarks/results/mixed_precision.json", "where the numbers are kept")
    runs.parse(flags, __doc__)
    played = {
        name: logs_of(flags.game, precision, seed, flags.steps, flags.image_size)
        for name, precision, seed in (
            ("float32", "float32", 0),
            ("float32, other noise", "float32", 1),
            ("bfloat16", "bfloat16", 0),
            ("float16", "float16", 0),
        )
    }
    rows = []
    for name, (logs, skipped) in played.items():
        row = {"run": name, "skipped_steps": skipped}
        for key in ("generator_loss", "discriminator_loss", "penalty", "path_length_loss"):
            if key in logs:
                values, reference = logs[key], played["float32"][0][key]
                assert np.isfinite(values).all(), (name, key)
                due = reference != 0
                row[key] = float(values[due].mean())
                row[f"{key}_from_float32"] = float(np.abs(values - reference)[due].mean())
        rows.append(row)
    table = {"command": " ".join(sys.argv), "date": time.strftime("%Y-%m-%d"), "rows": rows}
    path = pathlib.Path(flags.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=2) + "\n")
    keys = [key for key in rows[0] if key != "run"]
    print("| run | " + " | ".join(key.replace("_", " ") for key in keys) + " |")
    print("|---" * (len(keys) + 1) + "|")
    for row in rows:
        print(f"| {row['run']} | " + " | ".join(f"{row[key]:.4g}" for key in keys) + " |")


if __name__ == "__main__":
    main()
