"""export/tf_serving: files that TensorFlow Serving can read, about models that exist."""

import pathlib
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2  # noqa: F401
from tensorflow_serving.config import model_server_config_pb2

KIT = pathlib.Path(__file__).parents[2] / "export" / "tf_serving"


def message(name, **fields):
    """A message class that TensorFlow Serving has, and its Python package has not: name -> type of each field."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", package="kit", syntax="proto3", dependency=["google/protobuf/wrappers.proto"]
    )
    kind = file.message_type.add(name=name)
    for number, (field, type_name) in enumerate(fields.items(), 1):
        entry = kind.field.add(name=field, number=number, label=1)
        if type_name.startswith("."):
            entry.type, entry.type_name = 11, type_name
        else:
            entry.type, entry.label = {"bool": (8, 1), "string": (9, 1), "int64s": (3, 3)}[type_name]
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"kit.{name}"))


def test_models_config():
    config = text_format.Parse((KIT / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert model.name == "quickstart" and model.base_path == "/models/quickstart" and model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 2


def test_batching_and_monitoring_config():
    # As in TensorFlow Serving's session_bundle_config.proto and monitoring_config.proto.
    number = ".google.protobuf.Int64Value"
    batching = message(
        "BatchingParameters",
        max_batch_size=number,
        batch_timeout_micros=number,
        max_enqueued_batches=number,
        num_batch_threads=number,
        allowed_batch_sizes="int64s",
    )
    parsed = text_format.Parse((KIT / "batching.config").read_text(), batching())
    assert list(parsed.allowed_batch_sizes)[-1] == parsed.max_batch_size.value == 16  # TensorFlow Serving insists
    message("PrometheusConfig", enable="bool", path="string")
    monitoring = message("MonitoringConfig", prometheus_config=".kit.PrometheusConfig")
    parsed = text_format.Parse((KIT / "monitoring.config").read_text(), monitoring())
    assert parsed.prometheus_config.enable and parsed.prometheus_config.path.startswith("/monitoring")


def test_compose_file_names_what_is_there():
    text = (KIT / "compose.yaml").read_text()
    assert "- .:/config:ro" in text and "${MODELS:-../../models}:/models:ro" in text
    named = re.findall(r"=/config/(\S+)", text)
    assert len(named) == 2 and all((KIT / name).is_file() for name in named)
    assert re.findall(r"image: (\S+)", text) == [
        "tensorflow/serving:${TF_SERVING:-2.20.0}",
        "tensorflow/serving:${TF_SERVING:-2.20.0}-gpu",
    ]
