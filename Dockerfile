# Chater UI's load test. `docker run IMAGE --host http://… --users 50 --spawn-rate 5 --run-time 5m --headless`
# A tag moves: for an image that can be built again as it is, give the digest that it stands for today,
#   docker build --build-arg PYTHON=3.13-slim@sha256:... .
# and renew it, with `make lock`, each month and whenever the base has a fix: `docker buildx imagetools inspect python:3.13-slim`
# prints it. None stands here, because it has to be read from the registry that you trust.
ARG PYTHON=3.13-slim

FROM python:${PYTHON} AS builder
WORKDIR /build
COPY requirements-image.lock .
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv install --no-cache-dir --no-compile --only-binary :all: \
       --require-hashes -r requirements-image.lock \
    && find /opt/venv -depth -type d \( -name tests -o -name test \) -exec rm -rf {} +
COPY locustfile.py image.png /app/
COPY proto /app/proto
COPY tests/contract/cases.toml /app/tests/contract/
COPY chaterload /app/chaterload
# The root file system is read-only when it runs, so bytecode is made here. Nothing changes these files
# afterwards, so Python need not compare them with their sources at every start.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="chater-load-test" \
      org.opencontainers.image.description="Load test of Chater UI, with a verdict" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim"
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
# The base image has no bytecode of the standard library. One start leaves that of the modules in use: a good
# second less for every start to come. Report files with relative names go to the working directory.
RUN locust -f /app/locustfile.py --list \
    && install -d -o 10001 -g 10001 /results
# Without a login the web UI listens on 127.0.0.1, which in a container nobody reaches. So it listens on each address here,
# and warns: publish its port on 127.0.0.1 alone, or set LOCUST_WEB_USERNAME and LOCUST_WEB_PASSWORD.
ENV PYTHONDONTWRITEBYTECODE=1 \
    LOCUST_WEB_HOST=* \
    HOME=/tmp
# A number, so that Kubernetes can see that it is not root. No file here depends on it: any other will do.
USER 10001:10001
WORKDIR /results
# the web UI; the workers' way to their master
EXPOSE 8089 5557
# Arguments replace CMD alone. `args: ["--master"]` must not be headless, so --headless is no part of ENTRYPOINT.
ENTRYPOINT ["locust", "-f", "/app/locustfile.py"]
CMD ["--headless"]
