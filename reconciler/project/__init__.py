"""One project: configuration, manifests and registries put together, and the Python interface."""
