"""Trains a GAN from a recipe, or goes on with a run that was stopped.

Every flag has a default; a recipe is a file that sets some of them: one of the package's by name (keras-gans recipes lists
them), or any flagfile. Flags on the command line win over it:

    keras-gans train --recipe=quickstart --kimg=10 --run_dir=runs/short
    python train.py --flagfile=configs/quickstart.flags --kimg=10 --run_dir=runs/short

Five flags are enough to begin with: --recipe, --data (folder:PATH for pictures of yours), --image_size, --kimg (how long) and
--run_dir (where to). A cheap look at all of them: --kimg=1.

Parts are named NAME or NAME:key=value,key=value, as in --loss=least_squares:a=0,b=1,c=1; keras-gans parts lists
them with their arguments.

Numbers that may change over the run take a curve in place of the number (in a shell, quoted):

    linear(A,B)      from A to B along a line           --penalty=r1:weight=cosine(0.05,0.005)
    cosine(A,B)      from A to B along half a cosine    --ema_kimg=linear(0,500,until=20000)
    step(A,F,KIMG)   A, times F after every KIMG        --learning_rate=step(2e-4,0.5,1000)

In thousands of images: after=KIMG, when it leaves A (default: after the warm-up); until=KIMG, when it is at B
(default: --kimg);
warmup=KIMG, over which the whole rises from 0. These are: the weights of penalties, of --reconstruction and of a game's
losses, --learning_rate, --discriminator_learning_rate, --ema_kimg, the betas of adam, and p of ada with adaptive=false.

The same command on the same --run_dir resumes the run.
"""

from keras_gans import flags as recipe_flags
from keras_gans.cli.recipes import path_of


def define(flags):
    flags.string("recipe", None, "name of one of the package's recipes, such as quickstart; keras-gans recipes lists them")
    recipe_flags.define_recipe(flags)


def expand(arguments):
    """Returns the command line with the recipe's flagfile in the place of its name."""
    words, expanded = iter(arguments), []
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--recipe", "-recipe"):
            expanded.append(f"--flagfile={path_of(value if equals else next(words, ''))}")
        else:
            expanded.append(word)
    return expanded


def run(flags):
    from keras_gans.runs import training

    return training.train({name: flags[name].value for name in recipe_flags.defaults()})
