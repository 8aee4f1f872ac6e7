#!/bin/sh
# Starts Redis in a container; before that, cuts off what a kill in mid-write has torn (docs/adr/0019).
#   redis-start.sh [arguments of the image's own entry point]
folder=${REDIS_DATA:-/data}
manifest=$folder/appendonlydir/appendonly.aof.manifest

# Whether Redis refuses the file because its end is torn. The tool alone cannot tell that from a damaged middle, behind
# which acknowledged writes stand, and would cut there as well.
ends_torn() {
  said=$(mktemp)
  redis-server --port 0 --unixsocket "$said.sock" --save '' --dir "$folder" --appendonly yes \
    --aof-load-truncated no >"$said" 2>&1 &
  probe=$!
  until grep -q 'Ready to accept' "$said" || ! kill -0 $probe 2>/dev/null; do sleep 0.1; done
  kill $probe 2>/dev/null
  wait $probe
  grep -q 'Unexpected end of file' "$said"
}

if [ -f "$manifest" ] && ! found=$(redis-check-aof "$manifest" 2>&1); then
  case $found in
    # Torn before and then written on by a Redis that did not know of this: what it took would be cut off.
    *'Unexpected MULTI'* | *'Unexpected EXEC'*) ;;
    *) ends_torn && echo y | redis-check-aof --fix "$manifest" | grep 'shrink\|uccess' ;;
  esac
fi
# The official image's own, which gives up root.
if command -v docker-entrypoint.sh >/dev/null; then exec docker-entrypoint.sh "$@"; fi
exec redis-server "$@"
