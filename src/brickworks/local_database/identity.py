"""Whom a server runs as, and whose its files are: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brickworks.local_database.cluster import Cluster, binaries
from brickworks.settings import Problem


@dataclass(frozen=True)
class Identity:
    """How a server process becomes somebody who is not root.

    Attributes:
        uid: The user it runs as, and whose its files are.
        gid: The group.
        prefix: Words before each command.
        drops: Whether root has to become this user first.
    """

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    drops: bool = False

    def run(self, command: list[str], **options: Any) -> int:  # noqa: ANN401
        """Run a command as this identity, in a session of its own.

        Args:
            command: Program and arguments.
            **options: Options of `subprocess.run`.

        Returns:
            Its exit code.
        """
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


def identity_for(cluster: Cluster) -> Identity:
    """Choose whom the server runs as.

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
        return Identity(uid, gid)
    fallback = next((n for n in ("nobody", "postgres") if _find_user(n)), None)
    candidates = [*(_users_to_become(cluster) if uid == 0 else [])]
    if fallback:
        stranger = pwd.getpwnam(fallback)
        prefix = (
            *("unshare", "--user", f"--map-user={stranger.pw_uid}"),
            *(f"--map-group={stranger.pw_gid}", "--"),
        )
        candidates.append(Identity(uid, gid, prefix=prefix))
    for candidate in candidates:
        if _can_reach(candidate, cluster):
            return candidate
    raise Problem(
        "PostgreSQL refuses to run as root, and no other user can reach "
        f"{cluster.directory}: run this as an ordinary user, or move the project to a "
        "directory that others may enter."
    )


def _users_to_become(cluster: Cluster) -> list[Identity]:
    if cluster.data.exists():
        owner = cluster.data.stat()
        if owner.st_uid == 0:
            return []  # Made in a user namespace before: stay there.
        return [Identity(owner.st_uid, owner.st_gid, drops=True)]
    project_owner = cluster.directory.absolute().parent.stat().st_uid
    users = [_find_user(name) for name in ("postgres", "nobody")]
    if project_owner != 0 and _has_name(project_owner):
        users.insert(0, pwd.getpwuid(project_owner))
    return [Identity(user.pw_uid, user.pw_gid, drops=True) for user in users if user]


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


def _can_reach(identity: Identity, cluster: Cluster) -> bool:
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


def hand_over(directory: Path, identity: Identity) -> None:
    """Give a directory tree to the identity the server will run as."""
    if os.geteuid() != 0 or directory.stat().st_uid == identity.uid:
        return
    for folder, _, files in os.walk(directory):
        for name in ("", *files):
            path = Path(folder) / name
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def give_to_project_owner(path: Path, cluster: Cluster) -> None:
    """Leave nothing of root's in a checkout that is somebody else's."""
    owner = cluster.directory.absolute().parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0 and path.stat().st_uid == 0:
        os.chown(path, owner.st_uid, owner.st_gid)
