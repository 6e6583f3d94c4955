# The sources are compiled in the first stage; the image has the package and its runtime dependencies only.
FROM node:24-slim AS build
# the embedded store is over 500 MB; --build-arg WITHOUT= makes an image with it
ARG WITHOUT="--omit=optional"
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/generate.ts --quick \
 && node scripts/build.ts \
 && cp package-lock.json dist/ \
 && npm prune --omit=dev $WITHOUT --ignore-scripts \
 && mv node_modules dist/node_modules

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /src/dist ./
COPY configs/container.yaml /etc/weir/config.yaml
USER node
# OTLP/gRPC, OTLP/HTTP, health, own metrics
EXPOSE 4317 4318 13133 8888
ENTRYPOINT ["node", "/app/cmd/weir/main.js"]
CMD ["--config", "/etc/weir/config.yaml"]
