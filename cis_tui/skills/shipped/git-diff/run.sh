#!/bin/sh
# Words are the path and what to compare with. Nothing that the repository's configuration names is started.
case ${2-} in -*) echo "a commit does not begin with a dash" >&2; exit 2 ;; esac
exec git -c core.fsmonitor=false -c 'safe.directory=*' --no-optional-locks --no-pager \
  diff --no-ext-diff --no-textconv --no-color ${2:+"$2"} -- "${1:-.}"
