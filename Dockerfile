# Serves an exported model to programs:
#
#     docker build --tag didan .
#     docker run --read-only --tmpfs /tmp --publish 127.0.0.1:7860:7860 --volume "$PWD/calls.onnx:/model.onnx:ro" didan
#
# Neither torch nor the page is in it. A token: --env DIDAN_TOKEN.
FROM python:3.11-slim AS build
COPY . /didan
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /didan

FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY docker/requirements.txt constraints.txt /requirements/
RUN python -m pip install --no-cache-dir --only-binary :all: \
    --constraint /requirements/constraints.txt --requirement /requirements/requirements.txt
COPY --from=build /wheels /wheels
# Without its dependencies, of which torch is one.
RUN python -m pip install --no-cache-dir --no-deps /wheels/*.whl
USER 65534:65534
WORKDIR /tmp
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["didan", "serve", "--api", "--host", "0.0.0.0", "--port", "7860"]
CMD ["/model.onnx"]
