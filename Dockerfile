# One recipe, four images: `docker build --target writer .`, and `resolver`, `reconciler`, `tools`.
#
# What is inside comes from uv.lock, the builder of the wheel too. Nothing is written at run time:
# each runs as 10001, on a read-only root. Two builds make the same files (tests/ops/test_images.py).
ARG PYTHON=3.11.14-slim-bookworm

FROM docker.io/library/python:${PYTHON} AS python
# The image has what Python compiled; as somebody else than root it could not keep it anyway.
ENV PATH=/opt/cqar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

FROM python AS locked
ARG UV_VERSION=0.13.9
# Compiled files name their source's hash, not its time, which differs with every build.
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/cqar \
    UV_PYTHON_DOWNLOADS=never
RUN python3 -m venv /opt/uv \
 && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==${UV_VERSION}
WORKDIR /src
# What a writer and a resolver may be set to use; without what only builds, tests or serves `cqar up`.
ENV SERVICE="--extra writer --extra native --extra otel --extra replica"
# What others wrote changes seldom: a layer of its own, of uv.lock alone.
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv sync --frozen --no-dev $SERVICE --no-install-project

# uv notes when it built; two builds are to be alike.
FROM locked AS build
# A build sees no tags: it is told what it builds, by compose.yaml and by whoever releases.
ARG VERSION=0.1.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-dev $SERVICE --no-editable \
 && sed -i '/uv_cache.json/d' /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/RECORD \
 && rm /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/uv_cache.json

# The command line; only who imports needs ccxt.
FROM locked AS build-tools
ARG VERSION=0.1.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra import --no-editable \
 && sed -i '/uv_cache.json/d' /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/RECORD \
 && rm /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/uv_cache.json

# What asks venues has no driver of a database, of NATS or of Redis that it would use.
FROM locked AS build-reconciler
ARG VERSION=0.1.0
ENV SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION}
COPY . .
RUN /opt/uv/bin/uv sync --frozen --no-dev --extra reconciler --no-editable \
 && sed -i '/uv_cache.json/d' /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/RECORD \
 && rm /opt/cqar/lib/python3*/site-packages/cqar-*.dist-info/uv_cache.json

# The folders belong to whom the services run as, and so do the volumes that are made from them.
FROM python AS service
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/cqar /run/cqar
COPY --from=build /opt/cqar /opt/cqar
WORKDIR /
USER 10001:10001

# The migrations come with it: `cqar-migrate upgrade`.
FROM service AS writer
EXPOSE 9090 8080
ENTRYPOINT ["cqar-writer"]
CMD ["serve"]

FROM service AS resolver
EXPOSE 9091 8081
ENTRYPOINT ["cqar-resolver"]
CMD ["serve"]

FROM python AS reconciler
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/cqar
COPY --from=build-reconciler /opt/cqar /opt/cqar
WORKDIR /
USER 10001:10001
EXPOSE 8082
ENTRYPOINT ["cqar-reconciler"]
CMD ["serve"]

FROM python AS tools
COPY --from=build-tools /opt/cqar /opt/cqar
WORKDIR /
USER 10001:10001
ENTRYPOINT ["cqar"]
CMD ["--help"]
