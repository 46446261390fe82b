# The image of `reconciler controller run`:
#
#   docker build -t model-reconciler:0.1.0 .
#
# The base is named by the digest of its index, for all platforms, as the Docker Official Images record it themselves
# (docker-library/repo-info, repos/python/remote/3.13-slim-bookworm.md): no tag can move it. Every package is one of
# image/*.txt, by its hash (`make update` renews them), and nothing is compiled.
ARG BASE=python:3.13.14-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8

# hadolint ignore=DL3006
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY image/build.txt image/requirements.txt image/
RUN python3 -m venv /opt/build \
    && /opt/build/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement image/build.txt
RUN python3 -m venv /opt/reconciler \
    && /opt/reconciler/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement image/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY reconciler reconciler
RUN /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/reconciler/bin/python -m pip install --quiet --no-deps --no-index wheels/*.whl \
    && /opt/reconciler/bin/python -m pip uninstall --quiet --yes pip \
    && /opt/reconciler/bin/python -m compileall -q /opt/reconciler/lib

# hadolint ignore=DL3006
FROM ${BASE}
COPY --from=build /opt/reconciler /opt/reconciler
ENV PATH=/opt/reconciler/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# A volume of the pod's lies over it; all else is read only.
WORKDIR /var/lib/model-reconciler
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/reconciler/bin/reconciler"]
CMD ["controller", "run", "--log-format=json"]
