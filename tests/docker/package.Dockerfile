# What tests the Debian package (package.sh): nothing of this project is in it.
ARG SUITE=bookworm

FROM debian:${SUITE}-slim AS lint
RUN apt-get update && apt-get install -y --no-install-recommends lintian && rm -rf /var/lib/apt/lists/*

# A Debian with a broker in it, as one would come to it, with manual pages as on a machine.
FROM debian:${SUITE}-slim AS machine
RUN rm -f /etc/dpkg/dpkg.cfg.d/docker \
    && printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
         mosquitto man-db bash-completion procps bsdextrautils
