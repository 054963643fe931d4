"""How many files a process may have open: each connection is one, and the usual limit suits a shell."""

import resource

MOST = 65_536  # what systems without a limit of their own are asked for


def allow_many() -> None:
    """Raise the soft limit of this process, and of those that it starts, to the hard one (getrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
