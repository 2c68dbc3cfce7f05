# syntax=docker/dockerfile:1

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# docker build --build-arg VERSION="$(git describe --tags --always --dirty)" -t thoonkd .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /thoonkd ./cmd/thoonkd

FROM debian:bookworm-slim
# redis-server is what the embedded store runs where --redis names none; ca-certificates are for https to others.
RUN apt-get update \
	&& apt-get install -y --no-install-recommends ca-certificates redis-server \
	&& rm -rf /var/lib/apt/lists/* \
	&& useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin thoonkd \
	&& install -d -o thoonkd -g thoonkd -m 0700 /data
COPY --from=build /thoonkd /usr/local/bin/thoonkd
USER thoonkd
VOLUME /data
EXPOSE 8080
# Outside of loopback thoonkd serves only with --auth-key, so that nobody opens a store to the world by accident:
#   docker run -p 8080:8080 -v thoonkd:/data -v ./auth.key:/auth.key:ro -e THOONKD_AUTH_KEY=/auth.key thoonkd
# The key must be readable by uid 10001. All other settings are environment variables too: THOONKD_REDIS, and so on.
ENTRYPOINT ["thoonkd"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/data"]
