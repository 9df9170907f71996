# `obriy serve` for those who would rather not install it:
#
#   docker build -t obriy .
#   docker run --init -p 127.0.0.1:8080:8080 -e OBRIY_TOKEN=a-long-secret -v obriy-runs:/runs obriy
#
# It listens to all that reach the container, so it asks everybody for the token: that of OBRIY_TOKEN,
# else one that it makes and prints with its address. There is no encryption: published beyond this
# machine, it wants a proxy with TLS before it. Any other command: `docker run ... obriy water --help`.
FROM python:3.11-slim

# rasterio's wheel brings GDAL and PROJ, and takes this from the system.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libexpat1 \
 && rm -rf /var/lib/apt/lists/*

ARG EXTRAS=web,access,modis
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-cache-dir ".[${EXTRAS}]" && rm -rf /build

RUN useradd --create-home --uid 10001 obriy \
 && install -d -o obriy -g obriy /runs
USER obriy
WORKDIR /runs
VOLUME /runs
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8080), 3)"]
ENTRYPOINT ["obriy"]
CMD ["serve", "/runs", "--host", "0.0.0.0", "--port", "8080"]
