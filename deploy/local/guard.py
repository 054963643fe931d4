"""Becomes another program that does not outlive the runner. Run by path, with ``python -I -S``.

    guard.py PARENT SIGNAL USER GROUP REACH COMMAND...

PARENT is the runner's process id, SIGNAL what this process gets when the runner dies (Linux only).
USER and GROUP are numbers to become, or `-`. REACH is `yes` where that user may pass through folders
that only root may: PostgreSQL refuses to be root, and the folder of the project may be root's alone.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1  # pass through and open everything: what a container leaves its root
CAP_DAC_READ_SEARCH = 2  # pass through and read everything: enough, and less
SECBIT_NO_SETUID_FIXUP = 4
CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Take the identity, tie the life to the parent's, become the command."""
    parent, death_signal, user, group, reach, *command = arguments
    if user != "-":
        become(int(user), int(group), keeps_reach=reach == "yes")
    if sys.platform == "linux":
        # After the identity, since a change of it unties the life again.
        libc().prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(1)  # the runner died before the line above
    os.execv(command[0], command)  # noqa: S606


def become(user: int, group: int, *, keeps_reach: bool) -> None:
    """Be that user from now on, with no more power than asked for."""
    if keeps_reach:
        # Without this the change of user takes the capabilities away, and access(2), with which
        # PostgreSQL looks for its own program, leaves them out of account.
        libc().prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if keeps_reach and not (_keep_only(CAP_DAC_READ_SEARCH) or _keep_only(CAP_DAC_OVERRIDE)):
        sys.exit("The server's user may not pass through to its files; move the project elsewhere.")


def _keep_only(capability: int) -> bool:
    """Keep one capability over the coming exec and drop all others (capabilities(7))."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << capability
    # Effective, permitted and inheritable, the lower 32 capabilities first.
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    if libc().capset(header, sets) != 0:
        return False
    return bool(libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
