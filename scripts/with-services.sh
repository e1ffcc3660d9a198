#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL and a private Redis on free ports:
#   scripts/with-services.sh cargo test --workspace
# The command finds them in PARTA_TEST_POSTGRES and PARTA_TEST_REDIS. Both servers and their files are gone
# afterwards, however the command ends.
set -euo pipefail

folder=$(mktemp -d "${TMPDIR:-/tmp}/parta-services.XXXXXX")
postgres_pid= redis_pid=

stop() {
    status=$?
    trap '' INT TERM
    # Everything that asked it failed then, and this says why.
    if [ -n "$postgres_pid" ] && ! kill -0 "$postgres_pid" 2>/dev/null; then
        echo 'PostgreSQL ended before the command did:' >&2
        tail -n 20 "$folder/postgres.log" >&2
        df -h "$folder" >&2
    fi
    [ -z "$postgres_pid" ] || kill -INT "$postgres_pid" 2>/dev/null || true
    [ -z "$redis_pid" ] || kill -TERM "$redis_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# initdb and postgres refuse to work for root.
unprivileged=()
if [ "$(id -u)" = 0 ]; then
    user=nobody
    id postgres >/dev/null 2>&1 && user=postgres
    unprivileged=(setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups)
    chmod 711 "$folder"
fi

postgres_bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
[ -x "$postgres_bin/postgres" ] || postgres_bin=$(dirname "$(command -v postgres)")
mkdir "$folder/postgres" "$folder/redis"
[ ${#unprivileged[@]} = 0 ] || chown "$user" "$folder/postgres"
data=$folder/postgres/data
(
    cd "$folder/postgres"
    "${unprivileged[@]}" "$postgres_bin/initdb" --pgdata="$data" --username=parta --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1
) || { cat "$folder/initdb.log" >&2 && exit 1; }

# Nothing here has to survive a crash, so nothing waits for the disk, and the log is kept short.
run_postgres() {
    exec "${unprivileged[@]}" "$postgres_bin/postgres" -D "$data" -p "$port" -h 127.0.0.1 \
        -k "$folder/postgres" -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c max_connections=300 -c wal_level=minimal -c max_wal_senders=0 -c min_wal_size=80MB -c max_wal_size=128MB
}
run_redis() {
    exec redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$folder/redis/socket" \
        --save '' --appendonly no --dir "$folder/redis"
}
# Asked on sockets of their own: whoever was faster may answer on the port.
postgres_is_ready() { "$postgres_bin/pg_isready" -q -h "$folder/postgres" -p "$port" -U parta -d postgres; }
redis_is_ready() { redis-cli -s "$folder/redis/socket" ping >/dev/null 2>&1; }

# Starts a server on a free port and waits for it. Between finding the port and using it another process may take it:
# then it is another port's turn.
start() {
    for ((ports = 1; ; ports++)); do
        port=$(free_port)
        "run_$1" >"$folder/$1.log" 2>&1 &
        declare -g "$1_pid=$!"
        for ((tries = 0; tries < 300; tries++)); do
            "$1_is_ready" && return
            kill -0 $! 2>/dev/null || break
            sleep 0.1
        done
        if ((ports == 5)) || ! grep -q 'Address already in use' "$folder/$1.log"; then
            cat "$folder/$1.log" >&2
            exit 1
        fi
    done
}

start postgres
export PARTA_TEST_POSTGRES="postgres://parta@127.0.0.1:$port/postgres"
start redis
export PARTA_TEST_REDIS="redis://127.0.0.1:$port/"
"$@"
