"""The child: what runs inside the subprocess, in the interpreter of the function.

That may be an old CPython (3.8) in an environment where `workbench` is not installed, so this folder is started by
path, is written in the syntax of 3.8, imports nothing of ours and nothing heavy before it must. The parent imports
`protocol` and `values` from here: the wire format and the conversion of values have one definition each.
"""
