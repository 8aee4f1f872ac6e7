#!/bin/sh
# Starts Redis in a container; before that, cuts off what a kill in mid-write has torn (docs/adr/0019).
#   redis-start.sh [arguments of the image's own entry point]
folder=${REDIS_DATA:-/data}
files=$folder/appendonlydir
manifest=$files/appendonly.aof.manifest

# Whether Redis refuses the file because its end is torn. The tool alone cannot tell that from a damaged middle, behind
# which acknowledged writes stand, and would cut there as well.
ends_torn() {
  said=$(mktemp) || return 1
  redis-server --port 0 --unixsocket "$said.sock" --save '' --dir "$folder" --appendonly yes \
    --aof-load-truncated no >"$said" 2>&1 &
  probe=$!
  until grep -qi 'ready to accept' "$said" || ! kill -0 $probe 2>/dev/null; do sleep 0.1; done
  kill $probe 2>/dev/null
  wait $probe
  grep -q 'Unexpected end of file' "$said"
  torn=$?
  rm -f "$said" "$said.sock"
  return $torn
}

# Whether no transaction is whole in what the tool ($1 is what it said) would cut off. One that is was acknowledged: an
# earlier tear was written over, or the tool minds what Redis does not.
cuts_the_tear_alone() {
  where=$(printf '%s\n' "$1" | sed -n 's/^AOF analyzed: filename=\(.*\), size=.*diff=\([0-9]*\)$/\2 \1/p' | tail -n 1)
  [ -n "$where" ] || return 1
  # The x: an end that lacks its last byte is torn, too.
  { tail -c "${where%% *}" "$files/${where#* }" && echo x; } | grep -q "^EXEC$(printf '\r')\$" && return 1
  return 0
}

if [ ! -f "$manifest" ]; then
  for file in "$files"/*.incr.aof; do
    [ -s "$file" ] || continue
    echo "$file holds data but there is no $manifest, without which Redis would forget it:" \
      'restore that file from a copy, or move the folder away to start with nothing.' >&2
    exit 1
  done
elif ! found=$(redis-check-aof "$manifest" 2>&1); then
  if cuts_the_tear_alone "$found"; then
    ends_torn && echo y | redis-check-aof --fix "$manifest" | grep 'shrink\|uccess'
  else
    echo "redis-check-aof finds fault with $manifest long before its end. Do not let it --fix that: it would cut off" \
      'acknowledged operations. Make a copy of the folder, then look.' >&2
  fi
fi
# The official image's own, which gives up root.
if command -v docker-entrypoint.sh >/dev/null; then exec docker-entrypoint.sh "$@"; fi
exec redis-server "$@"
