# docker build -t discmri .
# docker run --rm --network none -v "$PWD:/data" discmri measure /data/study -o /data/results
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/discmri
COPY requirements-runtime.lock ./
RUN /opt/discmri/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
# --build-arg VERSION=0.2.0 names the release: there is no git here to ask for its tag
ARG VERSION=
RUN SETUPTOOLS_SCM_PRETEND_VERSION=$VERSION /opt/discmri/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --create-home reader
COPY --from=build /opt/discmri /opt/discmri
ENV PATH=/opt/discmri/bin:$PATH MPLCONFIGDIR=/tmp/matplotlib
USER reader
WORKDIR /data
ENTRYPOINT ["discmri"]
CMD ["--help"]
