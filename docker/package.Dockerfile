# Builds the Debian package in a Debian of its own, into /out. docker/package does it; its context has two archives, so
# that what is not compiled can change without compiling again: src.tar, and late.tar with everything else.
ARG SUITE=bookworm

FROM debian:${SUITE}-slim AS build
WORKDIR /build
COPY .packages ./
COPY packages .ci/
RUN .ci/packages build package && rm -rf /var/lib/apt/lists/*
ADD src.tar /build/
RUN cmake --preset package && cmake --build --preset package --target cr_app cr_host_mosquitto renewalctl
ADD late.tar /build/
RUN cmake --preset package && cmake --build --preset package --target package \
    && install -D -m 644 -t /out build/package/*.deb

# The same again elsewhere, for comparison.
FROM build AS again
WORKDIR /somewhere/else
ADD src.tar ./
RUN cmake --preset package && cmake --build --preset package --target cr_app cr_host_mosquitto renewalctl
ADD late.tar ./
RUN rm -r /out && cmake --preset package && cmake --build --preset package --target package \
    && install -D -m 644 -t /out build/package/*.deb
