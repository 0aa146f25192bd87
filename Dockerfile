# The gate as an image: the core and nothing else. How to build and keep one: docs/pipeline.md.
#
# The base is python:3.12-slim, by digest. To move on to a newer one, read its digest
# (`docker buildx imagetools inspect python:3.12-slim`) and change it here, or give it with
# --build-arg BASE=python:3.12-slim@sha256:...
ARG BASE=python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements-build.txt requirements.txt ./
RUN python -m pip install --quiet --require-hashes -r requirements-build.txt
RUN python -m venv --without-pip /opt/gate
RUN python -m pip --python /opt/gate/bin/python install --quiet --no-compile \
    --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY gate gate
RUN python -m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /wheel .
RUN python -m pip --python /opt/gate/bin/python install --quiet --no-compile \
    --no-deps --no-index /wheel/*.whl
# Extras, e.g. latency,suite. Lock what they need first: make lock EXTRAS="latency suite". Nothing is
# fetched here: this fails where the lock lacks something.
ARG EXTRAS=""
RUN python -m pip --python /opt/gate/bin/python install --quiet \
    --no-index "cloud-run-gate[${EXTRAS}]"
RUN /opt/gate/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/gate/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="cloud-run-gate" org.opencontainers.image.licenses="Apache-2.0"
# The base comes without bytecode of Python's own library, which each start would compile anew.
RUN python -m compileall -q -j 0 -x '/(test|tests|idlelib|lib2to3|site-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/gate /opt/gate
ENV PATH=/opt/gate/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ARG UID=65532
USER ${UID}:${UID}
WORKDIR /workspace
ENTRYPOINT ["gate"]
