#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own: scripts/postgres.sh cargo test -p convostore --features postgres,testing
#
# Starts a cluster in a temporary folder, on a socket there and on no port, as a user that is not root (initdb refuses root), sets
# CONVOSTORE_TEST_POSTGRES_URL to a role that is no superuser (row-level security is nothing to those), runs the command, and stops the server,
# whatever becomes of the command. Debian's `postgresql` is installed where it is missing and this is root.
#
# With --pgbouncer as the first argument the URL leads through PgBouncer in transaction mode, which has no prepared statements before its version
# 1.21; Debian's `pgbouncer` is installed in the same way.
#
# CONVOSTORE_TEST_POSTGRES_URL, if set before, names the server to use instead. With CONVOSTORE_SKIP_POSTGRES=1 there is none, said aloud at the end.
set -euo pipefail

pooled=
if [ "${1:-}" = --pgbouncer ]; then
	pooled=1
	shift
fi
if [ $# -eq 0 ]; then
	echo "usage: scripts/postgres.sh [--pgbouncer] COMMAND [ARGUMENT …]" >&2
	exit 2
fi
if [ -n "${CONVOSTORE_TEST_POSTGRES_URL:-}" ]; then
	exec "$@"
fi
if [ "${CONVOSTORE_SKIP_POSTGRES:-}" = 1 ]; then
	"$@"
	echo "SKIPPED: nothing was tried on PostgreSQL (CONVOSTORE_SKIP_POSTGRES=1)" >&2
	exit 0
fi

# The folder of the server's programs, the newest version first. Debian keeps them off the PATH.
programs() {
	local folder
	for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb || echo /nowhere/x)"); do
		if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
			echo "$folder"
			return
		fi
	done
}

bin=$(programs)
if [ -z "$bin" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing postgresql" >&2
	# Without the cluster that Debian would make and start for the whole system.
	mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } >&2
	bin=$(programs)
fi
if [ -z "$bin" ]; then
	echo "no PostgreSQL server here: install it (Debian: apt-get install postgresql), set CONVOSTORE_TEST_POSTGRES_URL to one, or skip with CONVOSTORE_SKIP_POSTGRES=1" >&2
	exit 1
fi

if [ -n "$pooled" ] && ! command -v pgbouncer >/dev/null; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "no PgBouncer here: install it (Debian: apt-get install pgbouncer)" >&2
		exit 1
	fi
	echo "installing pgbouncer" >&2
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer; } >&2
fi

# As whom: initdb and postgres refuse root.
as=()
if [ "$(id -u)" = 0 ]; then
	user=nobody
	getent passwd postgres >/dev/null && user=postgres
	as=(runuser -u "$user" --)
fi

# A socket's path has at most about 100 bytes, so not below TMPDIR, whatever that is.
folder=$(mktemp -d /tmp/convostore-pg.XXXXXX)
chmod 755 "$folder"
mkdir "$folder/own"
[ ${#as[@]} -eq 0 ] || chown "$user" "$folder/own"
stop() {
	[ ! -s "$folder/own/pooler/pid" ] || kill "$(cat "$folder/own/pooler/pid")" 2>/dev/null || true
	(cd / && "${as[@]}" "$bin/pg_ctl" -D "$folder/own/data" -m immediate -w stop) >/dev/null 2>&1 || true
	rm -rf "$folder"
}
trap stop EXIT

(
	cd /
	"${as[@]}" "$bin/initdb" -D "$folder/own/data" -U postgres -A trust -E UTF8 --no-locale --no-sync
	# What a power cut leaves is not tried here, and a killed server loses nothing by this. Standbys of the tests start from what is kept.
	"${as[@]}" "$bin/pg_ctl" -D "$folder/own/data" -l "$folder/own/log" -w -o "-k $folder/own -c listen_addresses='' -c fsync=off -c max_connections=200 -c wal_keep_size=512MB" start
	"${as[@]}" "$bin/psql" -h "$folder/own" -U postgres -q -v ON_ERROR_STOP=1 -c "CREATE ROLE convostore LOGIN" -c "CREATE ROLE stranger LOGIN" -c "CREATE DATABASE convostore OWNER convostore"
) >"$folder/start.log" 2>&1 || {
	cat "$folder/start.log" >&2
	cat "$folder/own/log" >&2 2>/dev/null || true
	exit 1
}

export CONVOSTORE_TEST_POSTGRES_URL="postgresql://convostore@${folder//\//%2F}%2Fown/convostore"
if [ -n "$pooled" ]; then
	pooler=$folder/own/pooler
	# The second name leads to the same database by a pool of its own, for a test that has the server end its connections.
	mkdir "$pooler"
	printf '%s\n' "[databases]" "convostore = host=$folder/own user=convostore" \
		"convostore_apart = host=$folder/own user=convostore dbname=convostore" "[pgbouncer]" "unix_socket_dir=$pooler" "listen_addr=" "listen_port=5432" \
		"auth_type=any" "pool_mode=transaction" "default_pool_size=12" "max_client_conn=1000" "logfile=$pooler/log" "pidfile=$pooler/pid" >"$pooler/ini"
	[ ${#as[@]} -eq 0 ] || chown -R "$user" "$pooler"
	(cd / && "${as[@]}" "$(command -v pgbouncer)" -q -d "$pooler/ini")
	for _ in $(seq 50); do
		[ -S "$pooler/.s.PGSQL.5432" ] && break
		sleep 0.1
	done
	export CONVOSTORE_TEST_POSTGRES_URL="postgresql://convostore@${pooler//\//%2F}/convostore" CONVOSTORE_TEST_POSTGRES_UNPREPARED=1
fi
# For tests that kill the server and look into it as its superuser.
export CONVOSTORE_TEST_POSTGRES_DATA="$folder/own/data" CONVOSTORE_TEST_POSTGRES_BIN="$bin"
"$@"
