# Sourced by scripts/test and scripts/services: installs, starts and stops private real servers on 127.0.0.1.
# Each server lives in its own folder below $servers (pid, port, data and log), so another process can stop it.
# Every start_* function returns non-zero after one line in $why when its server can't be had.
# shellcheck shell=bash disable=SC2034

: "${root:?the repository}" "${servers:?the folder of the servers}"
why=

have() { command -v "$1" >/dev/null 2>&1; }

# debian PACKAGE...: installs packages when that is allowed, with the lists updated once a run.
debian() {
  if [ "$(id -u)" != 0 ] || ! have apt-get; then
    why="$1 is not installed, and only root on Debian may install it"
    return 1
  fi
  if [ ! -e "$servers/apt-updated" ]; then
    apt-get update -qq >"$servers/apt.log" 2>&1 || { why='apt-get update fails'; return 1; }
    touch "$servers/apt-updated"
  fi
  # RUNLEVEL keeps the packages' own services down: only private servers are wanted.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$servers/apt.log" 2>&1 ||
    { why="no Debian package $*"; return 1; }
}

# need COMMAND PACKAGE...: the command, or its packages.
need() {
  have "$1" || debian "${@:2}" || return 1
  hash -r
  have "$1" || { why="no $1"; return 1; }
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: below the range from which the kernel takes ports for outgoing connections; each is given out once.
free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + 2 * (RANDOM % 4500))) # even: the one above it belongs to the same server
    if ! listening "$port" && ! listening "$((port + 1))" && mkdir "$servers/.port-$port" 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  return 1
}

running() { [ -s "$servers/$1/pid" ] && kill -0 "$(cat "$servers/$1/pid")" 2>/dev/null; }

port_of() { cat "$servers/$1/port"; }

# launch NAME COMMAND...: in a session of its own, so that Ctrl-C reaches the script and not the server.
launch() {
  local dir=$servers/$1
  setsid "${@:2}" >>"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
}

# ready NAME COMMAND...: waits until the command succeeds; gives up when the server has ended or 40 s are over.
ready() {
  local name=$1
  for _ in $(seq 200); do
    running "$name" || { why="$name ended: $(tail -n 1 "$servers/$name/log")"; return 1; }
    ! "${@:2}" >/dev/null 2>&1 || return 0
    sleep 0.2
  done
  why="$name is not ready after 40 s"
  return 1
}

