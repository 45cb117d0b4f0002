"""The generator of a run as ONNX models, for ONNX Runtime and all that reads its format (extra `onnx`)."""

import contextlib
import logging
import pathlib

import tensorflow as tf

import keras_gans
from keras_gans import files, kernels
from keras_gans.errors import UserError
from keras_gans.exporting import families, parity

OPSET = 18
LIMIT = 1e-4  # the largest difference from Keras that is right, of values in [-1, 1]


def export(run, out, name=None):
    """Writes `OUT/NAME.onnx`, if it answers as Keras does in ONNX Runtime on a CPU.

    It has the inputs and outputs of the float signatures of the SavedModel, with free numbers of images and, where the
    network takes any size, free height and width: see `onnx` in `keras_gans.exporting.latents`, `translators` and
    `stylizers`. A run that translates both ways has models `NAME_ab` and `NAME_ba`, one of any style `NAME_style_predict`
    and `NAME_style_transfer`.

    Args:
        run: a `keras_gans.trained.Trained`.
        out: folder to write into.
        name: of the model; default: the name of the run folder.

    Returns:
        A list of (`pathlib.Path`, largest absolute difference from Keras).

    Raises:
        UserError: the extra is missing, not a generator of images, the folder cannot be written, the generator has an
            operation that ONNX lacks, or the model differs from Keras by more than 1e-4; then nothing is written.
    """
    out, name, made = pathlib.Path(out), name or run.directory.resolve().name, {}
    for ending, endpoint in families.of(run).onnx(run).items():
        path = out / f"{name}{ending}.onnx"
        made[path] = _converted(endpoint, path.stem)
    for path, (model, _) in made.items():
        with files.whole(path) as temporary:
            temporary.write_bytes(model)
    return [(path, difference) for path, (_, difference) in made.items()]


@contextlib.contextmanager
def _silence():
    """Keeps the converter from telling every step."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(before)


def _converted(endpoint, name):
    """Returns the bytes of a model and its largest difference from Keras."""
    try:
        import onnxruntime
        import tf2onnx
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing; run `pip install keras-gans[onnx]`") from error
    with parity.exact_float32(), kernels.use("fast"), _silence():
        inputs, expected = endpoint.examples()
        function = tf.function(endpoint.function, input_signature=endpoint.signature(), autograph=False)
        try:
            model, _ = tf2onnx.convert.from_function(function, endpoint.signature(), opset=OPSET)
        except Exception as error:  # of many kinds
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise UserError(f"the generator cannot become an ONNX model: {reason}") from error
    model.producer_name, model.producer_version = "keras_gans", keras_gans.__version__
    model.graph.name = name
    model.graph.doc_string = "\n".join(
        f"{key}: {meaning}" for side in endpoint.meanings().values() for key, meaning in side.items()
    )
    model = model.SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    outputs = session.run(list(expected), inputs)
    difference = max(parity.difference(*pair) for pair in zip(outputs, expected.values()))
    if not difference <= LIMIT:  # NaN too
        raise UserError(
            f"the ONNX model {name} differs from Keras by {difference:.3g} (at most {LIMIT} is right), so it was not "
            "written: report this with the run's run.json"
        )
    return model, difference
