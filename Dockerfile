# One image with every binary; each service of docker-compose.yml runs one of them.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libpq-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY tests tests
COPY migrations migrations
COPY openapi openapi
# The commit that `--version` names: `docker build --build-arg SOURCE_COMMIT=$(git rev-parse HEAD) .`
ARG SOURCE_COMMIT=
RUN cargo build --release --locked -p api -p worker -p graph-sim -p promotion-cli

# Exact tags; see docker-compose.yml for why no digest stands behind them.
FROM debian:12.12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home promotion
COPY --from=build /source/target/release/promotion-api /usr/local/bin/
COPY --from=build /source/target/release/promotion-worker /usr/local/bin/
COPY --from=build /source/target/release/promotionctl /usr/local/bin/
COPY --from=build /source/target/release/graph-sim /usr/local/bin/
USER 10001
CMD ["promotionctl", "--help"]
