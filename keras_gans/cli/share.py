"""Writes a trained generator as a small folder to pass on: weights, record, card and picture.

    keras-gans share --run=runs/quickstart --out=clothes --license=MIT
    keras-gans sample --run=clothes                                       it opens as the run does

The folder has model.safetensors (float16 by default), run.json with recipe, data and scores, README.md with what the hubs
read, and the run's last samples. Players, optimizers and paths of this machine stay behind: it is not trained on.
"""

from keras_gans.errors import UserError


def define(flags):
    flags.string("run", None, "run folder that train.py has made, or an import", required=True)
    flags.string("out", None, "folder to write", required=True)
    flags.choice("checkpoint", "latest", ("latest", "best"), "which checkpoint of --run")
    flags.choice("dtype", "float16", ("float16", "float32"), "of the weights in the file")
    flags.string("license", None, "who may use it for what, as an identifier of SPDX such as MIT or CC-BY-4.0")


def run(flags):
    from keras_gans.trained import presets
    from keras_gans.trained.trained import Trained

    opened = Trained.open(flags.run, flags.checkpoint)
    if opened.checkpoint.name == presets.WEIGHTS:
        raise UserError(f"{flags.run} is such a folder already; copy it, or name the run that it was made from")
    size = presets.write(opened, flags.out, flags.dtype, flags.license)
    print(f"wrote {flags.out}: {size / 1e6:.2f} MB of weights; keras-gans sample, translate, export ... take it as --run")
