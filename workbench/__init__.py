"""An interactive workbench for Python UDFs: package, register, run live in a subprocess, watch, hand over."""
