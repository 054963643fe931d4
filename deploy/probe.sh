#!/bin/bash
# Whether the process of this container is well; a dozen containers ask every few seconds, so that it must
# cost next to nothing. A Python interpreter would take longer to start than all of this.
#   probe answers      what serves: GET /livez is answered with 200
#   probe goes-round   a worker: its relay has touched the heartbeat file within the last half minute
set -eu

case "$1" in
answers)
  exec 3<>/dev/tcp/127.0.0.1/8000
  printf 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nConnection: close\r\n\r\n' >&3
  read -r _ status _ <&3
  [ "$status" = 200 ]
  ;;
goes-round)
  beats=(/tmp/doorward-*-worker.alive)
  [ $(($(date +%s) - $(stat --format %Y "${beats[0]}"))) -lt 30 ]
  ;;
*) exit 2 ;;
esac
