"""Flags: how the verbs define them, and those of a recipe with their defaults, which lie below all that reads recipes."""

import functools
import math

from absl import flags as absl_flags

from keras_gans import curves

LATENTS = ("normal", "uniform", "uniform_sqrt3", "uniform_01")
KERNELS = ("auto", "plain", "fast")  # see `keras_gans.kernels.use`
INT32 = 2**31 - 1
"""The largest number that TensorFlow counts to."""


class _NumberOrCurve(absl_flags.ArgumentParser):
    """A number of at least `lower`, or a curve, which stays text."""

    def __init__(self, lower):
        self.lower = lower
        self.syntactic_help = f"a number of at least {lower:g}, or a curve such as cosine(A,B)"

    def parse(self, argument):
        if curves.is_curve(argument):
            curves.parse(argument)
            return argument
        value = float(argument)
        if not self.lower <= value < math.inf:
            raise ValueError(self.syntactic_help)
        return value

    def flag_type(self):
        return "number or curve"


class Flags(absl_flags.FlagValues):
    """absl flags of one verb, with short names for the definitions.

    Attributes:
        titles: of groups: how many flags were defined before -> the title.
        beyond: the words behind `--`, of verbs that take such; else None.
        limits_pictures: whether `--max_pixels` is that of `define_limits`; exporters and the server have one of their answers.
    """

    limits_pictures = False
    titles = {}
    beyond = None

    def group(self, title):
        """Begins a group of flags, which `--help` shows under a title."""
        vars(self).setdefault("titles", {})[len(self)] = title  # past absl, which takes attributes for flags

    def string(self, name, default, help, required=False):
        absl_flags.DEFINE_string(name, default, help, flag_values=self, required=required)

    def strings(self, name, default, help):
        absl_flags.DEFINE_multi_string(name, default, help, flag_values=self)

    def choices(self, name, default, values, help):
        absl_flags.DEFINE_multi_enum(name, default, list(values), help, flag_values=self)

    def integer(self, name, default, help, lower=None, upper=None):
        lower, upper = -INT32 if lower is None else lower, INT32 if upper is None else upper
        absl_flags.DEFINE_integer(name, default, help, lower, upper, flag_values=self)

    def number(self, name, default, help, lower=None, upper=None):
        absl_flags.DEFINE_float(name, default, help, lower, upper, flag_values=self)
        absl_flags.register_validator(name, lambda value: value is None or math.isfinite(value), flag_values=self)

    def curve(self, name, default, help, lower):
        absl_flags.DEFINE(_NumberOrCurve(lower), name, default, help, self, absl_flags.ArgumentSerializer())

    def boolean(self, name, default, help):
        absl_flags.DEFINE_boolean(name, default, help, flag_values=self)

    def choice(self, name, default, values, help):
        absl_flags.DEFINE_enum(name, default, list(values), help, flag_values=self)


PLUGIN = "a Python file of your own that registers parts, which flags can then name; repeat the flag for several"


def words(recipe):
    """Returns the command line that gives a recipe's flags their values, but for those that have them by default."""
    found = []
    for name, value in recipe.items():
        if value == defaults()[name]:
            continue
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no{name}")
        else:
            found += [f"--{name}={each}" for each in (value if isinstance(value, list) else [value])]
    return found


@functools.cache
def defaults():
    """Returns {flag of a recipe: its default}, sorted by name; not to be changed."""
    flags = Flags()
    define_recipe(flags)
    return {name: flags[name].default for name in sorted(flags)}


def define_limits(flags):
    """Defines the flags of every verb that reads pictures: what it takes from files of strangers."""
    flags.integer(
        "max_pixels",
        2**27,
        "height times width that a picture may have; more are refused before they are decoded (up to 16 bytes a pixel)",
        1,
        2**31 - 1,
    )
    vars(flags)["limits_pictures"] = True  # past absl, which takes attributes for flags


RUNNERS = ("direct", "flink", "spark", "dataflow")  # of Apache Beam


def define_runner(flags, work, pictures=1000):
    """Defines the flags of every verb that can work over very many pictures with Apache Beam.

    Args:
        work: where finished shards are noted by default, in words; None where `--work` has to be given.
        pictures: in a shard, by default.
    """
    flags.group("Very many pictures, with Apache Beam (docs/scaling.md)")
    flags.choice(
        "runner",
        None,
        RUNNERS,
        "work in shards on this engine of Apache Beam; finished shards are passed over when the same command is given again. "
        "Beam's own options follow behind --, as in -- --direct_running_mode=multi_processing --direct_num_workers=2",
    )
    flags.integer("shard_pictures", None, f"of --runner: pictures in a shard; default: {pictures:,}", 1)
    where = f"default: {work}" if work else "to be given with it"
    flags.string("work", None, f"of --runner: folder where finished shards are noted; {where}")
    vars(flags)["beyond"] = []  # words behind --; past absl, which takes attributes for flags


