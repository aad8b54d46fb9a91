# The operator's image, also the image of its prepare and verify steps. It holds what the project's own image
# writer puts into it where there is no Docker (scripts/images/operator.ts); both run the same slim-*.sh.
#
# BASE is any Debian. Where outgoing TLS is signed anew by a company's own authority, give its certificate:
#   docker build --secret id=ca,src=company.pem .
ARG BASE=debian:bookworm-slim
# Of it the client alone, for builds with a daemon that runs elsewhere.
ARG BUILDKIT=moby/buildkit:v0.32.2-rootless

FROM ${BUILDKIT} AS buildkit

FROM ${BASE} AS npm
USER 0
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates npm
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

# Everything, the compiler and Node itself among it. Then once more with that Node: npm leaves out what the one it runs
# on is too old for, and Debian's is.
FROM npm AS build
RUN --mount=type=secret,id=ca \
    if [ -e /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci && PATH="/app/node_modules/.bin:$PATH" npm install --no-save
COPY tsconfig.json tsconfig.build.json rolldown.config.ts ./
COPY src src
RUN npm run build && npm run bundle

FROM npm AS packages
RUN --mount=type=secret,id=ca --mount=type=bind,source=scripts/images,target=/mnt \
    if [ -e /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci --omit=dev --ignore-scripts && sh /mnt/slim-packages.sh

FROM ${BASE}
USER 0
RUN --mount=type=bind,source=scripts/images,target=/mnt \
    apt-get update && apt-get install -y --no-install-recommends ca-certificates git openssh-client openssl \
    && sh /mnt/slim-system.sh
COPY --from=build /app/node_modules/node/bin/node /usr/local/bin/node
COPY --from=buildkit /usr/bin/buildctl /usr/local/bin/buildctl
COPY --from=packages /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY package.json /app/
ENV HOME=/tmp NODE_ENV=production
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/main.js"]
