#!/bin/sh
# NAME: a skill for cis. The words of the call are $1, $2 …; all of it, as JSON, is on stdin. What is printed is the answer,
# what goes to stderr is shown while it runs. Programs such as sed have to be named in `command` of the manifest.
echo "greeting ${1:-you}" >&2
echo "hello, ${1:-you}"