stop_server() {
  local dir=$servers/$1 pid
  [ -s "$dir/pid" ] || return 0
  pid=$(cat "$dir/pid")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

stop_servers() {
  local pid
  # All are asked before the first is waited for.
  for pid in "$servers"/*/pid; do
    [ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
  done
  for pid in "$servers"/*/pid; do
    [ ! -e "$pid" ] || stop_server "$(basename "$(dirname "$pid")")"
  done
}

new_server() {
  mkdir -p "$servers/$1/data"
  [ -s "$servers/$1/port" ] || free_port >"$servers/$1/port"
}

start_redis() {
  running redis && return
  need redis-server redis-server || return 1
  new_server redis
  launch redis redis-server --port "$(port_of redis)" --bind 127.0.0.1 --dir "$servers/redis/data" --save '' --appendonly "${append_only:-no}"
  ready redis redis-cli -p "$(port_of redis)" ping
}

# start_cluster: three masters that share the slots.
start_cluster() {
  local node nodes=()
  need redis-server redis-server || return 1
  for node in cluster-1 cluster-2 cluster-3; do
    if ! running "$node"; then
      new_server "$node"
      launch "$node" redis-server --port "$(port_of "$node")" --cluster-port "$(($(port_of "$node") + 1))" --bind 127.0.0.1 \
        --dir "$servers/$node/data" --save '' --cluster-enabled yes --cluster-node-timeout 2000
    fi
    ready "$node" redis-cli -p "$(port_of "$node")" ping || return 1
    nodes+=("127.0.0.1:$(port_of "$node")")
  done
  if ! cluster_ok; then
    redis-cli --cluster create "${nodes[@]}" --cluster-yes >>"$servers/cluster-1/log" 2>&1 || { why='redis-cli --cluster create fails'; return 1; }
  fi
  ready cluster-1 cluster_ok
}

cluster_ok() {
  local node
  for node in cluster-1 cluster-2 cluster-3; do
    redis-cli -p "$(port_of "$node")" cluster info 2>/dev/null | grep -q cluster_state:ok || return 1
  done
}

start_mariadb() {
  local dir=$servers/mariadb user=()
  running mariadb && return
  need mariadbd mariadb-server || return 1
  new_server mariadb
  [ "$(id -u)" != 0 ] || user=(--user=root)
  if [ ! -d "$dir/data/mysql" ]; then
    mariadb-install-db --no-defaults "${user[@]}" --datadir="$dir/data" --auth-root-authentication-method=normal --skip-test-db >"$dir/log" 2>&1 ||
      { why="mariadb-install-db: $(tail -n 1 "$dir/log")"; return 1; }
  fi
  launch mariadb mariadbd --no-defaults "${user[@]}" --datadir="$dir/data" --port="$(port_of mariadb)" --bind-address=127.0.0.1 \
    --socket="$dir/sock" --pid-file="$dir/mariadbd.pid" --character-set-server=utf8mb4 --default-time-zone=+00:00 \
    --max-connections=800 --innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=2 --skip-name-resolve
  ready mariadb mariadb-admin --no-defaults -uroot --socket="$dir/sock" ping || return 1
  mariadb --no-defaults -uroot --socket="$dir/sock" >>"$dir/log" 2>&1 <<'SQL' || { why='MariaDB refuses the test account'; return 1; }
CREATE DATABASE IF NOT EXISTS barrage;
CREATE USER IF NOT EXISTS barrage@'127.0.0.1' IDENTIFIED BY 'barrage';
GRANT ALL ON *.* TO barrage@'127.0.0.1';
SQL
}

start_kafka() {
  local said
  running kafka && return
  need java openjdk-17-jre-headless && need mvn maven || return 1
  new_server kafka
  said=$("$root/scripts/kafka-run" start "$servers/kafka" "$(port_of kafka)" 2>&1 >/dev/null) || { why=${said##*$'\n'}; why=${why#kafka-*: }; return 1; }
}

# tools: programs that are built once and kept, by version.
tools=${BARRAGE_TOOLS:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/barrage}
s3_module=github.com/versity/versitygw/cmd/versitygw@v1.8.0
s3_gateway=$tools/versitygw-1.8.0/versitygw

# build_s3: over a minute on two cores the first time.
build_s3() {
  [ ! -x "$s3_gateway" ] || return 0
  mkdir -p "$tools"
  GOFLAGS=-mod=mod GOBIN=$(dirname "$s3_gateway") go install "$s3_module" >"$servers/s3-build.log" 2>&1 ||
    { why="$s3_module can't be built: $(tail -n 1 "$servers/s3-build.log")"; return 1; }
}

# start_s3: a gateway that checks signatures, as S3 does and the embedded fake does not. Attributes of objects lie in files
# beside them, as not every file system keeps attributes.
start_s3() {
  running s3 && return
  build_s3 || return 1
  new_server s3
  mkdir -p "$servers/s3/attributes"
  launch s3 env ROOT_ACCESS_KEY_ID=barrage ROOT_SECRET_ACCESS_KEY=barrage-secret "$s3_gateway" --quiet \
    --port "127.0.0.1:$(port_of s3)" posix --sidecar "$servers/s3/attributes" "$servers/s3/data"
  ready s3 listening "$(port_of s3)"
}

# chdb is ClickHouse's own engine as a Python library: there is no ClickHouse server in Debian that is young enough.
chdb=chdb-core==26.9.0
chdb_folder=$tools/${chdb//==/-}

# build_clickhouse: a download of over a hundred megabytes the first time. It installs no Debian package, so it may run
# beside what does.
build_clickhouse() {
  [ ! -x "$chdb_folder/ready" ] || return 0
  python3 -c 'import ensurepip' 2>/dev/null || { why='no python3 with venv'; return 1; }
  rm -rf "$chdb_folder"
  mkdir -p "$tools"
  { python3 -m venv "$chdb_folder" && "$chdb_folder/bin/pip" install --quiet --no-deps --disable-pip-version-check "$chdb"; } >"$servers/clickhouse-build.log" 2>&1 ||
    { why="$chdb can't be installed: $(tail -n 1 "$servers/clickhouse-build.log")"; return 1; }
  install -m 755 /dev/null "$chdb_folder/ready"
}

start_clickhouse() {
  running clickhouse && return
  python3 -c 'import ensurepip' 2>/dev/null || debian python3 python3-venv || return 1
  build_clickhouse || return 1
  new_server clickhouse
  launch clickhouse "$chdb_folder/bin/python" "$root/scripts/clickhouse-engine" "$(port_of clickhouse)" "$servers/clickhouse/data"
  ready clickhouse listening "$(port_of clickhouse)"
}

clickhouse_url() { echo "http://127.0.0.1:$(port_of clickhouse)"; }

s3_url() { echo "http://barrage:barrage-secret@127.0.0.1:$(port_of s3)"; }

mysql_url() { echo "mysql://barrage:barrage@127.0.0.1:$(port_of mariadb)/barrage"; }

cluster_addrs() { echo "127.0.0.1:$(port_of cluster-1),127.0.0.1:$(port_of cluster-2),127.0.0.1:$(port_of cluster-3)"; }
