"""The fixtures that all tests share: one file per topic beside this one, named ``fix_<topic>.py``."""

pytest_plugins = (
    "fix_canary",
    "fix_home",
    "fix_index",
    "fix_leaks",
    "fix_processes",
    "fix_pythons",
    "fix_session",
    "fix_stand_ins",
)
