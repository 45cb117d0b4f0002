"""Whether the CPU's forms are taken: by the device on which an operation will run, unless `use` says otherwise."""

import contextlib

import tensorflow as tf

from keras_gans.flags import KERNELS

_choice = "auto"  # of the whole process: a strategy traces each replica in a thread of its own


@contextlib.contextmanager
def use(choice):
    """Takes these kernels in all that is called or traced inside the `with`, on every thread.

    A function that was traced before stays as it was.

    Args:
        choice: "plain" for TensorFlow's own operations; "fast" for the CPU's forms, wherever they fit; "auto" (what holds
            outside) for the CPU's forms on a CPU and TensorFlow's elsewhere, see `device_type`.

    Raises:
        ValueError: another choice.
    """
    global _choice
    if choice not in KERNELS:
        raise ValueError(f"kernels must be one of {', '.join(KERNELS)}, not {choice!r}")
    before, _choice = _choice, choice
    try:
        yield
    finally:
        _choice = before


def fast():
    """Whether the CPU's forms are to be taken here."""
    return device_type() == "CPU" if _choice == "auto" else _choice == "fast"


def device_type():
    """Returns the kind of device, such as "CPU" or "GPU", on which an operation that is made here will run.

    That of the device scope in force: a strategy's, or a `tf.device` inside the function that is being traced. TensorFlow
    shows a function no scope that stands outside of it, in `with tf.device("CPU"): step()`: without one inside it is the
    default device's, the accelerator if there is one. On a machine with a card, `use("fast")` is for that case.
    """
    scope = (tf.zeros([]) if tf.executing_eagerly() else tf.no_op()).device
    return tf.DeviceSpec.from_string(scope).device_type or default_device_type()


def default_device_type():
    """Returns the kind of device that TensorFlow takes without a scope."""
    kinds = [device.device_type for device in tf.config.list_logical_devices()]
    return next((kind for kind in kinds if kind != "CPU"), "CPU")