def define_recipe(flags):
    """Defines the flags of a recipe, those of `keras-gans train`."""
    flags.group("What to learn from")
    flags.string(
        "data",
        "embedded:fashion",
        "training images: embedded:NAME, folder:PATH (class subfolders are labels), "
        "tfrecord:GLOB, or tfds:NAME[/CONFIG][@SPLIT]; pairs of images: paired:A:B (two folders), ab:DIR (side by "
        "side in each file), paired:tfds:NAME[/CONFIG][@SPLIT]; two kinds of images: unpaired:A:B (two folders)",
    )
    flags.string(
        "degrade",
        None,
        "learn to undo this damage to single images: downscale4, noise, poisson, jpeg, blind, mask "
        "or gray, with arguments as in noise:sigma=25",
    )
    flags.string(
        "labels",
        None,
        "side A of --data=paired:A:B are label maps: how many labels maps of indices have, or a palette file (lines R G B name) "
        "of maps in colours",
    )
    flags.integer("dont_care", None, "beside --labels: the index that stands for no label, such as 255", 0, 255)
    flags.string("instances", None, "beside --labels: folder of instance maps, whose borders the networks see too")
    flags.integer("image_size", 32, "height and width that images are brought to, in pixels", 1, 4096)
    flags.integer("channels", None, "1 (grey) or 3 (RGB); default: what the data have", 1, 3)
    flags.integer(
        "load_size",
        None,
        "bring the shorter side (with --fit=squash or pad both) to so many pixels, then cut out --image_size at random, "
        "anew every time; 0 cuts from pictures of their own size; default: the middle, at --image_size",
        0,
    )
    flags.choice(
        "resize",
        "lanczos",
        ("nearest", "area", "bilinear", "bicubic", "lanczos"),
        "filter that pictures are brought to their size with; antialiased, but for nearest",
    )
    flags.choice(
        "fit",
        "crop",
        ("crop", "squash", "pad"),
        "of pictures that are not square: cut the longer side, squash both to one length, or pad with black",
    )
    flags.boolean("flip", False, "mirror half of the images left to right, drawn anew every time")
    flags.boolean("rotate", False, "turn the images by 0, 90, 180 or 270 degrees, drawn anew every time")
    flags.string(
        "holdout",
        None,
        "what is kept from training, for scores: a share such as 0.1, by the hash of each picture's path; every:10; none; "
        "or folder:DIR. Default: 0.1, or what the run began with (every:10 before version 0.2.0); data that come with a "
        "split of their own (embedded:fashion, tfds with a test split) keep it",
    )
    define_limits(flags)
    flags.choice("bad_images", "refuse", ("refuse", "skip"), "what to do about images that cannot be read")
    flags.string("cache", None, "folder where decoded images are kept, mapped into memory, for data larger than that")
    flags.number(
        "cache_gb", 100.0, "of --cache: GB (10^9 bytes) of all files in it; those unused for longest go first", 0.001
    )
    flags.choice(
        "shard_data",
        "rows",
        ("rows", "files"),
        "of several hosts: each takes its rows of the same batches as one host would see, or each reads files of "
        "tfrecord:GLOB of its own and no others",
    )
    flags.string(
        "data_service",
        None,
        "grpc://HOST:PORT of a tf.data service, whose workers read and decode tfrecord:GLOB (packed with --image_size); the "
        "order is then not the same again",
    )
    flags.boolean("dequantize", False, "add U(0, 1/128) to x / 128 - 1, in place of x / 127.5 - 1, for levels x of 0 to 255")
    flags.boolean("conditional", False, "train on the data's labels; the networks must take them")
    flags.group("Who plays, and for what")
    flags.string("game", "gan", "who plays and when; gan is the two-player game")
    flags.string("loss", "non_saturating", "what the players want, such as non_saturating, wasserstein, hinge")
    flags.strings(
        "reconstruction",
        [],
        "distance of output and target for games on pairs, such as l1:weight=100 or perceptual:network=vgg19,layer=conv5_4",
    )
    flags.strings("penalty", [], "what the discriminator must not do, such as wgan_gp:weight=10 or r1:weight=1,interval=16")
    flags.string("generator", "dcgan", "the generator's architecture")
    flags.string("discriminator", "dcgan", "the discriminator's architecture")
    flags.string("augment", "none", "differentiable augmentation of all that the discriminator sees, or none")
    flags.integer("latent_dim", 100, "width of the latent", 1)
    flags.choice(
        "latent",
        "normal",
        LATENTS,
        "distribution of the latent: N(0, 1), U(-1, 1), U(-sqrt 3, sqrt 3) or U(0, 1)",
    )
    flags.group("How the run goes")
    flags.number("kimg", 100.0, "length of the run: thousands of images, generator steps x batch size / 1000", 0.001)
    flags.integer("batch_size", 64, "images per step, over all devices", 1)
    flags.integer("n_critic", 1, "discriminator turns per generator turn", 1)
    flags.boolean("share_fakes", True, "one batch of fakes serves both players in a step")
    flags.boolean("draw_labels", False, "labels of fakes are drawn uniformly; else they are those of the reals")
    flags.boolean("share_reals", True, "the generator's turn sees the last reals again; else every step takes a batch more")
    flags.string(
        "optimizer",
        "adam",
        "adam[:beta_1=0.5,beta_2=0.999,epsilon=1e-8,epsilon_hat=true], "
        "rmsprop[:rho=0.9,momentum=0,epsilon=1e-8,epsilon_inside=false] or sgd[:momentum=0]",
    )
    flags.string("discriminator_optimizer", None, "the discriminator's; default: that of the generator")
    flags.curve("learning_rate", 2e-4, "of both players, per step; a number or a curve over the run", 0.0)
    flags.curve("discriminator_learning_rate", None, "the discriminator's; default: --learning_rate", 0.0)
    flags.string(
        "schedule",
        "constant",
        "of the learning rate: constant, linear[:hold=0.5], step[:factor=0.1,every=0.5] or cosine[:final=0], over --kimg "
        "or, as in linear:until=KIMG, over an end of their own; linear_epochs[:epochs=200,hold=0.5], "
        "milestones[:factor=0.5,at=0.5:0.75] or cosine_restarts[:periods=4], over --kimg",
    )
    flags.curve(
        "ema_kimg",
        10.0,
        "half-life of the generator's moving average, in thousands of images, at most 5% of those seen so far; or a curve, "
        "which is taken as it is",
        0.0,
    )
    flags.integer("seed", 0, "of the weights, the order of the images and all noise", 0, 2**32 - 1)
    flags.strings("plugin", [], PLUGIN)
    flags.group("On which machine")
    flags.choice(
        "precision",
        "float32",
        ("float32", "bfloat16", "float16"),
        "of the networks' arithmetic; weights and losses stay float32, float16 scales the losses of both players",
    )
    flags.choice(
        "kernels",
        "auto",
        KERNELS,
        "plain takes TensorFlow's own convolutions and norms, fast those made for a CPU, auto the one or the other by the "
        "device; they differ by rounding",
    )
    flags.integer(
        "accumulate",
        1,
        "parts in which the networks work through a batch: the gradient is the whole batch's, activations are kept of a part, "
        "and each network is called once more; layers that mix a batch, such as batch norm, see a part",
        1,
    )
    flags.boolean("jit_compile", False, "compile the step with XLA (slower to start)")
    flags.integer("steps_per_execution", 1, "steps in one call of the compiled function", 1)
    flags.choice(
        "strategy",
        "none",
        ("none", "mirrored", "multi_worker", "tpu"),
        "one device; all devices of this machine; several machines that share --run_dir, each with TF_CONFIG or --hosts; or a "
        "TPU (untried)",
    )
    flags.choice(
        "batch_norm",
        "synchronized",
        ("synchronized", "replica"),
        "of what batch norm takes its statistics on several devices: the whole batch, or the part of each device on its own "
        "(ghost batches)",
    )
    flags.boolean("deterministic", False, "bit-exact on GPU too (slower; on CPU runs are exact without it)")
    flags.group("From where to where, and what is said on the way")
    flags.string("run_dir", "runs/default", "folder of the run, or gs://bucket/folder; it is resumed if it holds one")
    flags.string("init_from", None, "folder of a run, or of what was shared, to take the weights from (fine-tuning)")
    flags.integer("freeze_discriminator", 0, "FreezeD: keep the first N layers of the discriminator as they are", 0)
    flags.number("log_kimg", 1.0, "thousands of images between two lines of metrics.jsonl", 0.0)
    flags.number("sample_kimg", 10.0, "thousands of images between sample grids; 0 for none", 0.0)
    flags.number("score_kimg", 50.0, "thousands of images between scores", 0.0)
    flags.number("checkpoint_kimg", 10.0, "thousands of images between checkpoints", 0.0)
    flags.integer("keep_checkpoints", 2, "how many checkpoints are kept, beside the best", 1)
    flags.strings(
        "scores",
        [],
        "scores on held-out images while training and at the end, such as kid or fid; the first "
        "one chooses the best checkpoint; none takes none",
    )
    flags.string("score_features", "fashion", "features that the scores are measured on")
    flags.integer("score_count", 10_000, "images on each side of a score, at most", 2)
    flags.strings(
        "logger", [], "also log to wandb[:project=NAME] or mlflow[:experiment=NAME], beside metrics.jsonl and TensorBoard"
    )
    flags.choices("export", ["saved_model", "tflite"], ("saved_model", "tflite", "none"), "what the run ends with")
