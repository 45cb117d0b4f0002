"""Writes a trained generator as a small folder to pass on: weights, record, card and picture. Or sends it to a hub.

    keras-gans share --run=runs/quickstart --out=clothes --license=MIT
    keras-gans sample --run=clothes                                       it opens as the run does
    keras-gans share --run=runs/quickstart --to=hf://user/clothes --license=MIT
    keras-gans sample --run=hf://user/clothes                             on another machine

The folder has model.safetensors (float16 by default), run.json with recipe, data and scores, README.md with what the hubs
read, and the run's last samples. Discriminators, optimizers and paths of this machine stay behind: another run can start from it
(train.py --init_from=clothes), none goes on.

To send it, log in with `hf auth login` first, or set HF_TOKEN. The repository is made if needed.
"""

from keras_gans.errors import UserError


def define(flags):
    flags.string("run", None, "run folder that train.py has made, or an import", required=True)
    flags.string("out", None, "folder to write")
    flags.string("to", None, "repository of Hugging Face to send it to: hf://user/repo")
    flags.boolean("private", None, "whether a new repository is private; default: as the hub does")
    flags.choice("checkpoint", "latest", ("latest", "best"), "which checkpoint of --run")
    flags.choice("dtype", "float16", ("float16", "float32"), "of the weights in the file")
    flags.string("license", None, "who may use it for what, as an identifier of SPDX such as MIT or CC-BY-4.0")


def run(flags):
    from keras_gans.trained import hub, presets
    from keras_gans.trained.trained import Trained

    if not flags.out and not flags.to:
        raise UserError("--out and --to are missing: name a folder to write (--out=DIR), or a hub (--to=hf://user/repo)")
    if flags.to and not flags.to.startswith("hf://"):
        raise UserError(f"--to={flags.to}: expected hf://user/repo; to Kaggle, send the folder of --out with kagglehub")
    opened = Trained.open(flags.run, flags.checkpoint)
    if opened.checkpoint.name == presets.WEIGHTS:
        raise UserError(f"{flags.run} is such a folder already; copy it, or name the run that it was made from")
    if flags.out:
        size = presets.write(opened, flags.out, flags.dtype, flags.license, flags.to)
        print(
            f"wrote {flags.out}: {size / 1e6:.2f} MB of weights; keras-gans sample, translate, export ... take it as --run"
        )
    if flags.out and flags.to:
        print(f"sent to {hub.push(flags.out, flags.to, flags.private)}")
    elif flags.to:
        page = opened.push_to_hub(flags.to, flags.dtype, flags.license, flags.private)
        print(f"sent to {page}; keras-gans sample, translate, export ... take --run={flags.to}")
