"""Where a child process begins: nothing here needs Django before it is set up."""

import django

from devices.handlers.process.watch import SharedWatch

TASKS = ""  # in place of a handler's name


def begin(name: str, owner: str, watch: SharedWatch, parent: int) -> None:
    """Run a handler, or tasks, until told to stop.

    Args:
        name: the handler's; TASKS: what handlers want done later.
        owner: what the process is called in the tables.
        watch: that the supervisor looks at.
        parent: the supervisor's process id.
    """
    django.setup()
    from devices.handlers.process import child, tasks

    if name == TASKS:
        tasks.run(watch, parent)
    else:
        child.run(name, owner, watch, parent)
