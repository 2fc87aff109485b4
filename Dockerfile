# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
# Compiled here, once: who runs the image may not write there, and would compile at every start.
ENV UV_COMPILE_BYTECODE=1
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
# The libraries first: they change less often than our code.
RUN uv sync --locked --no-dev --no-install-project --no-cache
COPY src src
RUN uv sync --locked --no-dev --no-editable --no-cache

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin headwater \
    && install --directory --owner headwater --group headwater --mode 700 /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    HEADWATER_DATA_DIR=/data \
    HEADWATER_HOST=0.0.0.0 \
    HEADWATER_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["headwater"]
CMD ["serve"]
