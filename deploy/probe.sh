#!/bin/bash
# Whether the process of this container is well; a dozen containers ask every few seconds, so that it must
# cost next to nothing. A Python interpreter would take longer to start than all of this.
#   probe answers      what serves: GET /livez is answered with 200
#   probe goes-round   a worker: its relay has touched the heartbeat file within the last half minute
set -eu

case "$1" in
answers)
  # The gateway may speak TLS on its port, and never does on the one for metrics, which knows its health too.
  port=${GATEWAY_TLS_CERTIFICATE_FILE:+${GATEWAY_METRICS_PORT:-9090}}
  port=${port:-8000}
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port" >&3
  read -r _ status _ <&3
  [ "$status" = 200 ]
  ;;
goes-round)
  beats=(/tmp/doorward-*-worker.alive)
  [ $(($(date +%s) - $(stat --format %Y "${beats[0]}"))) -lt 30 ]
  ;;
*) exit 2 ;;
esac
