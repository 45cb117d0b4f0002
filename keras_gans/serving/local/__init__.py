"""A small server that speaks TensorFlow Serving's REST and gRPC API: for trying and for tests, not for production."""
