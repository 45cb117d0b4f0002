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

Several machines that share --run_dir train one run with the same command on each, but for --index:

    keras-gans train --recipe=dcgan --run_dir=/shared/dcgan --hosts=a:2222,b:2222 --index=0 --restarts=100

They end with exit code 3 where one of them is lost or told to stop; started again, they go on from the last checkpoint.
docs/cluster.md has Slurm, Kubernetes and Vertex AI.
"""

import sys

from keras_gans import flags as recipe_flags
from keras_gans.cli.recipes import path_of
from keras_gans.errors import UserError


def define(flags):
    flags.string("recipe", None, "name of one of the package's recipes, such as quickstart; keras-gans recipes lists them")
    recipe_flags.define_recipe(flags)
    flags.group("On several machines")
    flags.string(
        "hosts",
        None,
        "HOST[:PORT],HOST[:PORT],...: all machines, the chief first, in the same order on each; sets TF_CONFIG and takes "
        "--strategy=multi_worker, with all GPUs of each machine",
    )
    flags.integer("index", None, "place of this machine in --hosts, from 0", 0)
    flags.integer(
        "restarts",
        0,
        "how often training is started again where it ends with exit code 3 (another worker was lost) or is killed",
        0,
    )


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


def supervise(flags):
    """With --restarts, returns the exit code of the training in a process of its own; else None."""
    from keras_gans.runs import launching

    if not flags.restarts:
        return None
    return launching.supervise([sys.executable, *sys.orig_argv[1:], "--restarts=0"], flags.restarts)


def run(flags):
    from keras_gans.runs import cluster, training

    recipe = {name: flags[name].value for name in recipe_flags.defaults()}
    if flags.hosts is not None:
        if recipe["strategy"] == "tpu":
            raise UserError("--hosts: a TPU knows its own hosts; leave it out with --strategy=tpu")
        cluster.of_hosts(flags.hosts, flags.index)
        recipe["strategy"] = "multi_worker"
    elif flags.index is not None:
        raise UserError(f"--index={flags.index} is a place in --hosts, which is missing; give both")
    return training.train(recipe)
